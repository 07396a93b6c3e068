"""Cepstra as the model of the pocketsphinx wheel was trained on, for speech as it comes.

The definition is that of `feat.params` of the model: pre-emphasis, Hamming windows of
25.6 ms every 10 ms, power spectrum of 512 points, 25 mels from 130 to 6800 Hz, noise
tracked and taken out of each mel, natural logarithm, 13 cepstra, liftered. pocketsphinx
computes the same, but only normalizes what it is given whole. Here the mean is known
after a moment and goes along with the voice.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from rechka.audio.samples import Samples

__all__ = ["CEPSTRA", "RATE_HZ", "Cepstra", "RunningMean"]

RATE_HZ = 16_000
CEPSTRA = 13
_HOP = 160
_WINDOW = 410
_FFT = 512
_MELS = 25
_LOWEST_HZ, _HIGHEST_HZ = 130.0, 6_800.0
_PREEMPHASIS = 0.97
_LIFTER = 22
_FULL_SCALE = 32_768.0
# Mean of speech of many loudnesses and channels: what an utterance begins with.
_USUAL_MEAN = np.array([47.0, -3, 2, 1, -3, -4, -3, -3, -3, -1, 0, 1, 1])
# It counts as much as so many frames that were heard.
_USUAL_FRAMES = 20
# The first frames wait for each other, so that their mean is one of more than noise. An
# utterance comes with 300 ms from before its first voice, so nobody waits longer for it.
_WAITING_FRAMES = 30
# Bands without any signal, as 8 kHz audio has above 4 kHz, look to the model like nothing
# that it was trained on; noise of this power fills them, against the loudest voice so far.
# A fixed loudness of it would drown a faint voice. Always the same noise, so that the
# same audio gives the same text.
_FILL = 10 ** (-46 / 10)
_FILL_FRAMES = 100
# Power of the rounding of 16-bit samples in a mel: fills what is silent to the last bit.
_LEAST_FILL = 0.4
# What a frame leaves of the loudest so far: a second takes 1 dB.
_FORGETTING = 10 ** (-0.1 / _FILL_FRAMES)
# Keeps the logarithm finite, in the units of the power of 16-bit samples.
_FLOOR = 1e-4

_Floats = npt.NDArray[np.float64]


class Cepstra:
    """Turns samples into cepstra, frame by frame, one utterance after another.

    Every frame is computed by itself, so how the samples were cut when they came
    changes no bit of the result. The noise is that of the stream: what was learned of
    it in one utterance serves the next.
    """

    def __init__(self) -> None:
        self._noise = _Noise()
        self._loudest = 0.0
        self._frames = 0
        self.begin()

    def begin(self) -> None:
        """Forget the samples of the last utterance."""
        self._samples: _Floats = np.zeros(0)
        self._before = 0.0

    def accept(self, samples: Samples) -> _Floats:
        """Return the frames that these samples complete, shape (n, 13)."""
        self._samples = np.concatenate([self._samples, samples * _FULL_SCALE])
        count = max(0, (len(self._samples) - _WINDOW) // _HOP + 1)
        cepstra = np.empty((count, CEPSTRA))
        for index in range(count):
            start = index * _HOP
            window = self._samples[start : start + _WINDOW]
            emphasized = window.copy()
            emphasized[1:] -= _PREEMPHASIS * window[:-1]
            emphasized[0] -= _PREEMPHASIS * (self._samples[start - 1] if start else self._before)
            spectrum = np.fft.rfft(emphasized * _window(), _FFT)
            mels = _mel_bank() @ (spectrum.real**2 + spectrum.imag**2)
            filled = self._filled(mels)
            cepstra[index] = _transform() @ np.log(self._noise.remove(filled) + _FLOOR)
        if count:
            self._before = float(self._samples[count * _HOP - 1])
            self._samples = self._samples[count * _HOP :]
        return cepstra

    def _filled(self, mels: _Floats) -> _Floats:
        self._loudest = max(float(mels.mean()), self._loudest * _FORGETTING)
        self._frames += 1
        fill = _fill()[self._frames % _FILL_FRAMES]
        result: _Floats = mels + max(self._loudest * _FILL, _LEAST_FILL) * fill
        return result


class RunningMean:
    """Takes out of cepstra the mean of what was heard of the utterance.

    Loudness adds to the first cepstrum, and a microphone or a line to all of them; what
    is left is the same for all. A frame is judged by those before it and by the first
    300 ms; the mean of the whole utterance would have to be waited for.
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Forget the last utterance."""
        self._sum: _Floats = _USUAL_MEAN * _USUAL_FRAMES
        self._heard = 0
        self._waiting: _Floats = np.zeros((0, CEPSTRA))

    def remove(self, cepstra: _Floats) -> _Floats:
        """Take the next frames, shape (n, 13); return those that are ready, without mean."""
        self._waiting = np.concatenate([self._waiting, cepstra])
        if self._heard == 0 and len(self._waiting) < _WAITING_FRAMES:
            return np.zeros((0, CEPSTRA))
        return self.rest()

    def rest(self) -> _Floats:
        """Return every frame that waits, without the mean."""
        frames, self._waiting = self._waiting, np.zeros((0, CEPSTRA))
        if not len(frames):
            return frames
        # A sum that grows frame by frame is the same in any pieces.
        sums = np.cumsum(np.vstack([self._sum, frames]), axis=0)[1:]
        counts = self._heard + 1 + np.arange(len(frames))
        if self._heard == 0:
            first = min(_WAITING_FRAMES, len(frames)) - 1
            sums[:first], counts[:first] = sums[first], counts[first]
        self._sum = sums[-1]
        self._heard += len(frames)
        result: _Floats = frames - sums / (_USUAL_FRAMES + counts)[:, None]
        return result


class _Noise:
    """The noise of a stream, per mel: the lower envelope of the smoothed power.

    Constants and order of the steps are those that the model's features had in training
    (Doblinger, "Computationally efficient speech enhancement by spectral minima
    tracking", 1995; temporal masking and smoothing of the gain as in Kim and Stern's
    power-normalized cepstra).
    """

    def __init__(self) -> None:
        self._power: _Floats | None = None
        self._noise = self._floor = self._peak = np.zeros(_MELS)

    def remove(self, mels: _Floats) -> _Floats:
        """Return the powers of the mels with the noise taken out of them."""
        if self._power is None:
            self._power = mels
            self._noise = self._floor = mels / 20
        self._power = 0.7 * self._power + 0.3 * mels
        self._noise = _lower_envelope(self._noise, self._power)
        signal = np.maximum(self._power - self._noise, 1.0)
        self._floor = _lower_envelope(self._floor, signal)
        fading = 0.85 * self._peak
        masked = np.where(signal < 0.85 * fading, 0.2 * fading, signal)
        self._peak = np.maximum(fading, signal)
        gain = np.clip(np.maximum(masked, self._floor) / self._power, 1 / 20, 20)
        result: _Floats = mels * (_smoothing() @ gain)
        return result


def _lower_envelope(envelope: _Floats, power: _Floats) -> _Floats:
    keep = np.where(power >= envelope, 0.995, 0.5)
    result: _Floats = keep * envelope + (1 - keep) * power
    return result


@cache
def _window() -> _Floats:
    return np.hamming(_WINDOW)


@cache
def _mel_bank() -> _Floats:
    """Return the triangles of the mels, shape (25, 257), edges rounded to whole bins."""
    bin_hz = RATE_HZ / _FFT
    mels = np.linspace(_to_mel(_LOWEST_HZ), _to_mel(_HIGHEST_HZ), _MELS + 2)
    edges = np.floor(700 * (10 ** (mels / 2595) - 1) / bin_hz + 0.5)[:, None] * bin_hz
    left, center, right = edges[:-2], edges[1:-1], edges[2:]
    bins_hz = np.arange(_FFT // 2 + 1) * bin_hz
    rising, falling = (bins_hz - left) / (center - left), (right - bins_hz) / (right - center)
    triangles: _Floats = np.maximum(0, np.minimum(rising, falling)) * (2 / (right - left))
    return triangles


def _to_mel(hz: float) -> float:
    return float(2595 * np.log10(1 + hz / 700))


@cache
def _fill() -> _Floats:
    """Return mels of white noise whose mean is 1, shape (100, 25)."""
    noise = np.random.default_rng(0).normal(0.0, 1.0, _HOP * (_FILL_FRAMES - 1) + _WINDOW + 1)
    emphasized = noise[1:] - _PREEMPHASIS * noise[:-1]
    windows = np.lib.stride_tricks.sliding_window_view(emphasized, _WINDOW)[::_HOP]
    mels = np.abs(np.fft.rfft(windows * _window(), _FFT)) ** 2 @ _mel_bank().T
    result: _Floats = mels / mels.mean()
    return result


@cache
def _transform() -> _Floats:
    """Return the cosine transform with the lifter in it, shape (13, 25)."""
    order = np.arange(CEPSTRA)[:, None]
    cosines = np.cos(np.pi * order * (np.arange(_MELS) + 0.5) / _MELS)
    scale = np.where(order == 0, np.sqrt(1 / _MELS), np.sqrt(2 / _MELS))
    transform: _Floats = cosines * scale * (1 + _LIFTER / 2 * np.sin(order * np.pi / _LIFTER))
    return transform


@cache
def _smoothing() -> _Floats:
    """Return the weights that make a mel's gain the mean of its neighbors', shape (25, 25)."""
    distance = np.abs(np.subtract.outer(np.arange(_MELS), np.arange(_MELS)))
    near = (distance <= 4).astype(float)
    weights: _Floats = near / near.sum(axis=1, keepdims=True)
    return weights
