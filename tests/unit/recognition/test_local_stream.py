"""A scheduler's stream as it is used out of callbacks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from rechka.errors import InternalError, UnavailableError
from rechka.recognition.port import Finished, Heard
from rechka.recognition.scheduled_stream import ScheduledStream
from rechka.recognition.scheduler import Scheduler
from unit.recognition.gated_engine import OPTIONS, GatedEngine, entered, silence


class Listener:
    """Takes events as they come, and notes what it is told."""

    def __init__(self, stream: ScheduledStream) -> None:
        self.stream = stream
        self.events: list[Heard | Finished] = []
        self.error: Exception | None = None
        self.is_reading = True
        self.room = asyncio.Event()
        self.changed = asyncio.Event()
        stream.attach(self)

    def stream_has_room(self) -> None:
        self.room.set()

    def stream_has_events(self) -> None:
        try:
            while self.is_reading and (event := self.stream.next_event()) is not None:
                self.events.append(event)
        except Exception as error:
            self.error = error
        self.changed.set()

    async def finished(self, count: int) -> list[Finished]:
        """Return the settled utterances once there are so many."""
        while True:
            found = [event for event in self.events if isinstance(event, Finished)]
            if len(found) >= count or self.error is not None:
                return found
            self.changed.clear()
            await self.changed.wait()


@asynccontextmanager
async def listening(engine: GatedEngine) -> AsyncIterator[tuple[ScheduledStream, Listener]]:
    scheduler = Scheduler(engine)
    await scheduler.start()
    try:
        stream = await scheduler.open(OPTIONS)
        yield stream, Listener(stream)
    finally:
        engine.gate.set()
        await scheduler.close()


async def failed(stream: ScheduledStream) -> None:
    """Return once the engine has failed; nothing of it is heard as an event."""
    while True:
        try:
            stream.hurry_now()
        except InternalError:
            return
        await asyncio.sleep(0)


async def test_audio_is_refused_while_the_engine_is_behind_and_none_is_lost() -> None:
    engine = GatedEngine()
    async with listening(engine) as (stream, listener):
        engine.gate.clear()
        assert stream.offer(silence(100))
        await entered(engine)
        taken = 1
        while stream.offer(silence(100)):
            taken += 1
            assert taken < 20
        assert not listener.room.is_set()
        engine.gate.set()
        await listener.room.wait()
        assert stream.offer(silence(100))
        stream.finish_now()
        await listener.finished(1)
        decoded = sum(samples for batch in engine.batches for _, samples in batch)
        assert decoded == (taken + 1) * len(silence(100))


async def test_events_that_nobody_takes_hold_the_engine_back_and_none_is_lost() -> None:
    engine = GatedEngine()
    async with listening(engine) as (stream, listener):
        listener.is_reading = False
        for _ in range(200):
            assert stream.offer(silence(1))
            stream.finish_now()
        before = -1
        while len(engine.batches) > before:
            before = len(engine.batches)
            await asyncio.sleep(0.2)
        assert 0 < before < 100
        # Taking what was settled makes the stream go on.
        listener.is_reading = True
        listener.stream_has_events()
        settled = await listener.finished(200)
        assert [event.utterance for event in settled] == list(range(200))


async def test_a_hurry_has_less_than_a_piece_decoded() -> None:
    engine = GatedEngine(piece_ms=500)
    async with listening(engine) as (stream, listener):
        stream.finish_now()
        await listener.finished(1)
        stream.offer(silence(300))
        stream.hurry_now()
        while not any(isinstance(e, Heard) and e.decoded_ms == 300 for e in listener.events):
            listener.changed.clear()
            await listener.changed.wait()


async def test_an_engine_that_fails_is_told_behind_what_was_settled() -> None:
    engine = GatedEngine(raise_on="three")
    async with listening(engine) as (stream, listener):
        listener.is_reading = False
        stream.offer(silence(600))
        stream.finish_now()
        stream.offer(silence(1_200))
        await failed(stream)
        assert listener.error is None
        listener.is_reading = True
        listener.stream_has_events()
        assert isinstance(listener.error, InternalError)
        (first,) = await listener.finished(1)
        assert first.alternatives[0].text == "one two"
        with pytest.raises(InternalError):
            stream.offer(silence(100))


async def test_a_closed_stream_takes_nothing() -> None:
    async with listening(GatedEngine()) as (stream, listener):
        await stream.close()
        for act in (stream.finish_now, stream.hurry_now, lambda: stream.offer(silence(1))):
            with pytest.raises(UnavailableError):
                act()
        assert stream.next_event() is None
        assert listener.error is None
