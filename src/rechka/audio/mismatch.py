"""Warns of samples that are not the 16-bit little-endian samples they are said to be."""

import numpy as np
import numpy.typing as npt

from rechka.audio.samples import Samples

__all__ = ["MismatchDetector"]

_Values = npt.NDArray[np.float64]

# Speech read in the wrong way is loud; what is below -20 dBFS is not judged.
_LOUD_RMS = 0.1
# Neighboring samples of speech are alike if read in the right way: their correlation
# is near 0.9. The low octets of real samples are noise to every other reading, which
# then stays below 0.7.
_SPEECH_SIMILARITY = 0.8
_LEAST_GAIN = 0.2
_SPEECH_RMS = 0.005
_MOST_SECONDS = 10


class MismatchDetector:
    """Looks at the first ten seconds of a stream, one by one.

    It speaks only if the samples are loud and another reading of the same bytes
    is far smoother. A wrong sample rate is not found: speech at a wrong speed is
    smooth too.

    Args:
        rate_hz: Rate of the samples.
    """

    def __init__(self, rate_hz: int) -> None:
        self._second_samples = rate_hz
        self._pending: Samples = np.zeros(0, dtype=np.float32)
        self._seconds_left = _MOST_SECONDS

    def accept(self, samples: Samples) -> str | None:
        """Take the next samples as they were decoded; tell what is wrong, once it is known."""
        if not self._seconds_left:
            return None
        self._pending = np.concatenate((self._pending, samples))
        while self._seconds_left and len(self._pending) >= self._second_samples:
            second = self._pending[: self._second_samples]
            self._pending = self._pending[self._second_samples :]
            self._seconds_left -= 1
            if (reading := _better_reading(second)) is not None:
                self._seconds_left = 0
                return f"the samples look like {reading}, not like 16-bit little-endian samples"
        return None


def _better_reading(samples: Samples) -> str | None:
    if _rms(samples) < _LOUD_RMS:
        return None
    needed = max(_SPEECH_SIMILARITY, _similarity(samples) + _LEAST_GAIN)
    if needed >= 1:
        # No other reading can be so much smoother.
        return None
    pcm = np.rint(samples * np.float32(32768)).astype("<i2")
    octets = pcm.view(np.uint8)
    readings = {
        "big-endian samples": pcm.byteswap() / 32768,
        "8-bit samples": (octets - 128.0) / 128,
        "G.711 mu-law": _MU_LAW[octets],
        "G.711 A-law": _A_LAW[octets],
    }
    similarities = {
        name: _similarity(values) for name, values in readings.items() if _rms(values) > _SPEECH_RMS
    }
    best = max(similarities, key=similarities.__getitem__, default=None)
    return best if best is not None and similarities[best] > needed else None


def _rms(values: _Values | Samples) -> float:
    return float(np.std(values))


def _similarity(values: _Values | Samples) -> float:
    """Return the correlation of neighboring samples, -1 to 1."""
    centered = values - values.mean()
    # No products of vectors: for these numpy wakes threads of its own.
    neighbors = np.sum(centered[1:] * centered[:-1])
    return float(neighbors / (np.sum(centered * centered) + 1e-9))


def _mu_law() -> _Values:
    """Return the value of each octet, full scale 1 (ITU-T G.711, table 2)."""
    code = ~np.arange(256, dtype=np.uint8)
    magnitude = (((code & 15) * 2.0 + 33) * 2.0 ** (code >> 4 & 7) - 33) / 8192
    return np.where(code & 0x80, -magnitude, magnitude)


def _a_law() -> _Values:
    """Return the value of each octet, full scale 1 (ITU-T G.711, table 1)."""
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    step, segment = (code & 15) * 2.0 + 1, code >> 4 & 7
    magnitude = np.where(segment == 0, step, (step + 32) * 2.0 ** (segment - 1.0)) / 4096
    return np.where(code & 0x80, magnitude, -magnitude)


_MU_LAW = _mu_law()
_A_LAW = _a_law()
