"""The sample type of the whole project, and its way to 16-bit bytes and back."""

import numpy as np
import numpy.typing as npt

__all__ = ["Samples", "from_pcm16", "to_pcm16"]

Samples = npt.NDArray[np.float32]
"""Mono audio, shape (n,), float32, full scale is -1.0 to 1.0."""

_FULL_SCALE = 32768.0


def from_pcm16(pcm: bytes) -> Samples:
    """Return samples of signed 16-bit little-endian mono PCM.

    Args:
        pcm: Whole samples, two bytes each.

    Raises:
        ValueError: The number of bytes is odd.
    """
    return np.frombuffer(pcm, dtype="<i2").astype(np.float32) / np.float32(_FULL_SCALE)


def to_pcm16(samples: Samples) -> bytes:
    """Return signed 16-bit little-endian PCM; values beyond full scale are clipped."""
    scaled = np.rint(samples * np.float32(_FULL_SCALE))
    pcm: npt.NDArray[np.int16] = np.clip(scaled, -32768, 32767).astype("<i2")
    return pcm.tobytes()
