"""Log-mel features as the models of the "nemo" contract were trained on.

The definition is that of `kaldi-native-fbank` with `is_librosa`, without dither and
without removal of the mean: frames of 25 ms every 10 ms, frame `f` centred on sample
160 f + 80, mirrored at the first sample, pre-emphasis inside the frame, periodic hann
window, power spectrum of 512 points, 80 slaney mels from 0 to 8000 Hz, natural log.
"""

import math
from functools import cache

import numpy as np
import numpy.typing as npt

from rechka.audio.samples import Samples

__all__ = ["FEATURE_RATE_HZ", "HOP_SAMPLES", "LogMel"]

FEATURE_RATE_HZ = 16_000
HOP_SAMPLES = 160
_WINDOW = 400
_FFT = 512
_MELS = 80
_HIGHEST_HZ = 8_000.0
_PREEMPHASIS = np.float32(0.97)
# Smallest energy, that of single precision: the log of it is about -15.9.
_FLOOR = np.float32(np.finfo(np.float32).eps)
# The first frame begins so many samples before the first sample.
_LEAD = _WINDOW // 2 - HOP_SAMPLES // 2


class LogMel:
    """Features of one utterance, frame by frame.

    It computes only when asked and always the frames it was asked for together, so how
    the samples were cut when they came changes no bit of the result.
    """

    def __init__(self) -> None:
        self._samples: Samples = np.zeros(0, dtype=np.float32)
        self._is_begun = False

    def copy(self) -> "LogMel":
        """Return one that goes on from here on its own."""
        other = LogMel()
        other._samples = self._samples
        other._is_begun = self._is_begun
        return other

    def accept(self, samples: Samples) -> None:
        """Keep samples, float32 at 16 kHz, until their frames are taken."""
        joined = np.concatenate([self._samples, samples.astype(np.float32, copy=False)])
        if not self._is_begun and len(joined) >= _LEAD:
            joined = np.concatenate([joined[:_LEAD][::-1], joined])
            self._is_begun = True
        self._samples = joined

    @property
    def available(self) -> int:
        """Frames whose samples are all there."""
        if not self._is_begun:
            return 0
        return max(0, (len(self._samples) - _WINDOW) // HOP_SAMPLES + 1)

    def missing_samples(self, frames: int) -> int:
        """Return how many more samples so many frames need; 0 or less if they are there."""
        lead = 0 if self._is_begun else _LEAD
        return (frames - 1) * HOP_SAMPLES + _WINDOW - lead - len(self._samples)

    def take(self, frames: int) -> npt.NDArray[np.float32]:
        """Return the next frames, shape (frames, 80); at most `available` of them."""
        if frames > self.available:
            raise ValueError(f"got {frames} frames to take; accepted: at most {self.available}")
        views = np.lib.stride_tricks.sliding_window_view(self._samples, _WINDOW)
        framed = views[: (frames - 1) * HOP_SAMPLES + 1 : HOP_SAMPLES].copy()
        self._samples = self._samples[frames * HOP_SAMPLES :]
        framed[:, 1:] -= _PREEMPHASIS * framed[:, :-1]
        framed[:, 0] *= 1 - _PREEMPHASIS
        framed *= _window()
        spectrum = np.fft.rfft(framed, _FFT, axis=1)
        power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
        mel: npt.NDArray[np.float32] = np.log(np.maximum(power @ _mel_bank(), _FLOOR))
        return mel


@cache
def _window() -> npt.NDArray[np.float32]:
    phase = 2 * math.pi / _WINDOW * np.arange(_WINDOW)
    window: npt.NDArray[np.float32] = (0.5 - 0.5 * np.cos(phase)).astype(np.float32)
    return window


@cache
def _mel_bank() -> npt.NDArray[np.float32]:
    """Return the triangles of the mels, shape (257, 80), each of unit area in hertz."""
    edges_hz = _mel_to_hz(np.linspace(0.0, _hz_to_mel(_HIGHEST_HZ), _MELS + 2))
    bins_hz = np.arange(_FFT // 2 + 1) * FEATURE_RATE_HZ / _FFT
    left, center, right = edges_hz[:-2], edges_hz[1:-1], edges_hz[2:]
    rising = (bins_hz[:, None] - left) / (center - left)
    falling = (right - bins_hz[:, None]) / (right - center)
    triangles = np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (right - left))
    bank: npt.NDArray[np.float32] = triangles.astype(np.float32)
    return bank


# The scale of Slaney's Auditory Toolbox: linear up to 1000 Hz, logarithmic above.
_LINEAR_HZ_PER_MEL = 200.0 / 3.0
_BREAK_HZ = 1_000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP = math.log(6.4) / 27.0


def _hz_to_mel(hz: float) -> float:
    if hz < _BREAK_HZ:
        return hz / _LINEAR_HZ_PER_MEL
    return _BREAK_MEL + math.log(hz / _BREAK_HZ) / _LOG_STEP


def _mel_to_hz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    hz: npt.NDArray[np.float64] = np.where(
        mel < _BREAK_MEL,
        mel * _LINEAR_HZ_PER_MEL,
        _BREAK_HZ * np.exp(_LOG_STEP * (mel - _BREAK_MEL)),
    )
    return hz
