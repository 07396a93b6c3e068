"""How a call of ours ended, as its server said it.

A write that is under way when the call ends replaces, in the gRPC library, the
status of the server by one of the library's own (grpc issue 36066, open at
grpcio 1.85). So the status is kept by a callback when it comes first, and looked
for again when it comes second.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
import grpc.aio

__all__ = ["CallOutcome", "CallStatus"]

_T = TypeVar("_T")
# What the library says in place of the server's status.
_PLACEHOLDER = (grpc.StatusCode.INTERNAL, "Internal error from Core")
_LATE_TRIES = 100
_LATE_STEP_S = 0.01


@dataclass(frozen=True, slots=True)
class CallStatus:
    """How a call ended, and the metadata that came with it."""

    code: grpc.StatusCode
    details: str | None
    initial: tuple[tuple[str, str | bytes], ...] = ()
    trailing: tuple[tuple[str, str | bytes], ...] = ()


class CallOutcome:
    """Watches a call for its end.

    Args:
        call: A streaming call of `grpc.aio`, just made.
    """

    def __init__(self, call: Any) -> None:
        self._call = call
        self._first: CallStatus | None = None
        self._ended = asyncio.Event()
        call.add_done_callback(self._on_done)

    async def status(self) -> CallStatus:
        """Wait for the end and return the server's status; the library's own if there is none.

        Cancellation: safe.
        """
        await self._ended.wait()
        status = self._first or await self._late_status()
        initial = tuple(await self._call.initial_metadata() or ())
        return CallStatus(status.code, status.details, initial, status.trailing)

    def _on_done(self, call: Any) -> None:
        code, details = _finished(call.code()), _finished(call.details())
        if self._first is None and code is not None and (code, details) != _PLACEHOLDER:
            trailing = tuple(_finished(call.trailing_metadata()) or ())
            self._first = CallStatus(code, details, trailing=trailing)
        self._ended.set()

    async def _late_status(self) -> CallStatus:
        """Return the server's status if it comes after the library's own; no callback tells."""
        code, details = _PLACEHOLDER
        for _ in range(_LATE_TRIES):
            code, details = await self._call.code(), await self._call.details()
            if (code, details) != _PLACEHOLDER:
                break
            await asyncio.sleep(_LATE_STEP_S)
        # After so many tries the library has failed in fact.
        return CallStatus(code, details, trailing=tuple(await self._call.trailing_metadata() or ()))


def _finished(coroutine: Coroutine[Any, Any, _T]) -> _T | None:
    """Return the result of a coroutine that need not wait, None if it must."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: _T = stop.value
        return result
    coroutine.close()
    return None
