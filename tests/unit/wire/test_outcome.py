"""The status of a call, however the gRPC library mixes it up."""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from rechka.wire.outcome import CallOutcome, CallStatus

OWN = (grpc.StatusCode.UNAVAILABLE, "shutting down", (("key", "value"),))
PLACEHOLDER = (grpc.StatusCode.INTERNAL, "Internal error from Core", ())


class EndingCall:
    """The part of a call that tells its status; a status may replace another."""

    def __init__(self) -> None:
        self.status: tuple[grpc.StatusCode, str, Any] | None = None
        self.asked = 0
        self.late: tuple[grpc.StatusCode, str, Any] | None = None
        self._callbacks: list[Callable[[Any], None]] = []

    def end(self, status: tuple[grpc.StatusCode, str, Any]) -> None:
        self.status = status
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        self._callbacks.append(callback)

    async def code(self) -> grpc.StatusCode:
        self.asked += 1
        if self.asked > 3 and self.late is not None:
            self.status = self.late
        assert self.status is not None
        return self.status[0]

    async def details(self) -> str:
        assert self.status is not None
        return self.status[1]

    async def trailing_metadata(self) -> Any:
        assert self.status is not None
        return self.status[2]

    async def initial_metadata(self) -> Any:
        return (("x-request-id", "r"),)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rechka.wire.outcome._LATE_STEP_S", 0)


async def test_the_status_is_waited_for() -> None:
    call = EndingCall()
    outcome = CallOutcome(call)
    asking = asyncio.create_task(outcome.status())
    await asyncio.sleep(0)
    assert not asking.done()
    call.end(OWN)
    assert await asking == CallStatus(OWN[0], OWN[1], (("x-request-id", "r"),), OWN[2])


async def test_the_servers_status_outlives_the_librarys_that_comes_after_it() -> None:
    call = EndingCall()
    outcome = CallOutcome(call)
    call.end(OWN)
    call.status = PLACEHOLDER
    assert (await outcome.status()).details == "shutting down"


async def test_the_servers_status_is_found_when_the_librarys_comes_before_it() -> None:
    call = EndingCall()
    outcome = CallOutcome(call)
    call.end(PLACEHOLDER)
    call.late = OWN
    status = await outcome.status()
    assert (status.code, status.details, status.trailing) == OWN


async def test_a_failure_of_the_library_itself_is_told_after_a_bounded_wait() -> None:
    call = EndingCall()
    outcome = CallOutcome(call)
    call.end(PLACEHOLDER)
    status = await outcome.status()
    assert (status.code, status.details) == PLACEHOLDER[:2]
