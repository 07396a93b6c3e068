"""Short-time features of sound that tell a voice from noise, at any sample rate.

All of them look at 100 to 3850 Hz, which a telephone carries too.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rechka.audio.samples import Samples
from rechka.compiled import compiled

__all__ = ["BANDS", "FRAME_MS", "FrameFeatures", "SpectrumAnalyzer"]

_Floats = npt.NDArray[np.float32]

FRAME_MS = 20
"""Step from one frame to the next."""

BANDS = 15
"""Frequency bands, 250 Hz wide each, the first from 100 Hz on."""

# Two frames: long enough for two periods of the deepest voice. It makes the
# spectrum's lines 25 Hz apart.
_WINDOW_MS = 2 * FRAME_MS
_LINE_HZ = 1000 // _WINDOW_MS
_LINES = 4000 // _LINE_HZ + 1
_FIRST_LINE = 4
_BAND_LINES = 10
_VOICE_LINES = 148
# A Hann window spreads the power of a sine over lines that add up to 1.5 times it.
_HANN_SPREAD = 1.5
# Half width of the average that the spectrum is divided by; wider than the step
# between two harmonics of a high voice.
_WHITENING_LINES = 10
# Periods of voices, from 70 to 400 Hz, in steps of 1/8 ms.
_PERIODS_S = np.arange(20, 115) / 8000
# With one that nothing correlates with, so that a processor can take them by eights.
_PERIODS = len(_PERIODS_S) + 1
# Below the power of any real sound, far above the smallest float.
_NOTHING = np.float32(1e-20)
# Most frames of one result; bounds the working memory.
_BLOCK_FRAMES = 16

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
_COSINES = np.zeros((_VOICE_LINES, _PERIODS), dtype=np.float32)
_COSINES[:, :-1] = np.cos(2 * np.pi * np.outer(_VOICE_LINE_NUMBERS * _LINE_HZ, _PERIODS_S))


@dataclass(frozen=True, slots=True)
class FrameFeatures:
    """Features of n frames.

    Attributes:
        power: Power by band, full scale 1; shape (n, BANDS).
        periodicity: How far harmonics of one pitch make up the fine structure of
            the spectrum, all frequencies counting alike; 0 to 1, shape (n,). Noise
            of any color stays below 0.17 and pure tones below 0.26, vowels are at
            0.2 to 0.7.
        lasting_periodicity: The same over this frame and the one before, at one
            pitch; noise stays below 0.12; shape (n,).
    """

    power: npt.NDArray[np.float32]
    periodicity: npt.NDArray[np.float32]
    lasting_periodicity: npt.NDArray[np.float32]


class SpectrumAnalyzer:
    """Computes features frame by frame; a frame looks 20 ms back, never ahead.

    Args:
        rate_hz: Rate of the samples; at least 8000 and a multiple of 50.

    Raises:
        ValueError: The rate is not so.
    """

    def __init__(self, rate_hz: int) -> None:
        if rate_hz < 8000 or rate_hz * FRAME_MS % 1000:
            raise ValueError(f"sample rate {rate_hz} is below 8000 or no multiple of 50")
        self.frame_samples = rate_hz * FRAME_MS // 1000
        self._window_samples = 2 * self.frame_samples
        window = np.hanning(self._window_samples + 1)[:-1]
        # A sine of amplitude 1 has the power 1/2.
        scale = np.sqrt(2 / _HANN_SPREAD) / window.sum()
        self._window = (window * scale).astype(np.float32)
        # Silence is assumed before the first sample.
        self._pending: Samples = np.zeros(self.frame_samples, dtype=np.float32)
        self._last_correlation = np.zeros(_PERIODS, dtype=np.float32)

    def accept(self, samples: Samples) -> list[FrameFeatures]:
        """Take the next samples; return the features of the frames complete now, in blocks."""
        pending = np.concatenate((self._pending, samples))
        count = len(pending) // self.frame_samples - 1
        self._pending = pending[count * self.frame_samples :]
        return [
            self._analyze(pending[start * self.frame_samples :], min(_BLOCK_FRAMES, count - start))
            for start in range(0, count, _BLOCK_FRAMES)
        ]

    def _analyze(self, samples: Samples, count: int) -> FrameFeatures:
        windows = np.empty((count, self._window_samples), dtype=np.float32)
        _cut(samples, self._window, windows)
        features = FrameFeatures(
            power=np.empty((count, BANDS), dtype=np.float32),
            periodicity=np.empty(count, dtype=np.float32),
            lasting_periodicity=np.empty(count, dtype=np.float32),
        )
        # Of 32-bit floats numpy makes 64-bit complex numbers, which its types do not tell.
        lines: npt.NDArray[np.complex64] = np.fft.rfft(windows)  # type: ignore[assignment]
        _measure(
            lines,
            self._last_correlation,
            features.power,
            features.periodicity,
            features.lasting_periodicity,
        )
        return features


@compiled("void(f4[::1], f4[::1], f4[:, ::1])")
def _cut(samples: _Floats, window: _Floats, windows: _Floats) -> None:
    """Write the samples of each frame and the one before, weighted by the window.

    Args:
        samples: From the first window's beginning on.
        window: Weights; shape (w,).
        windows: Result; shape (n, w).
    """
    step = len(window) // 2
    for frame in range(len(windows)):
        start = frame * step
        for index in range(len(window)):
            windows[frame, index] = samples[start + index] * window[index]


@compiled("void(f4[::1], f4[::1])")
def _whiten(magnitude: _Floats, whitened: _Floats) -> None:
    """Divide the voice's lines by the average of their neighborhood.

    What is left are the harmonics, whatever the color and the loudness.

    Args:
        magnitude: Of the lines, with `_WHITENING_LINES` zeros at each end.
        whitened: Result; shape (_VOICE_LINES,).
    """
    for line in range(_VOICE_LINES):
        whitened[line] = np.float32(0)
    # Line by line of the neighborhood, which a processor does for many lines at once.
    for neighbor in range(2 * _WHITENING_LINES + 1):
        for line in range(_VOICE_LINES):
            whitened[line] += magnitude[_FIRST_LINE + neighbor + line]
    for line in range(_VOICE_LINES):
        average = whitened[line] * _NEIGHBOR_WEIGHTS[line] + _NOTHING
        whitened[line] = magnitude[_WHITENING_LINES + _FIRST_LINE + line] / average


@compiled("void(f4[::1], f4[::1])")
def _correlate(whitened: _Floats, correlation: _Floats) -> None:
    """Write the normalized autocorrelation at each period; shape (periods,)."""
    for period in range(_PERIODS):
        correlation[period] = np.float32(0)
    total = _NOTHING
    for line in range(_VOICE_LINES):
        value = whitened[line]
        total += value
        for period in range(_PERIODS):
            correlation[period] += value * _COSINES[line, period]
    for period in range(_PERIODS):
        correlation[period] /= total


@compiled("void(c8[:, ::1], f4[::1], f4[:, ::1], f4[::1], f4[::1])")
def _measure(
    lines: npt.NDArray[np.complex64],
    last_correlation: _Floats,
    power: _Floats,
    periodicity: _Floats,
    lasting_periodicity: _Floats,
) -> None:
    """Compute the features of each frame.

    Args:
        lines: Spectrum; shape (n, _LINES or more).
        last_correlation: Of the frame before; of the last frame afterwards.
        power: Result, and so are the next two.
        periodicity: As `FrameFeatures` says.
        lasting_periodicity: As `FrameFeatures` says.
    """
    # Beyond the ends lie lines without sound, so that every neighborhood is whole.
    magnitude = np.zeros(_LINES + 2 * _WHITENING_LINES, dtype=np.float32)
    whitened = np.empty(_VOICE_LINES, dtype=np.float32)
    correlation = np.empty(_PERIODS, dtype=np.float32)
    for frame in range(len(lines)):
        for line in range(_LINES):
            value = lines[frame, line]
            squared = value.real * value.real + value.imag * value.imag
            magnitude[_WHITENING_LINES + line] = np.sqrt(squared)
        for band in range(power.shape[1]):
            total = np.float32(0)
            start = _WHITENING_LINES + _FIRST_LINE + band * _BAND_LINES
            for line in range(start, start + _BAND_LINES):
                total += magnitude[line] * magnitude[line]
            power[frame, band] = total
        _whiten(magnitude, whitened)
        _correlate(whitened, correlation)
        most = most_lasting = np.float32(0)
        for period in range(_PERIODS):
            now = correlation[period]
            most = max(most, now)
            most_lasting = max(most_lasting, (now + last_correlation[period]) / np.float32(2))
            last_correlation[period] = now
        periodicity[frame] = most
        lasting_periodicity[frame] = most_lasting
