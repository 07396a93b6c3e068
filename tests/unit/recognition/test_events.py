import asyncio

import pytest

from rechka.errors import ErrorCode, InternalError
from rechka.recognition.events import EventQueue
from rechka.recognition.port import Finished, Heard, Observation
from rechka.results import Hypothesis


def heard(text: str, utterance: int = 0) -> Heard:
    return Heard(utterance, Observation(Hypothesis(text)), 100)


async def read(events: EventQueue, count: int) -> list[Heard | Finished]:
    reader = events.read()
    return [await anext(reader) for _ in range(count)]


async def test_an_unread_observation_is_replaced_by_the_next() -> None:
    events = EventQueue()
    events.put(heard("one"))
    events.put(heard("one two"))
    events.put(Finished(0, ()))
    events.put(heard("three", 1))
    events.put(heard("three four", 1))
    assert await read(events, 2) == [Finished(0, ()), heard("three four", 1)]


async def test_a_settled_utterance_is_never_dropped() -> None:
    events = EventQueue()
    for utterance in range(10):
        events.put(heard("one", utterance))
        events.put(Finished(utterance, ()))
    assert await read(events, 10) == [Finished(utterance, ()) for utterance in range(10)]


async def test_what_came_before_an_error_is_read_before_it() -> None:
    events = EventQueue()
    events.put(Finished(0, ()))
    events.fail(InternalError(ErrorCode.INTERNAL, "broken"))
    reader = events.read()
    assert await anext(reader) == Finished(0, ())
    with pytest.raises(InternalError, match="broken"):
        await anext(reader)


async def test_the_first_error_is_the_one_that_is_told() -> None:
    events = EventQueue()
    events.fail(InternalError(ErrorCode.INTERNAL, "first"))
    events.fail(InternalError(ErrorCode.INTERNAL, "second"))
    with pytest.raises(InternalError, match="first"):
        await anext(events.read())


async def test_closing_ends_a_reader_that_waits() -> None:
    events = EventQueue()

    async def read_all() -> list[Heard | Finished]:
        return [event async for event in events.read()]

    reading = asyncio.create_task(read_all())
    await asyncio.sleep(0)
    events.close()
    assert await reading == []


async def test_a_reader_far_behind_leaves_no_room_until_it_reads() -> None:
    events = EventQueue()
    written = 0
    while not events.is_full:
        events.put(Finished(written, ()))
        written += 1
    await read(events, 1)
    assert not events.is_full
