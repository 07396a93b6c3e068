"""The state of a beam search: its hypotheses.

A hypothesis stands in a node of the prefix tree, knows its last token (the blank or
the one on the way into the node; in the root any token that a word ends with) and
what the language model and the phrases of the stream remember. Hypotheses that agree
in all of these have the same future and are merged.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rechka.recognition.engines.ctc.arrays import (
    FIT,
    HISTORY,
    HOT,
    LAST,
    LAST_FRAME,
    LM,
    LOOKAHEAD,
    NODE,
    NOTE,
    PREVIOUS_END,
    SCORE,
    START,
    TRACE,
)
from rechka.recognition.engines.ctc.traces import NONE

__all__ = ["BeamParameters", "Hypotheses"]

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
    """The beam after a frame.

    Attributes:
        whole: Whole numbers, shape (10, hypotheses).
        real: Scores, shape (3, hypotheses).
    """

    whole: Integers
    real: Floats

    @classmethod
    def first(cls, *, blank: int, lm: int) -> "Hypotheses":
        """Return the one at the beginning of an utterance."""
        first = cls(np.zeros((10, 1), dtype=np.int64), np.zeros((3, 1), dtype=np.float32))
        first.whole[[LAST, LM, TRACE, NOTE, LAST_FRAME], 0] = blank, lm, NONE, NONE, -1
        return first

    @property
    def node(self) -> Integers:
        """Node of the prefix tree; 0 is the root, between words."""
        return self._whole(NODE)

    @property
    def lm(self) -> Integers:
        """State of the language model."""
        return self._whole(LM)

    @property
    def hot(self) -> Integers:
        """State of the phrases."""
        return self._whole(HOT)

    @property
    def history(self) -> Integers:
        """Number of the words so far."""
        return self._whole(HISTORY)

    @property
    def trace(self) -> Integers:
        """Trace of the last word."""
        return self._whole(TRACE)

    @property
    def note(self) -> Integers:
        """Latest note on the words so far."""
        return self._whole(NOTE)

    @property
    def start(self) -> Integers:
        """Frame of the running word's first token."""
        return self._whole(START)

    @property
    def last_frame(self) -> Integers:
        """Latest frame with a token of a word."""
        return self._whole(LAST_FRAME)

    @property
    def previous_end(self) -> Integers:
        """Frame after the last token of the word before the running one."""
        return self._whole(PREVIOUS_END)

    @property
    def score(self) -> Floats:
        """Log-score less that of the best."""
        return self._real(SCORE)

    @property
    def lookahead(self) -> Floats:
        """Look-ahead score that `score` includes for the running word."""
        return self._real(LOOKAHEAD)

    @property
    def fit(self) -> Floats:
        """Sum over the running word's frames of its tokens' log-ratios to the best."""
        return self._real(FIT)

    @property
    def bytes(self) -> int:
        """Memory held."""
        return int(self.whole.nbytes + self.real.nbytes)

    def _whole(self, number: int) -> Integers:
        row: Integers = self.whole[number]
        return row

    def _real(self, number: int) -> Floats:
        row: Floats = self.real[number]
        return row
