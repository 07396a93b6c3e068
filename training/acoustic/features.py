"""Log-mel features in torch, and the ways in which training speech is made to sound like others.

What the run-time computes is in `rechka.recognition.engines.ctc.features`; a test
compares the two. Everything that changes the sound works on power spectra, which
costs next to nothing there: vocal tract, channel, room, noise and volume.
"""

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["RATE_HZ", "Augmenter", "log_mel", "power_spectrum"]

RATE_HZ = 16_000
HOP = 160
_WINDOW = 400
_FFT = 512
_BINS = _FFT // 2 + 1
MELS = 80
FLOOR = 2.0**-23
_PRE_EMPHASIS = 0.97


def _mel(hz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Slaney's scale: linear to 1 kHz, logarithmic above."""
    return np.where(
        hz < 1000, hz * 3 / 200, 15 + np.log(np.maximum(hz, 1000) / 1000) * 27 / np.log(6.4)
    )


def _hz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))


def mel_filters(warp: float = 1.0) -> Tensor:
    """Return [257, 80] triangles of unit area; above 1, `warp` shortens the vocal tract."""
    edges = _hz(np.linspace(0.0, _mel(np.array(8000.0)), MELS + 2))
    # A warp that bends back at the top, so that every band stays within 8 kHz.
    knee = 8000 * 0.85 / max(warp, 1 / warp, 1.0)
    above = (8000 - knee * warp) / (8000 - knee)
    warped = np.where(edges <= knee, edges * warp, knee * warp + (edges - knee) * above)
    bins = np.arange(_BINS) * RATE_HZ / _FFT
    low, mid, high = warped[:-2, None], warped[1:-1, None], warped[2:, None]
    shape = np.minimum((bins - low) / (mid - low), (high - bins) / (high - mid))
    area = 2 / (edges[2:] - edges[:-2])
    return torch.tensor(np.maximum(shape, 0).T * area, dtype=torch.float32)


_FILTERS = mel_filters()
_WINDOW_SHAPE = torch.hann_window(_WINDOW)


def power_spectrum(waves: Tensor) -> Tensor:
    """Return [B, T, 257] of [B, S] samples in [-1, 1]; a frame is centred every 10 ms."""
    emphasized = functional.pad(waves, (1, 0))
    emphasized = emphasized[:, 1:] - _PRE_EMPHASIS * emphasized[:, :-1]
    padded = functional.pad(emphasized, (_WINDOW // 2 - HOP // 2, _WINDOW // 2))
    frames = padded.unfold(1, _WINDOW, HOP)[:, : (waves.shape[1] + HOP // 2) // HOP]
    spectrum = torch.fft.rfft(frames * _WINDOW_SHAPE, n=_FFT)
    return spectrum.real.square() + spectrum.imag.square()


def log_mel(power: Tensor, filters: Tensor = _FILTERS) -> Tensor:
    """Return [B, T, 80] of [B, T, 257]."""
    return torch.log(torch.clamp(power @ filters, min=FLOOR))


class Augmenter:
    """Draws another room, channel, noise and speaker for each utterance of a batch."""

    _WARPS = tuple(np.linspace(0.86, 1.16, 13))

    def __init__(self, seed: int) -> None:
        self._chance = torch.Generator().manual_seed(seed)
        self._filters = torch.stack([mel_filters(warp) for warp in self._WARPS])
        centres = _hz(np.linspace(0.0, _mel(np.array(8000.0)), MELS + 2))[1:-1]
        self._centres = torch.tensor(centres, dtype=torch.float32)

    def _uniform(self, low: float, high: float, *size: int) -> Tensor:
        return low + (high - low) * torch.rand(*size, generator=self._chance)

    def _curve(self, batch: int, deviation_db: float) -> Tensor:
        """Return a smooth random curve in dB over the bands, [B, 80]."""
        place = torch.linspace(0, math.pi, MELS)
        order = torch.arange(1, 7)
        weights = torch.randn(batch, 6, generator=self._chance) * deviation_db / order.sqrt()
        phases = self._uniform(0, 2 * math.pi, batch, 6, 1)
        return (weights[:, :, None] * torch.cos(order[:, None] * place + phases)).sum(1)

    def _channel(self, batch: int) -> Tensor:
        """Return the gain of each band in dB, [B, 80]: colour and the edges of the band."""
        gain = self._curve(batch, 4.0)
        kind = self._uniform(0, 1, batch, 1)
        top = torch.where(kind < 0.3, self._uniform(3300, 4000, batch, 1), 1e9)
        top = torch.where(kind > 0.7, self._uniform(4500, 8000, batch, 1), top)
        low = torch.where(self._uniform(0, 1, batch, 1) < 0.4, self._uniform(50, 350, batch, 1), 0)
        gain = gain - 70 * torch.clamp((self._centres - top) / 300, 0, 1)
        return gain - 25 * torch.clamp((low - self._centres) / 150, 0, 1)

    def _room(self, mel: Tensor) -> Tensor:
        """Let each frame ring on in the following ones, for half of the utterances."""
        batch, frames, _ = mel.shape
        taps = 30
        decay_s = self._uniform(0.15, 0.7, batch, 1)
        ratio_db = self._uniform(-22, -4, batch, 1)
        time_s = torch.arange(1, taps + 1) * 0.01
        tail = torch.exp(-6.9 * 2 * time_s / decay_s)
        tail = tail / tail.sum(1, keepdim=True) * 10 ** (ratio_db / 10)
        tail = tail * (self._uniform(0, 1, batch, 1) < 0.5)
        kernel = torch.cat((tail.flip(1), torch.ones(batch, 1)), 1)
        padded = functional.pad(mel.transpose(1, 2), (taps, 0)).reshape(
            1, batch * MELS, frames + taps
        )
        weights = kernel.repeat_interleave(MELS, 0)[:, None]
        rung = functional.conv1d(padded, weights, groups=batch * MELS)
        return rung.reshape(batch, MELS, frames).transpose(1, 2)

    def _noise(self, mel: Tensor, level: Tensor) -> Tensor:
        """Return noise of random colour, loudness and unrest in power, [B, T, 80]."""
        batch, frames, _ = mel.shape
        colour = 10 ** (self._curve(batch, 7.0) / 10)
        ratio_db = self._uniform(0, 40, batch, 1)
        loudness = level / colour.mean(1, keepdim=True) * 10 ** (-ratio_db / 10)
        grain = torch.rand(batch, frames, MELS, generator=self._chance).clamp_min(1e-4)
        # A band of the mel scale sums several bins of the spectrum.
        grain = 0.5 * (1 - torch.log(grain))
        unrest = torch.randn(batch, 1, frames // 20 + 2, generator=self._chance)
        slow = functional.interpolate(unrest, size=frames, mode="linear")[:, 0, :, None]
        swing = self._uniform(0, 0.8, batch, 1, 1)
        return (loudness * colour)[:, None] * grain * torch.exp(swing * slow)

    def __call__(self, power: Tensor) -> Tensor:
        """Return features [B, T, 80] of spectra [B, T, 257]."""
        batch = len(power)
        which = torch.randint(len(self._WARPS), (batch,), generator=self._chance)
        mel = torch.bmm(power, self._filters[which])
        mel = self._room(mel)
        level = mel.mean((1, 2))[:, None]
        # Other voices in the background, now and then.
        others = mel.roll(1, 0) * (level / level.roll(1, 0).clamp_min(1e-9))[:, :, None]
        is_babble = self._uniform(0, 1, batch, 1, 1) < 0.15
        mel = mel + others * 10 ** (-self._uniform(8, 25, batch, 1, 1) / 10) * is_babble
        mel = mel + self._noise(mel, level)
        volume = 10 ** (self._uniform(-25, 5, batch, 1) / 10)
        mel = mel * (volume * 10 ** (self._channel(batch) / 10))[:, None]
        # What a microphone and its converter add at the end.
        hiss = 10 ** self._uniform(-8.0, -5.0, batch, 1, 1)
        features = torch.log(mel + hiss * self._uniform(0.3, 1.7, *mel.shape) + FLOOR)
        features = features + 0.15 * torch.randn(*features.shape, generator=self._chance)
        return self._masked(features)

    def _masked(self, features: Tensor) -> Tensor:
        """Blank out bands and moments."""
        batch, frames, _ = features.shape
        fill = features.mean((1, 2), keepdim=True)
        bands = torch.arange(MELS)
        for _ in range(2):
            at, wide = self._uniform(0, MELS, batch, 1), self._uniform(0, 14, batch, 1)
            is_out = (bands >= at) & (bands < at + wide)
            features = torch.where(is_out[:, None], fill, features)
        moments = torch.arange(frames)
        for _ in range(max(1, frames // 150)):
            at, wide = self._uniform(0, frames, batch, 1), self._uniform(0, 22, batch, 1)
            is_out = (moments >= at) & (moments < at + wide)
            features = torch.where(is_out[:, :, None], fill, features)
        return features
