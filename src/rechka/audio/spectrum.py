"""Short-time features of sound that tell a voice from noise, at any sample rate.

All of them look at 100 to 3850 Hz, which a telephone carries too:

- power by band, full scale 1;
- periodicity: how far harmonics of one pitch make up the fine structure of the spectrum,
  all frequencies counting alike; 0 to 1. Noise of any color stays below 0.17 and pure
  tones below 0.26, vowels are at 0.2 to 0.7;
- lasting periodicity: the same over a frame and the one before, at one pitch; noise stays
  below 0.12.
"""

import numpy as np
import numpy.typing as npt

from rechka.compiled import compiled

__all__ = ["BANDS", "FRAME_MS", "PERIODS", "measure"]

_Floats = npt.NDArray[np.float32]
_Lines = npt.NDArray[np.complex64]

FRAME_MS = 20
"""Step from one frame to the next."""

BANDS = 15
"""Frequency bands, 250 Hz wide each, the first from 100 Hz on."""

# Windows are two frames: long enough for two periods of the deepest voice. It makes the
# spectrum's lines 25 Hz apart.
_LINE_HZ = 1000 // (2 * FRAME_MS)
_LINES = 4000 // _LINE_HZ + 1
_FIRST_LINE = 4
_BAND_LINES = 10
_VOICE_LINES = 148
# Half width of the average that the spectrum is divided by; wider than the step
# between two harmonics of a high voice.
_WHITENING_LINES = 10
# Periods of voices, from 70 to 400 Hz, in steps of 1/8 ms.
_PERIODS_S = np.arange(20, 115) / 8000
# With one that nothing correlates with, so that a processor can take them by eights.
PERIODS = len(_PERIODS_S) + 1
"""Periods at which the spectrum is correlated with itself."""

# Below the power of any real sound, far above the smallest float.
_NOTHING = np.float32(1e-20)

_VOICE_LINE_NUMBERS = _FIRST_LINE + np.arange(_VOICE_LINES)
# One over the lines that there are in each neighborhood.
_NEIGHBOR_WEIGHTS = (
    1
    / (
        np.minimum(_VOICE_LINE_NUMBERS + _WHITENING_LINES, _LINES - 1)
        - np.maximum(_VOICE_LINE_NUMBERS - _WHITENING_LINES, 0)
        + 1
    )
).astype(np.float32)
_COSINES = np.zeros((_VOICE_LINES, PERIODS), dtype=np.float32)
_COSINES[:, :-1] = np.cos(2 * np.pi * np.outer(_VOICE_LINE_NUMBERS * _LINE_HZ, _PERIODS_S))


@compiled("UniTuple(f4, 2)(c8[::1], f4[::1], f4[::1])")
def measure(
    lines: _Lines, last_correlation: _Floats, power: _Floats
) -> tuple[np.float32, np.float32]:
    """Compute a frame's periodicity and lasting periodicity from its window's spectrum.

    Args:
        lines: As `window.transform` returns them, 25 Hz apart, at least up to 4000 Hz; shape
            (161 or more,).
        last_correlation: Of the frame before, zeros before the first; of this frame
            afterwards; shape (PERIODS,).
        power: Result: power by band; shape (BANDS,).
    """
    # Beyond the ends lie lines without sound, so that every neighborhood is whole.
    magnitude = np.zeros(_LINES + 2 * _WHITENING_LINES, dtype=np.float32)
    for line in range(_LINES):
        value = lines[line]
        squared = value.real * value.real + value.imag * value.imag
        magnitude[_WHITENING_LINES + line] = np.sqrt(squared)
    for band in range(len(power)):
        total = np.float32(0)
        start = _WHITENING_LINES + _FIRST_LINE + band * _BAND_LINES
        for line in range(start, start + _BAND_LINES):
            total += magnitude[line] * magnitude[line]
        power[band] = total
    # Over the average of their neighborhood, lines are harmonics of any color and loudness.
    # It is summed line by line of the neighborhood, for many lines at once.
    whitened = np.zeros(_VOICE_LINES, dtype=np.float32)
    for neighbor in range(_FIRST_LINE, _FIRST_LINE + 2 * _WHITENING_LINES + 1):
        for line in range(len(whitened)):
            whitened[line] += magnitude[neighbor + line]
    for line in range(len(whitened)):
        average = whitened[line] * _NEIGHBOR_WEIGHTS[line] + _NOTHING
        whitened[line] = magnitude[_WHITENING_LINES + _FIRST_LINE + line] / average
    # The autocorrelation; by four lines, so that less goes to memory and back.
    correlation = np.zeros(PERIODS, dtype=np.float32)
    total = _NOTHING
    for line in range(0, len(whitened), 4):
        first, second = whitened[line], whitened[line + 1]
        third, fourth = whitened[line + 2], whitened[line + 3]
        total = total + first + second + third + fourth
        for period in range(len(correlation)):
            correlation[period] = (
                correlation[period]
                + first * _COSINES[line, period]
                + second * _COSINES[line + 1, period]
                + third * _COSINES[line + 2, period]
                + fourth * _COSINES[line + 3, period]
            )
    most = most_lasting = np.float32(0)
    for period in range(len(correlation)):
        now = correlation[period] / total
        most = max(most, now)
        most_lasting = max(most_lasting, (now + last_correlation[period]) / np.float32(2))
        last_correlation[period] = now
    return most, most_lasting
