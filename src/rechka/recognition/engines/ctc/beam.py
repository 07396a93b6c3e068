"""The state of a beam search: its hypotheses, and which of the next ones survive.

A hypothesis stands in a node of the prefix tree, knows its last token (the blank or
the one on the way into the node; in the root any token that a word ends with) and
what the language model and the phrases of the stream remember. Hypotheses that agree
in all of these have the same future and are merged.
"""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from rechka.recognition.engines.ctc.traces import NONE

__all__ = ["BeamParameters", "Candidates", "Hypotheses", "Merged", "merge"]

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class BeamParameters:
    """How the search weighs and how wide it is.

    Attributes:
        lm_weight: Factor of the language model's log-probabilities.
        word_bonus: Added to the score with each word.
        blank_penalty: Taken from the log-probability of the blank in each frame.
        beam: Most hypotheses after a frame.
        score_beam: Hypotheses further below the best are dropped.
        alternatives_beam: Readings further below the best are not told.
    """

    lm_weight: float = 0.6
    word_bonus: float = 0.5
    blank_penalty: float = 0.0
    beam: int = 200
    score_beam: float = 14.0
    alternatives_beam: float = 10.0


@dataclass(slots=True)
class Hypotheses:
    """The beam after a frame, column by column; each has the shape (hypotheses,).

    Attributes:
        node: Node of the prefix tree; 0 is the root, between words.
        last: Last token, or the blank.
        lm: State of the language model.
        hot: State of the phrases.
        history: Number of the words so far.
        trace: Trace of the last word.
        note: Latest note on the words so far.
        start: Frame of the running word's first token.
        last_frame: Latest frame with a token of a word.
        previous_end: Frame after the last token of the word before the running one.
        score: Log-score less that of the best.
        lookahead: Look-ahead score that `score` includes for the running word.
        fit: Sum over the running word's frames of its tokens' log-ratios to the best.
    """

    node: Integers
    last: Integers
    lm: Integers
    hot: Integers
    history: Integers
    trace: Integers
    note: Integers
    start: Integers
    last_frame: Integers
    previous_end: Integers
    score: Floats
    lookahead: Floats
    fit: Floats

    @classmethod
    def first(cls, *, blank: int, lm: int) -> "Hypotheses":
        """Return the one at the beginning of an utterance."""
        zero = np.zeros(1, dtype=np.int64)
        number = np.zeros(1, dtype=np.float32)
        return cls(
            node=zero,
            last=zero + blank,
            lm=zero + lm,
            hot=zero,
            history=zero,
            trace=zero + NONE,
            note=zero + NONE,
            start=zero,
            last_frame=zero - 1,
            previous_end=zero,
            score=number,
            lookahead=number,
            fit=number,
        )

    @property
    def bytes(self) -> int:
        """Memory held."""
        return sum(int(getattr(self, field.name).nbytes) for field in fields(self))


@dataclass(slots=True)
class Candidates:
    """Ways to go on from the beam by one frame; columns as in `Hypotheses`.

    Attributes:
        source: Hypothesis that it goes on from.
        word: Word that it completes, -1 for none.
    """

    source: Integers
    node: Integers
    last: Integers
    score: Floats
    lookahead: Floats
    word: Integers
    lm: Integers
    hot: Integers
    history: Integers

    def take(self, chosen: npt.NDArray[np.intp]) -> "Candidates":
        """Return some of them."""
        return Candidates(*(getattr(self, name)[chosen] for name in Candidates.__slots__))


@dataclass(slots=True)
class Merged:
    """What became of the candidates; positions are of the candidates that went in.

    Attributes:
        winners: Those that survive, in no order.
        scores: Their scores, which now count all ways of the same words.
        losers: Those with other words that met a winner, in the order of `met`.
        met: For each loser, at which position in `winners` the winner stands.
    """

    winners: npt.NDArray[np.intp]
    scores: Floats
    losers: npt.NDArray[np.intp]
    met: npt.NDArray[np.intp]


def merge(candidates: Candidates, keys: Integers, parameters: BeamParameters) -> Merged:
    """Merge candidates with the same future and keep the best.

    Ways with the same words add up their probabilities; of different words the best
    goes on, and the others are told apart.

    Args:
        candidates: At least one.
        keys: Equal for the same future.
        parameters: How many survive.
    """
    score = candidates.score
    # The best of each key comes first: by score, then, without changing that order, by key.
    order = np.argsort(-score)
    order = order[np.argsort(keys[order], kind="stable")]
    ordered = keys[order]
    begins = np.empty(len(order), dtype=np.bool_)
    begins[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
    starts = np.flatnonzero(begins)
    group = np.cumsum(begins) - 1
    winners = order[starts]
    is_same = candidates.history[order] == candidates.history[winners][group]
    weights = np.exp(score[order] - score.max())
    sums = np.add.reduceat(np.where(is_same, weights, np.float32(0)), starts)
    # The smallest number stands for what is too small for single precision.
    scores = np.log(np.maximum(sums, np.float32(1e-37)))
    chosen = np.flatnonzero(scores >= scores.max() - parameters.score_beam)
    if len(chosen) > parameters.beam:
        best = np.argpartition(-scores[chosen], parameters.beam - 1)[: parameters.beam]
        chosen = chosen[best]
    place = np.full(len(starts), -1, dtype=np.intp)
    place[chosen] = np.arange(len(chosen))
    is_loser = ~is_same & (place[group] >= 0)
    is_loser &= score[order] >= score[winners][group] - np.float32(parameters.alternatives_beam)
    met = place[group[is_loser]]
    by_winner = np.argsort(met, kind="stable")
    return Merged(winners[chosen], scores[chosen], order[is_loser][by_winner], met[by_winner])
