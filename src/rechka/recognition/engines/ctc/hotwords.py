"""Phrases that one stream prefers, as a machine over words.

A phrase raises the score with each of its words, so that its beginning survives in the
beam; where it is left before its end, what it gave is taken back.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rechka.recognition.engines.ctc.finding import Numbers
from rechka.recognition.engines.ctc.graph import Graph
from rechka.recognition.engines.ctc.phrases import Machine
from rechka.recognition.port import Hotword

__all__ = ["HotwordBoost"]

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


# Of a boost this much is given before its word is complete: enough to keep the word's
# beginning in the beam, too little to push all other words out of it.
_MOST_AHEAD = 5.0


class HotwordBoost:
    """The phrases of one stream. Words that are not in the vocabulary end a phrase's use.

    Args:
        hotwords: Phrases, and what each of their words adds to the score.
        graph: The vocabulary.
        lm_weight: Of the search.

    Attributes:
        machine: What `next_phrase` and `boosted` take.
    """

    def __init__(self, hotwords: Sequence[Hotword], graph: Graph, *, lm_weight: float) -> None:
        spelled = [(phrase.text.lower().split(), phrase.boost) for phrase in hotwords]
        known = graph.find(frozenset(word for words, _ in spelled for word in words))
        # Shorter phrases first: one that begins a longer one is then settled before it.
        usable = [
            ([known[word] for word in words], boost)
            for words, boost in sorted(spelled, key=lambda item: len(item[0]))
            if words and all(word in known for word in words)
        ]
        self._words = np.unique([word for words, _ in usable for word in words]).astype(np.int32)
        following, gain, self._pending = _machine(usable, self._words)
        nodes, lookahead = _boosted_nodes(usable, graph, lm_weight)
        self.machine: Machine = (nodes, lookahead, self._words, following, gain)

    @property
    def is_empty(self) -> bool:
        """Whether no phrase is of use."""
        return not len(self._words)

    @property
    def most_ahead(self) -> float:
        """The largest look-ahead of a node on the way to a phrase."""
        return float(self.machine[1].max(initial=0.0))

    @property
    def states(self) -> int:
        """How many states there are; 0 is that outside of all phrases."""
        return len(self._pending)

    def pending(self, states: Integers) -> Floats:
        """Return what an unfinished phrase has given so far, to be taken back at the end."""
        return self._pending[states]


def _machine(
    phrases: list[tuple[list[int], float]], words: Numbers
) -> tuple[Integers, Floats, Floats]:
    """Return next state and gain for each state and word, and what each state has pending."""
    column = {int(word): number for number, word in enumerate(words)}
    children: list[dict[int, int]] = [{}]
    given, settled = [0.0], [0.0]
    path: list[list[int]] = [[]]
    # Words of the longest phrase that is complete on the way to a state.
    complete = [0]
    for phrase, boost in phrases:
        state = 0
        for word in phrase:
            if word not in children[state]:
                children[state][word] = len(children)
                children.append({})
                given.append(given[state] + boost)
                settled.append(settled[state])
                path.append([*path[state], word])
                complete.append(complete[state])
            state = children[state][word]
        settled[state] = given[state]
        complete[state] = len(phrase)
    pending = np.array(given, dtype=np.float32) - np.array(settled, dtype=np.float32)
    following = np.zeros((len(children), len(words) + 1), dtype=np.int64)
    gain = np.repeat(-pending[:, None], len(words) + 1, axis=1)
    for state, below in enumerate(children):
        for word, place in column.items():
            if word in below:
                target = below[word]
                gain[state, place] = given[target] - given[state]
            else:
                # The words of a complete phrase have got theirs, and begin no other.
                rest = [*path[state], word][complete[state] :]
                target = _longest_end(rest, children, is_whole=not complete[state])
                gain[state, place] += given[target]
            following[state, place] = target
    return following, gain, pending


def _longest_end(words: list[int], children: list[dict[int, int]], *, is_whole: bool) -> int:
    """Return the state of the longest end of the words that begins a phrase.

    Args:
        words: At least one.
        children: Of each state, by word.
        is_whole: Whether all of the words are known to begin none.
    """
    for begin in range(1 if is_whole and len(words) > 1 else 0, len(words)):
        state: int | None = 0
        for word in words[begin:]:
            state = children[state].get(word) if state is not None else None
        if state is not None:
            return state
    return 0


def _boosted_nodes(
    phrases: list[tuple[list[int], float]], graph: Graph, lm_weight: float
) -> tuple[Numbers, Floats]:
    """Return the nodes on the way to a phrase's words, and their look-ahead there."""
    best: dict[int, float] = {}
    for phrase, boost in phrases:
        for word in phrase:
            for end in graph.nodes_of(word):
                value = lm_weight * float(graph.lookahead[end]) + min(boost, _MOST_AHEAD)
                node = int(end)
                while node:
                    best[node] = max(best.get(node, -np.inf), value)
                    node = int(graph.parents(np.array([node]))[0])
    nodes = np.array(sorted(best), dtype=np.int32)
    return nodes, np.array([best[node] for node in nodes.tolist()], dtype=np.float32)
