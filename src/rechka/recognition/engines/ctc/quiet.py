"""Tells whether an utterance has ended in silence, by its level alone."""

from collections import deque

import numpy as np

from rechka.audio.samples import Samples

__all__ = ["Quiet"]

_FRAME_MS = 20
# The level of the background is that of the quietest 100 ms, but no less than this.
_FLOOR_FRAMES = 5
_LEAST_POWER = 1e-7
# 6 dB: steady noise stays below, the first sound of a word does not.
_ABOVE = 4.0


class Quiet:
    """Follows one utterance.

    Args:
        rate_hz: Rate of its samples.
        recent_ms: How much of its end must be as quiet as its background.
    """

    def __init__(self, rate_hz: int, recent_ms: int) -> None:
        self._frame = rate_hz * _FRAME_MS // 1000
        self._recent: deque[float] = deque(maxlen=-(-recent_ms // _FRAME_MS))
        self._rest: Samples = np.zeros(0, dtype=np.float32)
        self._floor = np.inf

    def accept(self, samples: Samples) -> None:
        """Take the next samples, any number of them."""
        joined = np.concatenate((self._rest, samples))
        frames = joined[: len(joined) // self._frame * self._frame].reshape(-1, self._frame)
        self._rest = joined[frames.size :]
        for power in np.einsum("ij,ij->i", frames, frames).tolist():
            self._recent.append(power / self._frame)
            if len(self._recent) >= _FLOOR_FRAMES:
                last = [self._recent[-1 - back] for back in range(_FLOOR_FRAMES)]
                self._floor = min(self._floor, sum(last) / _FLOOR_FRAMES)

    @property
    def is_now(self) -> bool:
        """Whether the utterance has ended in silence."""
        most = _ABOVE * max(self._floor, _LEAST_POWER)
        rest = float(np.square(self._rest).sum()) / self._frame
        return len(self._recent) == self._recent.maxlen and max(rest, *self._recent) <= most
