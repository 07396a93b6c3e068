"""The recognizer's end of the connections that a server opens to it."""

import asyncio
import contextlib
from pathlib import Path

import numpy as np
import structlog
from google.protobuf.message import DecodeError

from rechka.errors import ErrorCode, InternalError, RechkaError, RequestError
from rechka.recognition.local import LocalRecognizer, LocalStream
from rechka.transport.link import Link
from rechka.wire.codec_measures import encode_measures
from rechka.wire.codec_model import encode_model
from rechka.wire.codec_recognizer import decode_open, encode_event
from rechka.wire.generated.rechka.recognizer.v1 import recognizer_pb2 as pb
from rechka.wire.status import status_message

__all__ = ["RecognizerService"]

_log = structlog.get_logger()
_SAMPLE = np.dtype("<f4")
# How long a server's end may take to read an error.
_REFUSED_S = 5.0


class RecognizerService:
    """Offers a recognizer of this process on a Unix socket.

    Args:
        recognizer: What does the work.
    """

    def __init__(self, recognizer: LocalRecognizer) -> None:
        self._recognizer = recognizer
        self._server: asyncio.Server | None = None
        self._exchanges: set[asyncio.Task[None]] = set()

    async def start(self, socket: Path) -> None:
        """Begin to serve."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(self._accept, str(socket))

    async def stop(self) -> None:
        """End all exchanges at once."""
        if self._server is not None:
            self._server.close()
        for exchange in self._exchanges:
            exchange.cancel()
        await asyncio.gather(*self._exchanges, return_exceptions=True)

    def _accept(self) -> Link:
        link = Link()
        exchange = asyncio.create_task(self._serve(link))
        self._exchanges.add(exchange)
        exchange.add_done_callback(self._exchanges.discard)
        return link

    async def _serve(self, link: Link) -> None:
        """Answer one connection."""
        try:
            await self._exchange(link)
        except RechkaError as error:
            await _refuse(link, error)
        except Exception as error:
            _log.exception("stream_failed")
            await _refuse(link, InternalError(ErrorCode.INTERNAL, type(error).__name__))
        finally:
            link.close()

    async def _exchange(self, link: Link) -> None:
        request = await _read(link)
        if request is None:
            return
        match request.WhichOneof("request"):
            case "describe":
                models = [encode_model(item) for item in self._recognizer.models]
                _write(link, pb.Response(described=pb.DescribeResponse(models=models)))
            case "measure":
                _write(
                    link, pb.Response(measured=encode_measures(await self._recognizer.measure()))
                )
            case "open":
                await self._recognize(link, request.open)
            case _:
                raise RequestError(
                    ErrorCode.UNEXPECTED_MESSAGE,
                    "the first request must be open, describe or measure",
                )

    async def _recognize(self, link: Link, request: pb.Open) -> None:
        stream = await self._recognizer.open(decode_open(request))
        try:
            _write(link, pb.Response(opened=pb.Opened()))
            await _Passage(stream, link).run()
        finally:
            await stream.close()


class _Passage:
    """Passes audio in and events out until the server's end closes or the engine fails.

    All but the end happens in callbacks of the link, a `Receiver`, and of the stream, a
    `StreamUser`. Audio that the stream refuses stays in the link, events that the link has no
    room for stay in the stream; each of the two bounds what it keeps.

    Args:
        stream: Opened; the caller closes it.
        link: Its connection.
    """

    def __init__(self, stream: LocalStream, link: Link) -> None:
        self._stream = stream
        self._link = link
        self._over = asyncio.Event()
        self._error: Exception | None = None

    async def run(self) -> None:
        """Pass on until the end.

        Raises:
            RechkaError: What the server's end is to be told.
        """
        self._stream.attach(self)
        self._link.attach(self)
        try:
            await self._over.wait()
        finally:
            self._link.detach()
            self._over.set()
        if self._error is not None:
            raise self._error

    def take(self, message: bytes) -> bool:
        """Hand a request to the stream; return False if it has no room for the audio."""
        if self._over.is_set():
            return False
        try:
            request = _decode(message)
            match request.WhichOneof("request"):
                case "audio":
                    return self._stream.offer(np.frombuffer(request.audio, _SAMPLE))
                case "hurry":
                    hurry = request.hurry
                    self._stream.hurry_now(
                        finish_at_silence_ms=hurry.finish_at_silence_ms
                        if hurry.HasField("finish_at_silence_ms")
                        else None
                    )
                case "finish":
                    self._stream.finish_now(request.finish.utterance)
        except Exception as error:
            self._end(error)
        return True

    def stream_has_room(self) -> None:
        """Bring the audio that was refused."""
        self._link.deliver()

    def stream_has_events(self) -> None:
        """Write events while the server's end keeps up."""
        try:
            while not self._over.is_set() and self._link.can_write:
                event = self._stream.next_event()
                if event is None:
                    break
                _write(self._link, encode_event(event))
        except Exception as error:
            self._end(error)

    def link_can_write(self) -> None:
        """Write the events that were held back."""
        self.stream_has_events()

    def link_ended(self) -> None:
        """Let go of the stream."""
        self._end(None)

    def _end(self, error: Exception | None) -> None:
        if not self._over.is_set():
            self._error = error
            self._over.set()


async def _read(link: Link) -> pb.Request | None:
    """Return the next request, None at the end. Raises as `_decode`."""
    message = await link.read()
    return None if message is None else _decode(message)


def _decode(message: bytes) -> pb.Request:
    """Return a request.

    Raises:
        RequestError: It is none.
    """
    try:
        return pb.Request.FromString(message)
    except DecodeError:
        raise RequestError(ErrorCode.UNEXPECTED_MESSAGE, "the message is no request") from None


def _write(link: Link, response: pb.Response) -> None:
    link.write(response.SerializeToString())


async def _refuse(link: Link, error: RechkaError) -> None:
    """Tell an error, and let the server's end close the connection when it has read it.

    Closed from here, what the server is just writing would fail, and the error be lost.
    """
    _write(link, pb.Response(error=status_message(error)))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_REFUSED_S):
            while await link.read() is not None:
                pass
