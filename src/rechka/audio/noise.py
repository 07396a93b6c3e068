"""The noise that lies under a signal, band by band."""

import numpy as np
import numpy.typing as npt

from rechka.audio.spectrum import BANDS, FRAME_MS

__all__ = ["NoiseFloor"]

# Speech falls down to the noise in every band within this time, at syllables and
# stops; a sound that does not is noise.
_MEMORY_FRAMES = 1500 // FRAME_MS
# Averaged over 60 ms, the least of 1.5 s of steady noise is 2 dB below its mean.
_SMOOTHED_FRAMES = 3
_BIAS_DB = 2.0
# Below this nothing is told apart; the rounding noise of 16 bits is at -107 dB in a
# band at 8 kHz.
_SILENCE_DB = -98.0
_NOTHING = 1e-14


class NoiseFloor:
    """Follows the noise by the least power of the last 1.5 s (minimum statistics)."""

    def __init__(self) -> None:
        self._powers = np.zeros((0, BANDS), dtype=np.float32)
        # Nothing is known before the first frame.
        self._levels_db = np.full((_MEMORY_FRAMES - 1, BANDS), np.inf, dtype=np.float32)

    def accept(self, power: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Take the next frames; return how far they stand above the noise so far.

        Args:
            power: Power by band, full scale 1; shape (n, BANDS).

        Returns:
            Decibels, 0 and above; shape (n, BANDS).
        """
        if not len(self._powers):
            self._powers = np.repeat(power[:1], _SMOOTHED_FRAMES - 1, axis=0)
        history = np.concatenate((self._powers, power))
        self._powers = history[1 - _SMOOTHED_FRAMES :]
        smoothed = sum(history[i : i + len(power)] for i in range(_SMOOTHED_FRAMES))
        smoothed_db = 10 * np.log10(smoothed / _SMOOTHED_FRAMES + _NOTHING)
        levels_db = np.concatenate((self._levels_db, smoothed_db))
        self._levels_db = levels_db[1 - _MEMORY_FRAMES :]
        windows = np.lib.stride_tricks.sliding_window_view(levels_db, _MEMORY_FRAMES, axis=0)
        floor_db = np.maximum(windows.min(axis=2) + _BIAS_DB, _SILENCE_DB)
        above_db: npt.NDArray[np.float32] = np.maximum(
            10 * np.log10(power + _NOTHING) - floor_db, 0.0
        ).astype(np.float32)
        return above_db
