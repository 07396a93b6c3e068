"""What a decoder has heard, in frames: words with times and confidences."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["Calibration", "DecodedWord", "Decoder", "Reading"]


@dataclass(frozen=True, slots=True)
class DecodedWord:
    """One word.

    Attributes:
        text: As in the vocabulary.
        start: Frame of its first token.
        end: Frame after its last token; beyond `start`.
        confidence: Probability from 0 to 1 that it is right.
    """

    text: str
    start: int
    end: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of the utterance.

    Attributes:
        words: In order of time.
        confidence: Probability from 0 to 1; never above that of a better reading.
    """

    words: tuple[DecodedWord, ...]
    confidence: float

    @property
    def text(self) -> str:
        """The words with spaces between."""
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How scores become probabilities; the values are fitted to held-out speech.

    A word's confidence is the logistic function of
    `bias + posterior * logit(p) + quality * q`, where p is its share of the readings'
    probability and q its tokens' mean log-ratio to the best tokens, at most 0.

    Attributes:
        scale: Factor of the scores' differences between readings.
        bias: Of words in general.
        posterior: Weight of the share.
        quality: Weight of the log-ratio.
    """

    scale: float = 0.5
    bias: float = 0.0
    posterior: float = 1.0
    quality: float = 1.0

    def word(self, share: float, quality: float) -> float:
        """Return a word's confidence."""
        share = min(max(share, 1e-3), 1 - 1e-3)
        odds = self.bias + self.posterior * math.log(share / (1 - share)) + self.quality * quality
        return 1 / (1 + math.exp(-min(max(odds, -30.0), 30.0)))

    def shares(self, scores: Sequence[float]) -> list[float]:
        """Return the share of each reading in the probability of all."""
        best = max(scores)
        weights = [math.exp(self.scale * (score - best)) for score in scores]
        total = sum(weights)
        return [weight / total for weight in weights]


class Decoder(Protocol):
    """Turns one utterance's outputs of the acoustic model into words."""

    def accept(self, log_probs: npt.NDArray[np.float32]) -> None:
        """Go on by some frames; shape (frames, tokens)."""
        ...

    def observe(self) -> Reading:
        """Return the best reading so far. Changes nothing."""
        ...

    @property
    def silent_frames(self) -> int:
        """Frames since the last token of the best reading; all frames if it has none."""
        ...

    def finish(self, count: int) -> list[Reading]:
        """Return at most so many readings of the whole utterance, best first; then it is over."""
        ...
