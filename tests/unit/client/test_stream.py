import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable

import pytest

from rechka.client.stream import ResultStream
from rechka.errors import ErrorCode, UnavailableError
from rechka.results import Final, Hypothesis, Result

Deliver = Callable[[Result], Awaitable[None]]


async def fail(deliver: Deliver) -> None:
    await deliver(Final((Hypothesis("one"),)))
    raise UnavailableError(ErrorCode.UNAVAILABLE, "the server is gone")


async def read(stream: ResultStream) -> tuple[list[str], str]:
    """Return the texts of a stream that fails, and why it did."""
    texts: list[str] = []
    try:
        async for result in stream:
            assert isinstance(result, Final)
            texts.append(result.text)
    except UnavailableError as error:
        return texts, error.message
    return texts, ""


async def test_results_before_an_error_are_returned_first() -> None:
    assert await read(ResultStream(fail)) == (["one"], "the server is gone")


async def speak_on(deliver: Deliver) -> None:
    await deliver(Final((Hypothesis("one"),)))
    await asyncio.Event().wait()


async def test_a_stream_that_its_client_ended_does_not_look_done() -> None:
    stream = ResultStream(speak_on)
    await asyncio.sleep(0)

    await stream.fail(UnavailableError(ErrorCode.UNAVAILABLE, "closed"))

    assert await read(stream) == (["one"], "closed")


async def test_who_closes_a_stream_reads_no_more_and_meets_no_error() -> None:
    stream = ResultStream(speak_on)
    await asyncio.sleep(0)

    await stream.aclose()

    assert await read(stream) == ([], "")


@pytest.mark.parametrize("is_read", [False, True])
async def test_a_stream_that_failed_is_freed_when_nobody_holds_it(*, is_read: bool) -> None:
    stream = ResultStream(fail)
    if is_read:
        await read(stream)
    for _ in range(5):
        await asyncio.sleep(0)
    seen = weakref.ref(stream)
    del stream
    gc.collect()
    assert seen() is None


async def test_a_stream_that_nobody_holds_stops_working() -> None:
    is_stopped = asyncio.Event()

    async def work(_: Deliver) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            is_stopped.set()

    stream = ResultStream(work)
    await asyncio.sleep(0)
    del stream
    gc.collect()
    async with asyncio.timeout(60.0):
        await is_stopped.wait()
