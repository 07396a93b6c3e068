"""The recognizer service, as a worker offers it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import structlog

from rechka.audio.samples import from_pcm16
from rechka.errors import ErrorCode, InternalError, RechkaError, RequestError
from rechka.recognition.measures import MeasuredRecognizer
from rechka.recognition.port import RecognizerStream
from rechka.wire.codec_measures import encode_measures
from rechka.wire.codec_recognizer import decode_open, encode_event, encode_model
from rechka.wire.generated.rechka.recognizer.v1 import recognizer_pb2 as pb
from rechka.wire.generated.rechka.recognizer.v1 import recognizer_pb2_grpc as pb_grpc
from rechka.wire.status import to_status

__all__ = ["RecognizerServicer"]

_log = structlog.get_logger()
_Requests = AsyncIterator[pb.RecognizeRequest]


class RecognizerServicer(pb_grpc.RecognizerServicer):  # type: ignore[misc]
    """Offers a recognizer of this process.

    Args:
        recognizer: What does the work.
    """

    def __init__(self, recognizer: MeasuredRecognizer) -> None:
        self._recognizer = recognizer

    async def Describe(  # noqa: N802
        self, request: pb.DescribeRequest, context: Any
    ) -> pb.DescribeResponse:
        """Say what is served."""
        return pb.DescribeResponse(models=[encode_model(item) for item in self._recognizer.models])

    async def Measure(  # noqa: N802
        self, request: pb.MeasureRequest, context: Any
    ) -> pb.MeasureResponse:
        """Say what was done and what is held."""
        return encode_measures(await self._recognizer.measure())

    async def Recognize(self, requests: _Requests, context: Any) -> None:  # noqa: N802
        """Serve one stream."""
        try:
            await self._recognize(requests, context)
        except RechkaError as error:
            await _abort(context, error)
        except (grpc.aio.AbortError, asyncio.CancelledError):
            raise
        except Exception as error:
            _log.exception("stream_failed")
            await _abort(context, InternalError(ErrorCode.INTERNAL, type(error).__name__))

    async def _recognize(self, requests: _Requests, context: Any) -> None:
        first = await anext(requests, None)
        if first is None:
            return
        if not first.HasField("open"):
            raise RequestError(ErrorCode.UNEXPECTED_MESSAGE, "the first request must be open")
        stream = await self._recognizer.open(decode_open(first.open))
        try:
            await context.write(pb.RecognizeResponse(opened=pb.Opened()))
            await _serve(stream, requests, context)
        finally:
            await stream.close()


async def _serve(stream: RecognizerStream, requests: _Requests, context: Any) -> None:
    """Pass audio in and events out until the client ends its side or the engine fails."""

    async def listen() -> None:
        async for request in requests:
            if request.HasField("audio"):
                await stream.send(from_pcm16(request.audio))
            elif request.HasField("finish"):
                await stream.finish()

    async def answer() -> None:
        async for event in stream.events():
            await context.write(encode_event(event))

    tasks = [asyncio.create_task(listen()), asyncio.create_task(answer())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _abort(context: Any, error: RechkaError) -> None:
    code, message, trailing = to_status(error)
    await context.abort(code, message, trailing)
