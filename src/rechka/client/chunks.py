"""Pieces of audio that know their place in time, and how PCM is cut into them.

A client keeps the audio that is not settled yet, so that another session can
hear it again. For that a piece can be cut at any place, and can be written as
part of a session that began anywhere.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from rechka.errors import ErrorCode, RequestError

__all__ = ["AudioChunk", "Framing", "PcmChunk", "PcmFraming"]

_BYTES_PER_SAMPLE = 2


class AudioChunk(Protocol):
    """A piece of audio. All times are milliseconds from the start of the source."""

    @property
    def index(self) -> int:
        """Number of the chunk in the source; its cuts keep it."""
        ...

    @property
    def start_ms(self) -> float:
        """Where the first sample of a session lies that begins with this chunk."""
        ...

    @property
    def end_ms(self) -> float:
        """`start_ms` plus the length of the chunk."""
        ...

    @property
    def size_bytes(self) -> int:
        """Most bytes that `encode` returns."""
        ...

    def since(self, position_ms: float) -> "AudioChunk":
        """Return the part from `position_ms` on, or from the last cut before it."""
        ...

    def encode(self, first: "AudioChunk") -> bytes:
        """Return the bytes to send in a session.

        Args:
            first: The chunk that the session began with; may be this one.
        """
        ...


class Framing(Protocol):
    """Cuts a stream of bytes, itself cut anywhere, into chunks of audio."""

    def feed(self, received: bytes) -> Iterable[AudioChunk]:
        """Return the chunks that are complete now.

        Raises:
            RequestError: The bytes are not audio of this format.
        """
        ...

    def flush(self) -> Iterable[AudioChunk]:
        """Return what is left at the end. Raises as `feed`."""
        ...


@dataclass(frozen=True, slots=True)
class PcmChunk:
    """A piece of 16-bit mono PCM.

    Attributes:
        index: Number of the chunk in the source.
        start_ms: Time of the first sample.
        data: Whole samples, two bytes each.
        rate_hz: Samples a second.
    """

    index: int
    start_ms: float
    data: bytes
    rate_hz: int

    @property
    def end_ms(self) -> float:
        """Time of the sample after the last one."""
        return self.start_ms + len(self.data) * 1000 / (_BYTES_PER_SAMPLE * self.rate_hz)

    @property
    def size_bytes(self) -> int:
        """Bytes of the samples."""
        return len(self.data)

    def since(self, position_ms: float) -> "PcmChunk":
        """Return the part from the sample at or before `position_ms` on."""
        skipped = max(0, int((position_ms - self.start_ms) * self.rate_hz / 1000))
        return replace(
            self,
            start_ms=self.start_ms + skipped * 1000 / self.rate_hz,
            data=self.data[skipped * _BYTES_PER_SAMPLE :],
        )

    def encode(self, first: AudioChunk) -> bytes:
        """Return the samples: PCM has no headers."""
        return self.data


class PcmFraming:
    """Cuts PCM into chunks; half a sample is carried over to the next one.

    Args:
        rate_hz: Samples a second.
        chunk_ms: Longest chunk.
        least_ms: Shortest chunk, but for the last one. Pieces that come smaller are
            put together: a tiny chunk costs more than it holds.

    Raises:
        RequestError: The rate is not above zero.
    """

    def __init__(self, rate_hz: int, *, chunk_ms: int, least_ms: int = 10) -> None:
        if rate_hz <= 0:
            raise RequestError(
                ErrorCode.INVALID_CONFIG,
                f"sample rate: got {rate_hz}; it must be above zero",
            )
        self._rate_hz = rate_hz
        self._most_bytes = max(1, rate_hz * chunk_ms // 1000) * _BYTES_PER_SAMPLE
        self._least_bytes = max(1, rate_hz * least_ms // 1000) * _BYTES_PER_SAMPLE
        self._rest = b""
        self._index = 0
        self._samples = 0

    def feed(self, received: bytes) -> Iterable[PcmChunk]:
        """Return what is there, but for a rest that is too short."""
        data = self._rest + received
        whole = len(data) - len(data) % self._most_bytes
        if len(data) - whole >= self._least_bytes:
            whole = len(data) - len(data) % _BYTES_PER_SAMPLE
        self._rest = data[whole:]
        return self._cut(data[:whole])

    def flush(self) -> Iterable[PcmChunk]:
        """Return what is left; half a sample at the end is no audio."""
        whole = len(self._rest) - len(self._rest) % _BYTES_PER_SAMPLE
        data, self._rest = self._rest[:whole], b""
        return self._cut(data)

    def _cut(self, data: bytes) -> Iterable[PcmChunk]:
        for start in range(0, len(data), self._most_bytes):
            piece = data[start : start + self._most_bytes]
            yield PcmChunk(self._index, self._samples * 1000 / self._rate_hz, piece, self._rate_hz)
            self._index += 1
            self._samples += len(piece) // _BYTES_PER_SAMPLE
