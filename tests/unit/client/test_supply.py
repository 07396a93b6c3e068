import asyncio
from collections.abc import AsyncGenerator

import pytest

from rechka.client.chunks import AudioChunk, PcmChunk
from rechka.client.supply import Supply
from rechka.errors import ErrorCode, UnavailableError


class Source:
    """Chunks that come when the test says so, and what was done with the source."""

    def __init__(self) -> None:
        self.wanted = 0
        self.is_closed = False
        self.coming: asyncio.Queue[AudioChunk | Exception | None] = asyncio.Queue()

    async def chunks(self) -> AsyncGenerator[AudioChunk, None]:
        try:
            while True:
                self.wanted += 1
                item = await self.coming.get()
                if item is None:
                    return
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            self.is_closed = True


def chunk(index: int) -> PcmChunk:
    return PcmChunk(index, index * 100.0, b"\0\0" * 1_600, 16_000)


async def turn() -> None:
    """Let everything come to its next wait."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_chunks_come_in_order_each_when_it_is_asked_for() -> None:
    source, arrivals = Source(), asyncio.Event()
    supply = Supply(source.chunks(), arrivals.set)
    await turn()
    assert source.wanted == 0
    for index in range(3):
        supply.ask()
        await turn()
        assert source.wanted == index + 1
        assert not supply.has_arrived
        assert not arrivals.is_set()
        source.coming.put_nowait(chunk(index))
        await turn()
        assert arrivals.is_set()
        arrivals.clear()
        # Not read on before it is taken, however often it is asked for.
        supply.ask()
        await turn()
        assert source.wanted == index + 1
        assert supply.has_arrived
        assert supply.take() == chunk(index)
        assert not supply.has_arrived
    await supply.close()
    assert source.is_closed


async def test_the_end_arrives_as_none() -> None:
    source, arrivals = Source(), asyncio.Event()
    supply = Supply(source.chunks(), arrivals.set)
    supply.ask()
    source.coming.put_nowait(None)
    await arrivals.wait()
    assert supply.take() is None
    await supply.close()


async def test_an_error_of_the_source_is_raised_by_take() -> None:
    source, arrivals = Source(), asyncio.Event()
    supply = Supply(source.chunks(), arrivals.set)
    supply.ask()
    source.coming.put_nowait(UnavailableError(ErrorCode.UNAVAILABLE, "the microphone is gone"))
    await arrivals.wait()
    for _ in range(2):
        supply.ask()
        await turn()
        assert supply.has_arrived
        with pytest.raises(UnavailableError, match="the microphone is gone"):
            supply.take()
    await supply.close()


@pytest.mark.parametrize("is_asked", [False, True])
async def test_closing_stops_the_source(*, is_asked: bool) -> None:
    source = Source()
    supply = Supply(source.chunks(), lambda: None)
    supply.ask()
    source.coming.put_nowait(chunk(0))
    await turn()
    assert supply.take() == chunk(0)
    if is_asked:
        supply.ask()
        await turn()
    await supply.close()
    assert source.is_closed
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_source_that_was_never_asked_is_closed_too() -> None:
    source = Source()
    chunks = source.chunks()
    await Supply(chunks, lambda: None).close()
    with pytest.raises(StopAsyncIteration):
        await anext(chunks)
    assert source.wanted == 0
