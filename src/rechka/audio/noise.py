"""The noise that lies under a signal, band by band."""

import numpy as np
import numpy.typing as npt

from rechka.audio.spectrum import BANDS, FRAME_MS

__all__ = ["NOTHING", "NoiseFloor"]

# Speech falls down to the noise in every band within this time, at syllables and
# stops; a sound that does not is noise.
_MEMORY_FRAMES = 1500 // FRAME_MS
# Averaged over 60 ms, the least of 1.5 s of steady noise is 2 dB below its mean.
_SMOOTHED_FRAMES = 3
_BIAS_DB = 2.0
# Below this nothing is told apart; the rounding noise of 16 bits is at -107 dB in a
# band at 8 kHz.
_SILENCE_DB = -98.0
NOTHING = np.float32(1e-14)
"""Power that is added before a logarithm."""


class NoiseFloor:
    """Follows the noise by the least power of the last 1.5 s (minimum statistics)."""

    def __init__(self) -> None:
        self._powers = np.zeros((0, BANDS), dtype=np.float32)
        # Nothing is known before the first frame.
        self._levels_db = np.full((_MEMORY_FRAMES - 1, BANDS), np.inf, dtype=np.float32)

    def accept(
        self, power: npt.NDArray[np.float32], level_db: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        """Take the next frames; return how far they stand above the noise so far.

        Args:
            power: Power by band, full scale 1; shape (n, BANDS).
            level_db: The same in decibels.

        Returns:
            Decibels, 0 and above; shape (n, BANDS).
        """
        if not len(self._powers):
            self._powers = np.repeat(power[:1], _SMOOTHED_FRAMES - 1, axis=0)
        history = np.concatenate((self._powers, power))
        self._powers = history[1 - _SMOOTHED_FRAMES :]
        smoothed = history[2:] + history[1:-1] + history[:-2]
        smoothed_db = 10 * np.log10(smoothed / _SMOOTHED_FRAMES + NOTHING)
        levels_db = np.concatenate((self._levels_db, smoothed_db))
        self._levels_db = levels_db[1 - _MEMORY_FRAMES :]
        floor_db = np.maximum(_least(levels_db, len(power)) + _BIAS_DB, _SILENCE_DB)
        above_db: npt.NDArray[np.float32] = np.maximum(level_db - floor_db, np.float32(0))
        return above_db


def _least(levels_db: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.float32]:
    """Return the least of each of `count` windows of the memory's length; (count, BANDS).

    The windows share all but their ends, so only these are compared for each.
    """
    if count > _MEMORY_FRAMES:
        first = _least(levels_db[: 2 * _MEMORY_FRAMES - 1], _MEMORY_FRAMES)
        rest = _least(levels_db[_MEMORY_FRAMES:], count - _MEMORY_FRAMES)
        return np.concatenate((first, rest))
    least = np.minimum.reduce(levels_db[count - 1 : _MEMORY_FRAMES], axis=0)
    floors = np.repeat(least[None], count, axis=0)
    if count > 1:
        before = np.minimum.accumulate(levels_db[count - 2 :: -1])[::-1]
        after = np.minimum.accumulate(levels_db[_MEMORY_FRAMES:])
        np.minimum(floors[:-1], before, out=floors[:-1])
        np.minimum(floors[1:], after, out=floors[1:])
    return floors
