"""The recognizer's end of the connections that a server opens to it."""

import asyncio
import contextlib
from pathlib import Path

import numpy as np
import structlog
from google.protobuf.message import DecodeError

from rechka.errors import ErrorCode, InternalError, RechkaError, RequestError
from rechka.recognition.measures import MeasuredRecognizer
from rechka.recognition.port import RecognizerStream
from rechka.transport.link import Link
from rechka.wire.codec_measures import encode_measures
from rechka.wire.codec_model import encode_model
from rechka.wire.codec_recognizer import decode_open, encode_event
from rechka.wire.generated.rechka.recognizer.v1 import recognizer_pb2 as pb
from rechka.wire.status import status_message

__all__ = ["RecognizerService"]

_log = structlog.get_logger()
# How long a server's end may take to read an error.
_REFUSED_S = 5.0


class RecognizerService:
    """Offers a recognizer of this process on a Unix socket.

    Args:
        recognizer: What does the work.
    """

    def __init__(self, recognizer: MeasuredRecognizer) -> None:
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
            await _pass_on(stream, link)
        finally:
            await stream.close()


async def _pass_on(stream: RecognizerStream, link: Link) -> None:
    """Pass audio in and events out until the server's end closes or the engine fails."""

    async def listen() -> None:
        while (request := await _read(link)) is not None:
            if request.HasField("audio"):
                # A copy, which may be written to.
                samples = np.frombuffer(request.audio, dtype="<f4").astype(np.float32)
                await stream.send(samples)
            elif request.HasField("hurry"):
                await stream.hurry()
            elif request.HasField("finish"):
                await stream.finish()

    async def answer() -> None:
        async for event in stream.events():
            _write(link, encode_event(event))
            await link.drain()

    tasks = [asyncio.create_task(listen()), asyncio.create_task(answer())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _read(link: Link) -> pb.Request | None:
    """Return the next request, None at the end.

    Raises:
        RequestError: It is no request.
    """
    message = await link.read()
    try:
        return None if message is None else pb.Request.FromString(message)
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
