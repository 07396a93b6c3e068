"""One session as a call of the gRPC library, with the library's own oddities."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import grpc.aio
import pytest

from rechka.client.call import CallOverError, GrpcCall
from rechka.errors import RechkaError
from rechka.wire.outcome import CallStatus
from rechka.wire.status import from_status

PLACEHOLDER = (grpc.StatusCode.INTERNAL, "Internal error from Core")


class ReplacedStatusCall:
    """A call whose status was replaced because a write was under way at its end."""

    def __init__(self, *, real: tuple[grpc.StatusCode, str], failure: Exception) -> None:
        self._status = PLACEHOLDER
        self._real = real
        self._failure = failure
        self._callbacks: list[Callable[[Any], None]] = []

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        self._callbacks.append(callback)

    async def code(self) -> grpc.StatusCode:
        return self._status[0]

    async def details(self) -> str:
        return self._status[1]

    async def initial_metadata(self) -> Any:
        return ()

    trailing_metadata = initial_metadata

    async def __aiter__(self) -> AsyncIterator[Any]:
        for callback in self._callbacks:
            callback(self)
        asyncio.get_running_loop().call_soon(setattr, self, "_status", self._real)
        raise grpc.aio.AioRpcError(grpc.StatusCode.INTERNAL, details=PLACEHOLDER[1])
        yield

    async def write(self, message: Any) -> None:
        raise self._failure

    async def done_writing(self) -> None:
        raise self._failure


def explain(status: CallStatus) -> RechkaError:
    return from_status(status.code, status.details, status.trailing)


def session(
    code: grpc.StatusCode = grpc.StatusCode.OK, failure: Exception | None = None
) -> GrpcCall:
    call = ReplacedStatusCall(real=(code, "the server's"), failure=failure or RuntimeError())
    return GrpcCall(call, explain=explain)


async def test_a_session_that_ended_well_is_not_failed_by_a_write_under_way() -> None:
    assert [result async for result in session().results()] == []


async def test_the_servers_error_is_told_and_not_the_librarys() -> None:
    with pytest.raises(RechkaError, match="the server's"):
        async for _ in session(grpc.StatusCode.UNAVAILABLE).results():
            pass


@pytest.mark.parametrize(
    "failure",
    [
        grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE),
        grpc.aio.InternalError("Failed execute_batch"),
        grpc.aio.UsageError("closed"),
        asyncio.InvalidStateError("finished"),
    ],
    ids=lambda failure: type(failure).__name__,
)
async def test_whatever_a_write_fails_with_means_that_the_call_is_over(failure: Exception) -> None:
    call = session(failure=failure)
    with pytest.raises(CallOverError):
        await call.send(b"1234")
    with pytest.raises(CallOverError):
        await call.half_close()
