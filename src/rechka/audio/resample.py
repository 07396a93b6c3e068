"""Streaming change of the sample rate with a delay of a few milliseconds.

soxr was measured first: its streams hold back 61 to 118 ms from 8 to 16 kHz and
37 to 158 ms downwards, which every partial result would wait for. The filter
here needs its own half length only: 4 ms at 8 kHz, 2 ms at 16 kHz.
"""

import math

import numpy as np
import numpy.typing as npt

from rechka.audio.samples import Samples

__all__ = ["Resampler"]

# Zero crossings of the filter on each side, in samples of the lower rate.
_HALF_WIDTH = 32
# The pass band ends at 0.435 and the stop band begins at 0.5 of the lower rate.
_CUTOFF = 0.4675
# Kaiser's formula for 75 dB of stop-band attenuation.
_KAISER_BETA = 0.1102 * (75 - 8.7)
# Bounds the working memory of one call, and keeps its products so small that the
# linear algebra library does not start threads for them.
_BLOCK_SAMPLES = 2_048


class Resampler:
    """Resamples one stream by a linear-phase polyphase filter.

    Output sample k lies at the time k / `out_rate_hz` of the input: there is no
    offset. In all, n input samples give n * out / in output samples, rounded.

    Args:
        in_rate_hz: Rate of the samples to come.
        out_rate_hz: Rate of the samples to return; where both are equal, samples
            are handed through.

    Threading: used by one thread at a time.
    """

    def __init__(self, in_rate_hz: int, out_rate_hz: int) -> None:
        divisor = math.gcd(in_rate_hz, out_rate_hz)
        # One cycle of the filter turns `_down` input samples into `_up` output samples.
        self._up = out_rate_hz // divisor
        self._down = in_rate_hz // divisor
        # Input samples on each side of an output sample's time that matter for it.
        self._reach = math.ceil(_HALF_WIDTH * max(1.0, self._down / self._up))
        self._filters = _design(self._up, self._down, self._reach)
        # Input not worked off yet; silence is assumed before the first sample.
        self._pending: Samples = np.zeros(self._reach - 1, dtype=np.float32)
        self._received = 0
        self._returned = 0

    def accept(self, samples: Samples) -> Samples:
        """Take the next samples; return those whose surroundings are known now."""
        if self._up == self._down:
            return samples
        blocks = [
            self._filter(samples[start : start + _BLOCK_SAMPLES])
            for start in range(0, len(samples), _BLOCK_SAMPLES)
        ]
        self._received += len(samples)
        returned = np.concatenate(blocks) if blocks else samples
        self._returned += len(returned)
        return returned

    def flush(self) -> Samples:
        """Return the rest at the end of the stream, where silence is assumed after it."""
        if self._up == self._down:
            return np.zeros(0, dtype=np.float32)
        missing = self._expected() - self._returned
        rest = self._filter(np.zeros(2 * self._reach + self._down, dtype=np.float32))[:missing]
        self._returned += len(rest)
        return rest

    def _expected(self) -> int:
        """Return the rounded length of the whole output for the input so far."""
        return (2 * self._received * self._up + self._down) // (2 * self._down)

    def _filter(self, samples: Samples) -> Samples:
        pending = np.concatenate((self._pending, samples))
        length = self._filters.shape[0]
        cycles = max(0, (len(pending) - length) // self._down + 1)
        self._pending = pending[cycles * self._down :]
        if not cycles:
            return np.zeros(0, dtype=np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(pending, length)
        output: Samples = (windows[:: self._down][:cycles] @ self._filters).reshape(-1)
        return output


def _design(up: int, down: int, reach: int) -> npt.NDArray[np.float32]:
    """Return the filter of each output sample of a cycle.

    Args:
        up: Output samples of a cycle.
        down: Input samples of a cycle.
        reach: Input samples on each side that matter for an output sample.

    Returns:
        Shape (input samples, up): row i is the weight of the input sample at time
        i - reach + 1, counted in input samples from the cycle's beginning.
    """
    times = np.arange(up) * down / up
    length = math.floor(times[-1]) + 2 * reach
    distance = (np.arange(length) - reach + 1)[:, None] - times[None, :]
    cutoff = _CUTOFF * min(1.0, up / down)
    window = np.i0(_KAISER_BETA * np.sqrt(np.maximum(0.0, 1 - (distance / reach) ** 2)))
    window[np.abs(distance) >= reach] = 0.0
    filters = 2 * cutoff * np.sinc(2 * cutoff * distance) * window / np.i0(_KAISER_BETA)
    # Without this, a constant would come out with a ripple from phase to phase.
    filters /= filters.sum(axis=0)
    return filters.astype(np.float32)
