"""Makes a prefix tree of pronunciations, numbered so that siblings stand together."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rechka.recognition.engines.ctc.tokens import Tokens
from rechka.recognition.model_folders import refuse_file

__all__ = ["PrefixTree", "build_tree"]

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PrefixTree:
    """A tree in order of breadth: node 0 is the root, children come in order of their parents.

    Attributes:
        words: Each once; their order is that of the nodes where they end.
        node_token: Token on the way into each node; 0 for the root.
        node_parent: Parent of each node; 0 for the root.
        node_children: How many children each node has.
        entry_node: Node where a pronunciation ends, ascending.
        entry_word: The word that it is of.
    """

    words: tuple[str, ...]
    node_token: Integers
    node_parent: Integers
    node_children: Integers
    entry_node: Integers
    entry_word: Integers

    def lookahead(self, unigrams: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return for each node the largest log-probability of a word at or below it.

        The root's is its children's largest.
        """
        best = np.full(len(self.node_token), -np.inf, dtype=np.float32)
        np.maximum.at(best, self.entry_node, unigrams[self.entry_word])
        # Children stand behind their parents, so that one pass from the end suffices;
        # runs of nodes none of which is another's child go together.
        end = len(best)
        while end > 1:
            begin = int(self.node_parent[end - 1]) + 1
            np.maximum.at(best, self.node_parent[begin:end], best[begin:end])
            end = begin
        return best


def build_tree(
    path: Path, lexicon: Sequence[tuple[str, tuple[str, ...]]], tokens: Tokens
) -> PrefixTree:
    """Return the tree of a lexicon.

    Args:
        path: The lexicon's file, for messages.
        lexicon: Words and their tokens; doubles count once.
        tokens: Inventory of the model.

    Raises:
        RequestError: A pronunciation has a token that the model does not have.
    """
    index = {text: number for number, text in enumerate(tokens.texts)}
    edges: dict[tuple[int, int], int] = {}
    entries: dict[tuple[int, str], None] = {}
    for word, spelling in lexicon:
        node = 0
        for text in spelling:
            token = index.get(text)
            if token is None or token == tokens.blank:
                raise refuse_file(path, f"{word!r} has the token {text!r}, which the model has not")
            node = edges.setdefault((node, token), len(edges) + 1)
        entries[node, word] = None
    parent = np.array([0, *(node for node, _ in edges)], dtype=np.int64)
    token_in = np.array([0, *(token for _, token in edges)], dtype=np.int64)
    number = _breadth_first(parent, token_in)
    order = np.argsort(number)
    ends = np.array([number[node] for node, _ in entries], dtype=np.int64)
    by_node = np.argsort(ends, kind="stable")
    texts = [word for _, word in entries]
    texts_by_node = [texts[position] for position in by_node]
    words = tuple(dict.fromkeys(texts_by_node))
    ids = {word: position for position, word in enumerate(words)}
    node_parent = number[parent[order]]
    return PrefixTree(
        words=words,
        node_token=token_in[order],
        node_parent=node_parent,
        node_children=np.bincount(node_parent[1:], minlength=len(order)),
        entry_node=ends[by_node],
        entry_word=np.array([ids[word] for word in texts_by_node], dtype=np.int64),
    )


def _breadth_first(parent: Integers, token: Integers) -> Integers:
    """Return each node's number in order of depth, then of its parent's number, then of token.

    Parents come before their children in the arrays.
    """
    depth = np.zeros(len(parent), dtype=np.int64)
    for node, above in enumerate(parent.tolist()[1:], 1):
        depth[node] = depth[above] + 1
    number = np.zeros(len(parent), dtype=np.int64)
    count = 1
    for level in range(1, int(depth.max(initial=0)) + 1):
        nodes = np.flatnonzero(depth == level)
        ordered = nodes[np.lexsort((token[nodes], number[parent[nodes]]))]
        number[ordered] = np.arange(count, count + len(ordered))
        count += len(ordered)
    return number
