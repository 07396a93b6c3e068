"""Where audio comes from: files, pipes, and whatever gives bytes."""

import functools
import os
import stat
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, runtime_checkable

from rechka.client.chunks import AudioChunk, Framing, PcmFraming
from rechka.client.headers import Header, read_header
from rechka.client.opus import OpusFraming, opus_length_ms
from rechka.client.pacing import Pace, Pacer, RealTimePacer
from rechka.client.threads import iterate_in_thread
from rechka.errors import ErrorCode, RequestError
from rechka.spec import SAMPLE_RATES_HZ, AudioEncoding, RecognitionSpec

__all__ = ["AudioFormat", "AudioSource", "BytesSource", "FileSource"]

_READ_BYTES = 16_384
_TAIL_BYTES = 65_536
# Opus is always decoded at this rate; the API does not look at it.
_OPUS_RATE_HZ = 48_000
# Longer pieces would make the place of a session's end coarse.
_LONGEST_CHUNK_MS = 1_000


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """What a source gives.

    Attributes:
        encoding: How the audio is encoded.
        sample_rate_hz: Samples a second of LINEAR16_PCM; not used for OGG_OPUS.
        length_ms: Length of the audio, None where it is not known.
    """

    encoding: AudioEncoding
    sample_rate_hz: int
    length_ms: float | None = None


@runtime_checkable
class AudioSource(Protocol):
    """Audio that knows its format. It is read once."""

    async def open(self) -> AudioFormat:
        """Return the format; called once, before `chunks`.

        Raises:
            RequestError: There is no such audio, or it is of a kind that is not served.
            UnavailableError: A device cannot be used.
        """
        ...

    def chunks(self) -> AsyncGenerator[AudioChunk, None]:
        """Yield the audio in order of time. Raises as `open`."""
        ...


def _framing(
    encoding: AudioEncoding, rate_hz: int, *, chunk_ms: int, least_ms: int = 10
) -> Framing:
    if encoding is AudioEncoding.LINEAR16_PCM:
        return PcmFraming(rate_hz, chunk_ms=chunk_ms, least_ms=least_ms)
    if encoding is AudioEncoding.OGG_OPUS:
        return OpusFraming()
    raise RequestError(
        ErrorCode.INVALID_CONFIG,
        f"encoding: got {encoding}; accepted: LINEAR16_PCM, OGG_OPUS",
    )


class BytesSource:
    """Bytes of any length, cut anywhere, in the format that the settings name.

    Args:
        pieces: The bytes; a blocking iterable is read in a thread of its own.
        spec: Names the format.
    """

    def __init__(
        self, pieces: AsyncIterable[bytes] | Iterable[bytes], spec: RecognitionSpec
    ) -> None:
        self._pieces = pieces
        self._format = AudioFormat(spec.encoding, spec.sample_rate_hz)

    async def open(self) -> AudioFormat:
        """Return the format of the settings."""
        return self._format

    async def chunks(self) -> AsyncGenerator[AudioChunk, None]:
        """Yield the audio as it comes."""
        framing = _framing(
            self._format.encoding, self._format.sample_rate_hz, chunk_ms=_LONGEST_CHUNK_MS
        )
        given = self._pieces
        pieces = aiter(given if isinstance(given, AsyncIterable) else iterate_in_thread(given))
        try:
            async for piece in pieces:
                for chunk in framing.feed(piece):
                    yield chunk
            for chunk in framing.flush():
                yield chunk
        finally:
            # Not left to the garbage collector: the generator may hold a device.
            if isinstance(pieces, AsyncGenerator):
                await pieces.aclose()


class FileSource:
    """A file or a pipe: WAV and Ogg Opus by their headers, raw PCM by what is said.

    Args:
        file: Path, or a binary file that is open, such as `sys.stdin.buffer`.
            A pipe is read as it comes, and need not end.
        encoding: What the audio is; needed where it has no header.
        sample_rate_hz: Rate of raw PCM; needed with it.
        pace: Whether to hold the audio back to the speed of speech.
        chunk_ms: Length of the pieces that PCM is sent in, 10 to 1000.
        pacer: Replaces `pace`.

    Raises:
        RequestError: The length of the pieces is not accepted.
    """

    def __init__(
        self,
        file: str | Path | BinaryIO,
        *,
        encoding: AudioEncoding | None = None,
        sample_rate_hz: int | None = None,
        pace: Pace = Pace.FAST,
        chunk_ms: int = 100,
        pacer: Pacer | None = None,
    ) -> None:
        if not 10 <= chunk_ms <= _LONGEST_CHUNK_MS:
            problem = f"chunk length: got {chunk_ms} ms; accepted: 10 to {_LONGEST_CHUNK_MS} ms"
            raise RequestError(ErrorCode.INVALID_CONFIG, problem)
        self._file = file
        self._encoding = encoding
        self._rate_hz = sample_rate_hz
        self._chunk_ms = chunk_ms
        self._pacer = RealTimePacer() if pacer is None and pace is Pace.REALTIME else pacer
        self._head = b""
        self._header = Header()
        self._format: AudioFormat | None = None
        self._blocks: AsyncGenerator[bytes, None] | None = None
        self.position_ms = 0.0
        """Where the audio ends that was handed out so far."""

    @property
    def length_ms(self) -> float | None:
        """Length of the audio, None before `open` and where it is not known."""
        return None if self._format is None else self._format.length_ms

    @property
    def name(self) -> str:
        """What to call the file in messages."""
        if isinstance(self._file, (str, Path)):
            return str(self._file)
        return str(getattr(self._file, "name", "audio"))

    async def open(self) -> AudioFormat:
        """Read the header and return the format.

        Raises:
            RequestError: The file cannot be read, is of a kind that is not served,
                or is not what was said; the message names both.
        """
        self._blocks = iterate_in_thread(_read_blocks(self._file))
        try:
            self._header = await self._read_header(self._blocks)
            self._format = self._settle(self._header)
        except OSError as error:
            raise _unreadable(self.name, error) from None
        except RequestError as error:
            raise RequestError(error.code, f"{self.name}: {error.message}") from None
        return self._format

    async def _read_header(self, blocks: AsyncIterator[bytes]) -> Header:
        async for block in blocks:
            self._head += block
            if (header := read_header(self._head, is_all=False)) is not None:
                return header
        return read_header(self._head, is_all=True) or Header()

    def _settle(self, header: Header) -> AudioFormat:
        """Bring the header and what was said together."""
        encoding, rate_hz = self._encoding, self._rate_hz
        if header.encoding is None and encoding is None:
            if not self._head:
                raise _refused("it is empty")
            raise _refused(
                "it has no known header; raw PCM needs the encoding LINEAR16_PCM and a rate"
            )
        if header.encoding is None and encoding is AudioEncoding.OGG_OPUS:
            raise _refused(f"asked for {encoding}, but there is no Ogg header")
        if None not in (header.encoding, encoding) and header.encoding != encoding:
            raise _refused(f"asked for {encoding}, but its header says {header.encoding}")
        if None not in (header.rate_hz, rate_hz) and header.rate_hz != rate_hz:
            raise _refused(f"asked for {rate_hz} Hz, but its header says {header.rate_hz} Hz")
        settled = header.encoding or encoding
        if settled is AudioEncoding.OGG_OPUS:
            return AudioFormat(settled, _OPUS_RATE_HZ, self._opus_length_ms())
        settled_hz = header.rate_hz or rate_hz
        if settled is not AudioEncoding.LINEAR16_PCM:
            raise _refused(f"asked for {settled}; accepted: LINEAR16_PCM, OGG_OPUS")
        if settled_hz is None:
            accepted = ", ".join(map(str, SAMPLE_RATES_HZ))
            raise _refused(f"raw PCM needs a rate; accepted: {accepted} Hz")
        return AudioFormat(settled, settled_hz, self._pcm_length_ms(header, settled_hz))

    def _pcm_length_ms(self, header: Header, rate_hz: int) -> float | None:
        size = header.audio_bytes
        if size is None and (whole := _file_size(self._file)) is not None:
            size = whole - header.audio_from
        return None if size is None else size * 1000 / (2 * rate_hz)

    def _opus_length_ms(self) -> float | None:
        size = _file_size(self._file)
        if size is None or not isinstance(self._file, (str, Path)):
            return None
        with Path(self._file).open("rb") as file:
            file.seek(max(0, size - _TAIL_BYTES))
            return opus_length_ms(file.read())

    async def chunks(self) -> AsyncGenerator[AudioChunk, None]:
        """Yield the audio without its header.

        Raises:
            RequestError: The file cannot be read, or breaks off.
        """
        if self._format is None or self._blocks is None:
            raise RuntimeError("open comes before chunks")
        encoding, rate_hz = self._format.encoding, self._format.sample_rate_hz
        # A pipe's audio is passed on as it comes; a file's need not be in odd pieces.
        least_ms = 10 if _file_size(self._file) is None else self._chunk_ms
        framing = _framing(encoding, rate_hz, chunk_ms=self._chunk_ms, least_ms=least_ms)
        try:
            async for block in self._audio_blocks(self._blocks):
                for chunk in framing.feed(block):
                    await self._pace(chunk)
                    yield chunk
            for chunk in framing.flush():
                await self._pace(chunk)
                yield chunk
        except OSError as error:
            raise _unreadable(self.name, error) from None
        finally:
            await self._blocks.aclose()

    async def _audio_blocks(self, blocks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        left = self._header.audio_bytes
        block, self._head = self._head[self._header.audio_from :], b""
        while left is None or left > 0:
            yield block if left is None else block[:left]
            left = None if left is None else left - len(block)
            try:
                block = await anext(blocks)
            except StopAsyncIteration:
                return

    async def _pace(self, chunk: AudioChunk) -> None:
        if self._pacer is not None:
            await self._pacer.wait_until(chunk.end_ms)
        self.position_ms = chunk.end_ms


def _read_blocks(file: str | Path | BinaryIO) -> Iterator[bytes]:
    if isinstance(file, (str, Path)):
        with Path(file).open("rb", buffering=0) as opened:
            yield from _read_blocks(opened)
        return
    read = file.read
    if not file.seekable():
        # A pipe's buffer must not be read in a thread: the interpreter waits for
        # the buffer's lock when it ends. This also returns what there is at once.
        read = functools.partial(os.read, file.fileno())
    while block := read(_READ_BYTES):
        yield block


def _file_size(file: str | Path | BinaryIO) -> int | None:
    """Return the size of a regular file, None for anything else."""
    try:
        status = Path(file).stat() if isinstance(file, (str, Path)) else os.fstat(file.fileno())
    except (OSError, AttributeError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _unreadable(name: str, error: OSError) -> RequestError:
    return _refused(f"{name}: {(error.strerror or str(error)).lower()}")


def _refused(problem: str) -> RequestError:
    return RequestError(ErrorCode.INVALID_AUDIO, problem)
