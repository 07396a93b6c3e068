"""Short-time features of sound that tell a voice from noise, at any sample rate.

All of them look at 100 to 3850 Hz, which a telephone carries too.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rechka.audio.samples import Samples

__all__ = ["BANDS", "BLOCK_FRAMES", "FRAME_MS", "FrameFeatures", "SpectrumAnalyzer"]

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
_VOICE_LINES = slice(_FIRST_LINE, 152)
# A Hann window spreads the power of a sine over lines that add up to 1.5 times it.
_HANN_SPREAD = 1.5
# Half width of the average that the spectrum is divided by; wider than the step
# between two harmonics of a high voice.
_WHITENING_LINES = 10
# Periods of voices, from 70 to 400 Hz, in steps of 1/8 ms.
_PERIODS_S = np.arange(20, 115) / 8000
# Below the power of any real sound, far above the smallest float.
_NOTHING = 1e-20
BLOCK_FRAMES = 16
"""Most frames of one result. So small a product the linear algebra does in one thread."""

_LINE_NUMBERS = np.arange(_LINES)
_NEIGHBORS = np.abs(_LINE_NUMBERS[:, None] - _LINE_NUMBERS[None, _VOICE_LINES]) <= _WHITENING_LINES
_NEIGHBORHOOD = (_NEIGHBORS / _NEIGHBORS.sum(axis=0)).astype(np.float32)
_BAND_SUMS = np.zeros((_LINES, BANDS), dtype=np.float32)
for _band in range(BANDS):
    _BAND_SUMS[_FIRST_LINE + _band * _BAND_LINES :][:_BAND_LINES, _band] = 1
_COSINES = np.cos(2 * np.pi * np.outer(_LINE_NUMBERS[_VOICE_LINES] * _LINE_HZ, _PERIODS_S)).astype(
    np.float32
)


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
        self._last_correlation = np.zeros(len(_PERIODS_S), dtype=np.float32)

    def accept(self, samples: Samples) -> list[FrameFeatures]:
        """Take the next samples; return the features of the frames complete now, in blocks."""
        pending = np.concatenate((self._pending, samples))
        count = len(pending) // self.frame_samples - 1
        self._pending = pending[count * self.frame_samples :]
        if not count:
            return []
        frames = pending[: (count + 1) * self.frame_samples].reshape(-1, self.frame_samples)
        steps = np.concatenate((frames[:-1], frames[1:]), axis=1)
        return [
            self._analyze(steps[start : start + BLOCK_FRAMES])
            for start in range(0, count, BLOCK_FRAMES)
        ]

    def _analyze(self, windows: npt.NDArray[np.float32]) -> FrameFeatures:
        lines = np.fft.rfft(windows * self._window)[:, :_LINES]
        magnitude: npt.NDArray[np.float32] = np.abs(lines)
        correlation = _correlate(_whiten(magnitude))
        before = np.concatenate((self._last_correlation[None], correlation[:-1]))
        self._last_correlation = correlation[-1]
        return FrameFeatures(
            power=magnitude**2 @ _BAND_SUMS,
            periodicity=np.maximum.reduce(correlation, axis=1),
            lasting_periodicity=np.maximum.reduce(correlation + before, axis=1) / 2,
        )


def _whiten(magnitude: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Divide the voice's lines by the average of their neighborhood; shape (n, lines).

    What is left are the harmonics, whatever the color and the loudness.
    """
    whitened: npt.NDArray[np.float32] = magnitude[:, _VOICE_LINES] / (
        magnitude @ _NEIGHBORHOOD + np.float32(_NOTHING)
    )
    return whitened


def _correlate(whitened: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the normalized autocorrelation at each period; shape (n, periods)."""
    total = whitened.sum(axis=1, keepdims=True) + np.float32(_NOTHING)
    correlation: npt.NDArray[np.float32] = (whitened @ _COSINES) / total
    return correlation
