"""Decoding by the best token of each frame: for a model without a graph."""

import math

import numpy as np
import numpy.typing as npt

from rechka.recognition.engines.ctc.readings import Calibration, DecodedWord, Reading
from rechka.recognition.engines.ctc.tokens import WORD_START, Tokens

__all__ = ["GreedyDecoder"]


class GreedyDecoder:
    """Joins tokens to words at spaces, or where a piece says that a word begins.

    Args:
        tokens: Inventory of the model.
        calibration: Of confidences; a word's share is the mean of its tokens'.
    """

    def __init__(self, tokens: Tokens, calibration: Calibration) -> None:
        self._tokens = tokens
        self._calibration = calibration
        self._frame = 0
        self._last = tokens.blank
        self._token_frame = -1
        self._words: list[DecodedWord] = []
        # Text, first frame, frame after the last, and log-probabilities of the running word.
        self._text = ""
        self._start = 0
        self._end = 0
        self._logs: list[float] = []

    def accept(self, log_probs: npt.NDArray[np.float32]) -> None:
        """Go on by some frames; shape (frames, tokens)."""
        best = log_probs.argmax(axis=1)
        for token, row in zip(best.tolist(), log_probs, strict=True):
            if token == self._tokens.space:
                self._end_word()
            elif token != self._tokens.blank:
                self._token_frame = self._frame
                if token != self._last:
                    self._append(self._tokens.texts[token])
                self._end = self._frame + 1
                self._logs.append(float(row[token]))
            self._last = token
            self._frame += 1

    def observe(self) -> Reading:
        """Return the words so far; the last one may not be whole."""
        words = tuple(self._words)
        if self._text:
            words = (*words, self._running())
        mean = sum(word.confidence for word in words) / len(words) if words else 1.0
        return Reading(words, mean)

    @property
    def silent_frames(self) -> int:
        """Frames since the last token."""
        return self._frame - 1 - self._token_frame

    def finish(self, count: int) -> list[Reading]:
        """Return the one reading, if it has words."""
        reading = self.observe()
        return [reading][: count if reading.words else 0]

    def _append(self, text: str) -> None:
        if text.startswith(WORD_START):
            self._end_word()
            text = text.removeprefix(WORD_START)
        if not self._text:
            self._start = self._frame
        self._text += text

    def _end_word(self) -> None:
        if self._text:
            self._words.append(self._running())
        self._text = ""
        self._logs = []

    def _running(self) -> DecodedWord:
        share = math.exp(sum(self._logs) / len(self._logs))
        return DecodedWord(self._text, self._start, self._end, self._calibration.word(share, 0.0))
