"""One session of the API as one gRPC call."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import grpc
import grpc.aio

from rechka.errors import RechkaError
from rechka.results import Result
from rechka.wire.codec_v2 import decode_response
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2 as pb

__all__ = ["CallOverError", "CallStatus", "GrpcCall", "SessionCall"]

_T = TypeVar("_T")
# What the library says in place of the server's status; see `GrpcCall`.
_PLACEHOLDER = (grpc.StatusCode.INTERNAL, "Internal error from Core")
_LATE_TRIES = 100
_LATE_STEP_S = 0.01


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
        """End the sending side."""
        ...

    def cancel(self) -> None:
        """End the session at once; `results` ends with a CancelledError."""
        ...


@dataclass(frozen=True, slots=True)
class CallStatus:
    """How a call ended, and the metadata that came with it."""

    code: grpc.StatusCode
    details: str | None
    initial: tuple[tuple[str, str | bytes], ...]
    trailing: tuple[tuple[str, str | bytes], ...]


class GrpcCall:
    """A session over a real connection.

    A write that is under way when the server ends the call replaces, in the gRPC
    library, the server's status by one of the library's own (grpc issue 36066, open
    at grpcio 1.85). So the status is kept by a callback when it comes first, and
    looked for again when it comes second.

    Args:
        call: The call, just made.
        explain: Turns a status other than OK into an error.
    """

    def __init__(self, call: Any, *, explain: Callable[[CallStatus], RechkaError]) -> None:
        self._call = call
        self._explain = explain
        self._status: CallStatus | None = None
        self._is_answered = False
        call.add_done_callback(self._on_done)

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
        except grpc.aio.AioRpcError as failure:
            raise self._explain(await self._true_status(failure)) from None

    async def configure(self, config: pb.RecognitionConfig) -> None:
        """Send the settings."""
        await self._write(pb.StreamingRecognitionRequest(config=config))

    async def send(self, audio: bytes) -> None:
        """Send audio; see `SessionCall.send`."""
        await self._write(pb.StreamingRecognitionRequest(audio_content=audio))

    async def half_close(self) -> None:
        """End the sending side."""
        await self._call.done_writing()

    def cancel(self) -> None:
        """End the session at once."""
        self._call.cancel()

    async def _write(self, request: pb.StreamingRecognitionRequest) -> None:
        try:
            await self._call.write(request)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            raise CallOverError from None

    def _on_done(self, call: Any) -> None:
        code, details = _finished(call.code()), _finished(call.details())
        if code is not None and (code, details) != _PLACEHOLDER:
            trailing = tuple(_finished(call.trailing_metadata()) or ())
            self._status = CallStatus(code, details, (), trailing)

    async def _true_status(self, failure: grpc.aio.AioRpcError) -> CallStatus:
        status = self._status
        if status is None and (failure.code(), failure.details()) == _PLACEHOLDER:
            status = await self._late_status()
        if status is None:
            trailing = tuple(failure.trailing_metadata() or ())
            status = CallStatus(failure.code(), failure.details(), (), trailing)
        initial = tuple(await self._call.initial_metadata() or ())
        self._is_answered = self._is_answered or bool(initial) or bool(status.trailing)
        return replace(status, initial=initial)

    async def _late_status(self) -> CallStatus | None:
        """Return the server's status if it comes after the library's own; no callback tells."""
        for _ in range(_LATE_TRIES):
            code, details = await self._call.code(), await self._call.details()
            if (code, details) != _PLACEHOLDER:
                trailing = tuple(await self._call.trailing_metadata() or ())
                return CallStatus(code, details, (), trailing)
            await asyncio.sleep(_LATE_STEP_S)
        # The library has failed in fact.
        return None


def _finished(coroutine: Coroutine[Any, Any, _T]) -> _T | None:
    """Return the result of a coroutine that need not wait, None if it must."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: _T = stop.value
        return result
    coroutine.close()
    return None
