"""The noise that lies under a signal, band by band."""

import numpy as np
import numpy.typing as npt

from rechka.audio.spectrum import BANDS, FRAME_MS
from rechka.compiled import compiled

__all__ = ["NOTHING", "NoiseFloor", "decibels", "follow"]

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
    """What `follow` remembers of one stream.

    Attributes:
        powers: Ring of the powers that are averaged; shape (3, BANDS).
        levels_db: Ring of the averages that are remembered; shape (75, BANDS).
        least_db: The least of these averages; shape (BANDS,).
    """

    __slots__ = ("least_db", "levels_db", "powers")

    def __init__(self) -> None:
        self.powers = np.zeros((_SMOOTHED_FRAMES, BANDS), dtype=np.float32)
        # Nothing is known before the first frame.
        self.levels_db = np.full((_MEMORY_FRAMES, BANDS), np.inf, dtype=np.float32)
        self.least_db = np.full(BANDS, np.inf, dtype=np.float32)


@compiled("f4(f4)")
def decibels(power: np.float32) -> np.float32:
    """Return the level of a power."""
    return np.float32(np.float32(10) * np.log10(power + NOTHING))


@compiled("void(f4[::1], f4[::1], f4[:, ::1], f4[:, ::1], f4[::1], i8, f4[::1])")
def follow(
    power: _Floats,
    level_db: _Floats,
    powers: _Floats,
    levels_db: _Floats,
    least_db: _Floats,
    frames: int,
    above_db: _Floats,
) -> None:
    """Take the next frame, and tell how far it stands above the noise so far.

    The noise is told by the least power of the last 1.5 s (minimum statistics).

    Args:
        power: By band, full scale 1; shape (BANDS,).
        level_db: The same in decibels.
        powers: Of the `NoiseFloor`, as are the next two.
        levels_db: As `NoiseFloor` says.
        least_db: As `NoiseFloor` says.
        frames: How many frames came before.
        above_db: Result: decibels, 0 and above; shape (BANDS,).
    """
    smoothed = len(powers)
    for back in range(smoothed if frames == 0 else 1):
        for band in range(BANDS):
            powers[(frames - back) % smoothed, band] = power[band]
    oldest = frames % len(levels_db)
    for band in range(BANDS):
        total = np.float32(0)
        for back in range(smoothed):
            total += powers[(frames - back) % smoothed, band]
        level = decibels(total / np.float32(smoothed))
        forgotten = levels_db[oldest, band]
        levels_db[oldest, band] = level
        if forgotten > least_db[band]:
            least_db[band] = min(least_db[band], level)
        else:
            least_db[band] = level
            for remembered in range(len(levels_db)):
                least_db[band] = min(least_db[band], levels_db[remembered, band])
        floor_db = max(least_db[band] + _BIAS_DB, _SILENCE_DB)
        above_db[band] = max(level_db[band] - floor_db, np.float32(0))
