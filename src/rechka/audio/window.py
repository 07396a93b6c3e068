"""Windows of sound and their spectra."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

__all__ = ["transform", "window_weights"]

_Floats = npt.NDArray[np.float32]
_Lines = npt.NDArray[np.complex64]

# A Hann window spreads the power of a sine over lines that add up to 1.5 times it.
_HANN_SPREAD = 1.5
# Sizes of windows whose weights are kept; there are a few usual rates.
_SIZES = 8


@lru_cache(maxsize=_SIZES)
def window_weights(size: int) -> _Floats:
    """Return what the samples of a window are multiplied by before `transform`.

    It is a Hann window, such that the lines of a sine have its power. The array is shared
    by all who ask for the same size, and so not to be changed.
    """
    window = np.hanning(size + 1)[:-1]
    # A sine of amplitude 1 has the power 1/2.
    scale = np.sqrt(2 / _HANN_SPREAD) / window.mean()
    return np.asarray(window * scale, dtype=np.float32)


def transform(windows: _Floats) -> _Lines:
    """Return the spectra of weighted windows, divided by their size.

    Args:
        windows: A row each; shape (n, size).

    Returns:
        Lines from 0 Hz on; shape (n, size // 2 + 1).
    """
    # Divided here, since numpy then has a factor of 32 bits and computes with 32 bits, which
    # its types do not tell; with its factor of 1 it would convert all to 64 bits and back.
    return np.fft.rfft(windows, norm="forward")  # type: ignore[return-value]
