"""One session of the API as one gRPC call."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol

import grpc
import grpc.aio

from rechka.errors import RechkaError
from rechka.results import Result
from rechka.wire.codec_v2 import decode_response
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2 as pb
from rechka.wire.outcome import CallOutcome, CallStatus

__all__ = ["CallOverError", "GrpcCall", "SessionCall"]

# What the library raises from a write on a call that has ended or is ending.
_CALL_OVER = (grpc.aio.AioRpcError, grpc.aio.BaseError, asyncio.InvalidStateError)


class CallOverError(Exception):
    """The call ended while a message was sent; `SessionCall.results` tells why."""


class SessionCall(Protocol):
    """One session, as the driver sees it."""

    @property
    def is_answered(self) -> bool:
        """Whether the server has answered in any way."""
        ...

    def results(self) -> AsyncIterator[Result]:
        """Yield results to the end of the session.

        Raises:
            RechkaError: The session failed.
        """
        ...

    async def configure(self, config: pb.RecognitionConfig) -> None:
        """Send the settings. Raises as `send`."""
        ...

    async def send(self, audio: bytes) -> None:
        """Send audio; waits while the server is behind.

        Raises:
            CallOverError: The session has ended.

        Cancellation: ends the session.
        """
        ...

    async def half_close(self) -> None:
        """End the sending side. Raises as `send`."""
        ...

    def cancel(self) -> None:
        """End the session at once; `results` ends with a CancelledError."""
        ...


class GrpcCall:
    """A session over a real connection.

    Args:
        call: The call, just made.
        explain: Turns a status other than OK into an error.
    """

    def __init__(self, call: Any, *, explain: Callable[[CallStatus], RechkaError]) -> None:
        self._call = call
        self._explain = explain
        self._outcome = CallOutcome(call)
        self._is_answered = False

    @property
    def is_answered(self) -> bool:
        """Whether a result or metadata of the server has come."""
        return self._is_answered

    async def results(self) -> AsyncIterator[Result]:
        """Yield results; see `SessionCall.results`."""
        try:
            async for response in self._call:
                self._is_answered = True
                for result in decode_response(response):
                    yield result
        except grpc.aio.AioRpcError:
            status = await self._outcome.status()
            self._is_answered = self._is_answered or bool(status.initial or status.trailing)
            if status.code is not grpc.StatusCode.OK:
                raise self._explain(status) from None

    async def configure(self, config: pb.RecognitionConfig) -> None:
        """Send the settings."""
        await self._write(pb.StreamingRecognitionRequest(config=config))

    async def send(self, audio: bytes) -> None:
        """Send audio; see `SessionCall.send`."""
        await self._write(pb.StreamingRecognitionRequest(audio_content=audio))

    async def half_close(self) -> None:
        """End the sending side."""
        try:
            await self._call.done_writing()
        except _CALL_OVER:
            raise CallOverError from None

    def cancel(self) -> None:
        """End the session at once."""
        self._call.cancel()

    async def _write(self, request: pb.StreamingRecognitionRequest) -> None:
        try:
            await self._call.write(request)
        except _CALL_OVER:
            raise CallOverError from None
