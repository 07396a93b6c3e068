"""Decoding by beam search: readings out of the search's hypotheses and traces."""

import heapq
import math

import numpy as np
import numpy.typing as npt

from rechka.recognition.engines.ctc.beam import BeamParameters
from rechka.recognition.engines.ctc.graph import Graph
from rechka.recognition.engines.ctc.hotwords import HotwordBoost
from rechka.recognition.engines.ctc.paths import End, Path, best_paths
from rechka.recognition.engines.ctc.readings import Calibration, DecodedWord, Reading
from rechka.recognition.engines.ctc.search import BeamSearch
from rechka.recognition.engines.ctc.tokens import Tokens
from rechka.recognition.engines.ctc.traces import NONE

__all__ = ["LexicalDecoder"]

# Frames after which it is seen whether there is much to forget.
_BLOCK_FRAMES = 16
# Readings that a word's share in the probability is taken over.
_COMPARED = 20
# Words that an utterance has before those that can no longer change are settled.
_SETTLE_AT_WORDS = 120
# The same word so few frames apart is the same word said once.
_SAME_TIME = 4
# Frames after which a letter alone is taken for a word.
_LONE_LETTER = 3
# Traces beyond which alternatives are given up to save memory.
_MOST_TRACES = 50_000


class LexicalDecoder:
    """Decodes one utterance with a vocabulary and a language model.

    Args:
        graph: Vocabulary and language model.
        tokens: Inventory of the acoustic model.
        parameters: Weights and widths of the search.
        calibration: Of confidences.
        hotwords: Phrases that are preferred; None for none.
    """

    def __init__(
        self,
        graph: Graph,
        tokens: Tokens,
        *,
        parameters: BeamParameters,
        calibration: Calibration,
        hotwords: HotwordBoost | None = None,
    ) -> None:
        self._graph = graph
        self._parameters = parameters
        self._calibration = calibration
        self._search = BeamSearch(graph, tokens, parameters, hotwords)
        self._settled: list[DecodedWord] = []

    @property
    def bytes(self) -> int:
        """Memory that the search holds."""
        return self._search.hypotheses.bytes + self._search.traces.bytes

    def accept(self, log_probs: npt.NDArray[np.float32]) -> None:
        """Go on by some frames; shape (frames, tokens)."""
        for begin in range(0, len(log_probs), _BLOCK_FRAMES):
            self._search.accept(log_probs[begin : begin + _BLOCK_FRAMES])
            if self._search.traces.is_due:
                self._collect()

    def observe(self) -> Reading:
        """Return the words of the best hypothesis.

        The last one, if it is not whole, is the most frequent that begins so: that is what
        its score rests on. One letter alone says too little, unless nothing follows it.
        """
        beam, traces = self._search.hypotheses, self._search.traces
        best = int(beam.score.argmax())
        chain = traces.chain(int(beam.trace[best]))
        shares = self._shares_of_histories()
        confidences = [
            self._calibration.word(
                shares[int(traces.words["history"][trace])], float(traces.words["quality"][trace])
            )
            for trace in chain
        ]
        is_between = self._search.is_between_words[best]
        end = beam.last_frame[best] + 1 if is_between else beam.previous_end[best]
        words = (*self._settled, *self._words(chain, int(end), confidences))
        if not is_between and (self.silent_frames >= _LONE_LETTER or not self._is_first(best)):
            words = (*words, self._running_word(best))
        return Reading(words, _mean(words))

    def _is_first(self, number: int) -> bool:
        """Return whether a hypothesis stands in the first letter of a word."""
        node = self._search.hypotheses.node[number]
        return bool(node < self._graph.first_child[1])

    def _running_word(self, number: int) -> DecodedWord:
        """Return the likeliest end of the word that a hypothesis stands in."""
        beam = self._search.hypotheses
        node, start = int(beam.node[number]), int(beam.start[number])
        weights = np.exp(self._calibration.scale * beam.score)
        same = (beam.node == node) & (beam.history == beam.history[number])
        share = float(weights[same].sum() / weights.sum())
        end = max(start, int(beam.last_frame[number])) + 1
        quality = float(beam.fit[number]) / (self._search.frame - start)
        text = self._graph.text(self._graph.likeliest(node))
        return DecodedWord(text, start, end, self._calibration.word(share, quality))

    @property
    def silent_frames(self) -> int:
        """Frames since the last token of the best hypothesis."""
        beam = self._search.hypotheses
        return self._search.frame - 1 - int(beam.last_frame[beam.score.argmax()])

    def finish(self, count: int) -> list[Reading]:
        """Return at most so many readings, best first; only such as have words."""
        paths = self._paths(max(count, _COMPARED))
        if not self._settled and not paths[0][1]:
            # The best reading of all is that nothing was said.
            return []
        readings: list[Reading] = []
        end, votes = self._end, self._votes(paths)
        for score, chain in paths[: count + 1]:
            confidences = self._confidences(chain, votes, end)
            words = (*self._settled, *self._words(chain, end, confidences))
            if words and len(readings) < count:
                worse = math.exp(self._calibration.scale * (score - paths[0][0]))
                first = readings[0].confidence if readings else _mean(words)
                readings.append(Reading(words, first * min(1.0, worse)))
        return readings

    @property
    def _end(self) -> int:
        """Frame after the last token of the best hypothesis at the end of an utterance."""
        beam = self._search.hypotheses
        return int(beam.last_frame[self._finals()[0]]) + 1

    def _finals(self) -> npt.NDArray[np.intp]:
        """Return the hypotheses that an utterance can end with, those between words, best first.

        If there are none the words before the running one are all that is known.
        """
        beam = self._search.hypotheses
        finals = np.flatnonzero(self._search.is_between_words)
        if not len(finals):
            finals = np.arange(len(beam.node))
        return finals[np.argsort(-self._search.final_scores()[finals], kind="stable")]

    def _paths(self, count: int) -> list[Path]:
        """Return the best paths, each with other words."""
        beam = self._search.hypotheses
        finals = self._finals()
        scores = self._search.final_scores()
        # Ways that end in the blank or in a token add up; the first, the best, lends its trace.
        ends: dict[int, End] = {}
        for number in finals.tolist():
            history, score = int(beam.history[number]), float(scores[number])
            if history in ends:
                best, trace, note = ends[history]
                ends[history] = (best + math.log1p(math.exp(score - best)), trace, note)
            else:
                ends[history] = (score, int(beam.trace[number]), int(beam.note[number]))
        return best_paths(self._search.traces, list(ends.values()), count)

    def _votes(self, paths: list[Path]) -> dict[int, list[tuple[int, float]]]:
        """Return for each word the frames where paths begin it, and their shares."""
        words, starts = self._search.traces.words["word"], self._search.traces.words["start"]
        votes: dict[int, list[tuple[int, float]]] = {}
        shares = self._calibration.shares([score for score, _ in paths])
        for share, (_, chain) in zip(shares, paths, strict=True):
            for word, start in zip(words[chain].tolist(), starts[chain].tolist(), strict=True):
                votes.setdefault(word, []).append((start, share))
        return votes

    def _confidences(
        self, chain: list[int], votes: dict[int, list[tuple[int, float]]], end: int
    ) -> list[float]:
        """Return the confidence of each word: paths with the same word at the same time vote."""
        table = self._search.traces.words
        columns = [table[name][chain].tolist() for name in ("word", "start", "quality")]
        ends = [*table["previous_end"][chain[1:]].tolist(), end]
        confidences = []
        for word, start, quality, own_end in zip(*columns, ends[: len(chain)], strict=True):
            reach = max(_SAME_TIME, own_end - start)
            share = sum(share for at, share in votes.get(word, ()) if abs(start - at) <= reach)
            confidences.append(self._calibration.word(share, quality))
        return confidences

    def _shares_of_histories(self) -> dict[int, float]:
        """Return the share of the beam's probability that goes through each history."""
        beam, traces = self._search.hypotheses, self._search.traces
        weights = np.exp(self._calibration.scale * beam.score)
        weights /= weights.sum()
        mass: dict[int, float] = {}
        for trace, weight in zip(beam.trace.tolist(), weights.tolist(), strict=True):
            mass[trace] = mass.get(trace, 0.0) + weight
        shares: dict[int, float] = {}
        histories, parents = traces.words["history"], traces.words["parent"]
        queue = [-trace for trace in mass if trace != NONE]
        heapq.heapify(queue)
        # Parents have smaller numbers, so that a trace has all its weight when it comes up.
        while queue:
            trace = -heapq.heappop(queue)
            history, parent = int(histories[trace]), int(parents[trace])
            shares[history] = shares.get(history, 0.0) + mass[trace]
            if parent != NONE:
                if parent not in mass:
                    heapq.heappush(queue, -parent)
                mass[parent] = mass.get(parent, 0.0) + mass[trace]
        return shares

    def _words(self, chain: list[int], end: int, confidences: list[float]) -> list[DecodedWord]:
        if not chain:
            return []
        table = self._search.traces.words
        starts = table["start"][chain].tolist()
        ends = [*table["previous_end"][chain[1:]].tolist(), end]
        following = [*starts[1:], end]
        texts = [self._graph.text(word) for word in table["word"][chain].tolist()]
        return [
            # Neighbours may come from different paths: no word may reach into the next.
            DecodedWord(text, start, max(start + 1, min(own_end, next_start)), confidence)
            for text, start, own_end, next_start, confidence in zip(
                texts, starts, ends, following, confidences, strict=True
            )
        ]

    def _collect(self) -> None:
        """Forget dead traces; settle what all hypotheses agree in if there is much of it."""
        beam, traces = self._search.hypotheses, self._search.traces
        root = NONE
        chain = traces.chain(int(beam.trace[beam.score.argmax()]))
        if len(chain) > _SETTLE_AT_WORDS:
            root = traces.shared(beam.trace)
        if root != NONE:
            paths = self._paths(_COMPARED)
            length = chain.index(root) + 1
            ends = [int(traces.words["previous_end"][trace]) for trace in chain[1:]]
            end = ends[length - 1] if length <= len(ends) else self._end
            confidences = self._confidences(chain[:length], self._votes(paths), end)
            self._settled += self._words(chain[:length], end, confidences)
            traces.cut(root)
            is_at_root = beam.trace == root
            beam.note[is_at_root] = NONE
            beam.trace[is_at_root] = NONE
        words, notes = traces.collect(beam.trace, beam.note, most=_MOST_TRACES)
        beam.trace[:], beam.note[:] = words[beam.trace], notes[beam.note]


def _mean(words: tuple[DecodedWord, ...] | list[DecodedWord]) -> float:
    return sum(word.confidence for word in words) / len(words) if words else 1.0
