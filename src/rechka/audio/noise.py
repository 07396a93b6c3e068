"""The noise that lies under a signal, band by band."""

import numpy as np
import numpy.typing as npt

from rechka.audio.spectrum import BANDS, FRAME_MS
from rechka.compiled import compiled

__all__ = ["NOTHING", "NoiseFloor", "decibels"]

_Floats = npt.NDArray[np.float32]

# Speech falls down to the noise in every band within this time, at syllables and
# stops; a sound that does not is noise.
_MEMORY_FRAMES = 1500 // FRAME_MS
# Averaged over 60 ms, the least of 1.5 s of steady noise is 2 dB below its mean.
_SMOOTHED_FRAMES = 3
_BIAS_DB = np.float32(2)
# Below this nothing is told apart; the rounding noise of 16 bits is at -107 dB in a
# band at 8 kHz.
_SILENCE_DB = np.float32(-98)
NOTHING = np.float32(1e-14)
"""Power that is added before a logarithm."""


class NoiseFloor:
    """Follows the noise by the least power of the last 1.5 s (minimum statistics)."""

    def __init__(self) -> None:
        # Rings: the powers that are averaged, the averages that are remembered.
        self._powers = np.zeros((_SMOOTHED_FRAMES, BANDS), dtype=np.float32)
        # Nothing is known before the first frame.
        self._levels_db = np.full((_MEMORY_FRAMES, BANDS), np.inf, dtype=np.float32)
        self._least_db = np.full(BANDS, np.inf, dtype=np.float32)
        self._frames = 0

    def accept(self, power: _Floats, level_db: _Floats) -> _Floats:
        """Take the next frames; return how far they stand above the noise so far.

        Args:
            power: Power by band, full scale 1; shape (n, BANDS).
            level_db: The same in decibels.

        Returns:
            Decibels, 0 and above; shape (n, BANDS).
        """
        above_db = np.empty_like(level_db)
        _follow(
            power,
            level_db,
            self._powers,
            self._levels_db,
            self._least_db,
            self._frames,
            above_db,
        )
        self._frames += len(power)
        return above_db


@compiled("f4[:, ::1](f4[:, ::1])")
def decibels(power: _Floats) -> _Floats:
    """Return the level of each power; shape (n, bands)."""
    level_db = np.empty_like(power)
    for frame in range(len(power)):
        for band in range(power.shape[1]):
            level_db[frame, band] = np.float32(10) * np.log10(power[frame, band] + NOTHING)
    return level_db


@compiled("void(f4[:, ::1], f4[:, ::1], f4[:, ::1], f4[:, ::1], f4[::1], i8, f4[:, ::1])")
def _follow(
    power: _Floats,
    level_db: _Floats,
    powers: _Floats,
    levels_db: _Floats,
    least_db: _Floats,
    frames: int,
    above_db: _Floats,
) -> None:
    """Follow the noise frame by frame.

    Args:
        power: Of the new frames.
        level_db: The same in decibels.
        powers: Ring of the last ones.
        levels_db: Ring of averages over the frames of `powers`.
        least_db: The least of these averages; shape (BANDS,).
        frames: How many frames came before.
        above_db: Result.
    """
    bands = power.shape[1]
    smoothed = len(powers)
    for frame in range(len(power)):
        at = frames + frame
        for back in range(smoothed if at == 0 else 1):
            for band in range(bands):
                powers[(at - back) % smoothed, band] = power[frame, band]
        for band in range(bands):
            total = np.float32(0)
            for back in range(smoothed):
                total += powers[(at - back) % smoothed, band]
            level = np.float32(10) * np.log10(total / np.float32(smoothed) + NOTHING)
            forgotten = levels_db[at % len(levels_db), band]
            levels_db[at % len(levels_db), band] = level
            if forgotten > least_db[band]:
                least_db[band] = min(least_db[band], level)
            else:
                least_db[band] = level
                for remembered in range(len(levels_db)):
                    least_db[band] = min(least_db[band], levels_db[remembered, band])
            floor_db = max(least_db[band] + _BIAS_DB, _SILENCE_DB)
            above_db[frame, band] = max(level_db[frame, band] - floor_db, np.float32(0))
