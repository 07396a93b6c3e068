"""Beam search over a lexicon and n-grams, a frame at a time."""

import numpy as np
import numpy.typing as npt

from rechka.recognition.engines.ctc.beam import (
    BeamParameters,
    Candidates,
    Hypotheses,
    Merged,
    merge,
)
from rechka.recognition.engines.ctc.graph import Graph
from rechka.recognition.engines.ctc.hotwords import HotwordBoost
from rechka.recognition.engines.ctc.tokens import Tokens
from rechka.recognition.engines.ctc.traces import NONE, Traces, extend_history

__all__ = ["BeamSearch"]

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

# Below this a token's probability in a frame counts as zero.
_LOWEST_LOG = np.float32(-80.0)


class BeamSearch:
    """The search through one utterance.

    Args:
        graph: Vocabulary and language model.
        tokens: Inventory of the acoustic model.
        parameters: Weights and widths.
        hotwords: Phrases that are preferred; None for none.
    """

    def __init__(
        self,
        graph: Graph,
        tokens: Tokens,
        parameters: BeamParameters,
        hotwords: HotwordBoost | None = None,
    ) -> None:
        self._graph = graph
        self._blank = tokens.blank
        self._space = tokens.space
        # A model that hears spaces hears one behind each word; without this, a word
        # outside the vocabulary would fall apart into shorter ones.
        self._ended = 0 if tokens.space is None else graph.end_node
        self._parameters = parameters
        self._hot = None if hotwords is None or hotwords.is_empty else hotwords
        hot_gain = float(self._hot.lookahead.max()) if self._hot else 0.0
        # The most that a token can add to a score beside its own probability.
        self._highest_gain = max(0.0, hot_gain)
        self._key_sizes = (
            len(tokens.texts),
            graph.ngrams.states,
            self._hot.states if self._hot else 1,
        )
        self.hypotheses = Hypotheses.first(blank=tokens.blank, lm=graph.ngrams.begin)
        self.traces = Traces()
        self.frame = 0

    def step(self, log_probs: Floats) -> None:
        """Go on by a frame.

        Args:
            log_probs: Natural log-probabilities of the tokens, shape (tokens,).
        """
        weighted = log_probs.astype(np.float32)
        weighted[self._blank] -= np.float32(self._parameters.blank_penalty)
        weighted = np.maximum(weighted - weighted.max(), _LOWEST_LOG)
        inside = self._inside(weighted)
        words = self._words(inside)
        both = inside if words is None else _joined(inside, words)
        best = both.score.max()
        both = both.take(np.flatnonzero(both.score >= best - self._parameters.score_beam))
        merged = merge(both, self._keys(both), self._parameters)
        self._advance(both, merged, weighted)
        self.frame += 1

    @property
    def is_between_words(self) -> npt.NDArray[np.bool_]:
        """Whether each hypothesis stands outside of any word."""
        node = self.hypotheses.node
        between: npt.NDArray[np.bool_] = (node == 0) | (node == self._graph.end_node)
        return between

    def final_scores(self) -> Floats:
        """Return the score of each hypothesis if the utterance ends here."""
        beam, ngrams = self.hypotheses, self._graph.ngrams
        end, _ = ngrams.score(beam.lm, np.full(len(beam.lm), ngrams.end))
        scores = beam.score - beam.lookahead + np.float32(self._parameters.lm_weight) * end
        if self._hot:
            scores -= self._hot.pending(beam.hot)
        return scores

    def _inside(self, weighted: Floats) -> Candidates:
        """Return the ways that complete no word: to stay in a node or to enter a child."""
        beam = self.hypotheses
        everyone = np.arange(len(beam.node))
        lasting = np.flatnonzero(beam.last != self._blank)
        sources = [everyone, lasting]
        lasts = [np.full(len(everyone), self._blank), beam.last[lasting]]
        nodes = [beam.node, beam.node[lasting]]
        if self._space is not None:
            spaced = np.flatnonzero(self.is_between_words & (beam.last != self._space))
            sources.append(spaced)
            lasts.append(np.full(len(spaced), self._space))
            nodes.append(np.zeros(len(spaced), dtype=np.int64))
        source, last = np.concatenate(sources), np.concatenate(lasts)
        score = beam.score[source] + weighted[last]
        lowest = score.max() - np.float32(self._parameters.score_beam)
        child_source, child, token, child_score, lookahead = self._children(weighted, lowest)
        source = np.concatenate([source, child_source])
        return Candidates(
            source=source,
            node=np.concatenate([*nodes, child]),
            last=np.concatenate([last, token]),
            score=np.concatenate([score, child_score]),
            lookahead=np.concatenate([beam.lookahead[source[: len(last)]], lookahead]),
            word=np.full(len(source), -1),
            lm=beam.lm[source],
            hot=beam.hot[source],
            history=beam.history[source],
        )

    def _children(
        self, weighted: Floats, lowest: np.float32
    ) -> tuple[Integers, Integers, Integers, Floats, Floats]:
        """Return source, node, token, score and look-ahead of the ways into child nodes."""
        beam, graph = self.hypotheses, self._graph
        loudest = np.partition(weighted, -2)[-2:]
        reach = loudest[0] if weighted[self._blank] == loudest[1] else loudest[1]
        reach = reach + np.float32(self._highest_gain) - lowest
        able = np.flatnonzero(beam.score + reach >= 0)
        first = graph.first_child[beam.node[able]].astype(np.int64)
        counts = graph.first_child[beam.node[able] + 1] - first
        source = np.repeat(able, counts)
        ends = np.cumsum(counts)
        child = np.arange(len(source)) + np.repeat(first - (ends - counts), counts)
        token = graph.node_token[child].astype(np.int64)
        score = beam.score[source] + weighted[token]
        possible = (score + self._highest_gain >= lowest) & (token != beam.last[source])
        source, child, token, score = (part[possible] for part in (source, child, token, score))
        lookahead = graph.lookahead[child] * np.float32(self._parameters.lm_weight)
        if self._hot:
            lookahead = self._hot.raise_lookahead(child, lookahead)
        score += lookahead - beam.lookahead[source]
        possible = score >= lowest
        return (
            source[possible],
            child[possible],
            token[possible],
            score[possible],
            lookahead[possible],
        )

    def _words(self, inside: Candidates) -> Candidates | None:
        """Return the ways that complete a word and stand behind it."""
        graph, beam = self._graph, self.hypotheses
        lowest = inside.score.max() - np.float32(self._parameters.score_beam)
        first = graph.first_entry[inside.node]
        counts = graph.first_entry[inside.node + 1] - first
        # A word is completed with its last token, and not again while that lasts.
        is_new = inside.node != beam.node[inside.source]
        ends = np.flatnonzero(is_new & (counts > 0) & (inside.score >= lowest))
        if not len(ends):
            return None
        if int(counts[ends].max()) > 1:
            repeats = counts[ends]
            entries = np.repeat(first[ends] - np.cumsum(repeats) + repeats, repeats)
            entries += np.arange(len(entries))
            ends = np.repeat(ends, repeats)
        else:
            entries = first[ends]
        word = graph.entry_word[entries].astype(np.int64)
        source = inside.source[ends]
        lm_score, lm = graph.ngrams.score(beam.lm[source], word)
        score = inside.score[ends] - inside.lookahead[ends]
        score += np.float32(self._parameters.lm_weight) * lm_score
        score += np.float32(self._parameters.word_bonus)
        hot = beam.hot[source]
        if self._hot:
            hot, gain = self._hot.step(hot, word)
            score += gain
        return Candidates(
            source=source,
            node=np.full(len(source), self._ended, dtype=np.int64),
            last=inside.last[ends],
            score=score,
            lookahead=np.zeros(len(source), dtype=np.float32),
            word=word,
            lm=lm,
            hot=hot,
            history=extend_history(beam.history[source], word),
        )

    def _keys(self, candidates: Candidates) -> Integers:
        tokens, states, phrases = self._key_sizes
        keys = (candidates.node * tokens + candidates.last) * states + candidates.lm
        return keys * phrases + candidates.hot

    def _advance(self, candidates: Candidates, merged: Merged, weighted: Floats) -> None:
        """Replace the beam by the winners, and note the losers as their alternatives."""
        beam, frame = self.hypotheses, self.frame
        chosen = candidates.take(np.concatenate([merged.winners, merged.losers]))
        source = chosen.source
        is_complete = chosen.word >= 0
        begins = (beam.node[source] == 0) & ((chosen.node != 0) | is_complete)
        start = np.where(begins, frame, beam.start[source])
        previous_end = np.where(begins, beam.last_frame[source] + 1, beam.previous_end[source])
        fit = np.where(begins, np.float32(0), beam.fit[source]) + weighted[chosen.last]
        trace, note = beam.trace[source], beam.note[source]
        ends = np.flatnonzero(is_complete)
        if len(ends):
            trace[ends] = self.traces.words.add(
                parent=trace[ends],
                word=chosen.word[ends],
                start=start[ends],
                previous_end=previous_end[ends],
                quality=fit[ends] / (frame - start[ends] + 1).astype(np.float32),
                note=note[ends],
                history=chosen.history[ends],
            )
            note[ends] = NONE
        won, lost = slice(len(merged.winners)), slice(len(merged.winners), None)
        latest = note[won]
        if len(merged.losers):
            latest = self.traces.note(
                merged.met,
                latest,
                traces=trace[lost],
                notes=note[lost],
                deltas=chosen.score[lost] - merged.scores[merged.met],
            )
        is_token = (chosen.last != self._blank) & (
            (chosen.node != 0) | (chosen.last != self._space)
        )
        last_frame = np.where(is_token, frame, beam.last_frame[source])
        self.hypotheses = Hypotheses(
            node=chosen.node[won],
            last=chosen.last[won],
            lm=chosen.lm[won],
            hot=chosen.hot[won],
            history=chosen.history[won],
            trace=trace[won],
            note=latest,
            start=start[won],
            last_frame=last_frame[won],
            previous_end=previous_end[won],
            score=merged.scores - merged.scores.max(),
            lookahead=chosen.lookahead[won],
            fit=fit[won],
        )


def _joined(first: Candidates, second: Candidates) -> Candidates:
    return Candidates(
        *(
            np.concatenate([getattr(first, name), getattr(second, name)])
            for name in Candidates.__slots__
        )
    )
