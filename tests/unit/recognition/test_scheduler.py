import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from rechka.errors import (
    CapacityError,
    ErrorCode,
    InternalError,
    RechkaError,
    RequestError,
    UnavailableError,
)
from rechka.recognition.port import Finished, Heard, Observation, StreamOptions
from rechka.recognition.scheduler import Scheduler
from rechka.results import Hypothesis
from unit.recognition.gated_engine import (
    OPTIONS,
    GatedEngine,
    entered,
    finished,
    heard_ms,
    silence,
)


@asynccontextmanager
async def running(engine: GatedEngine, **arguments: Any) -> AsyncIterator[Scheduler]:
    scheduler = Scheduler(engine, **arguments)
    await scheduler.start()
    try:
        yield scheduler
    finally:
        engine.gate.set()
        await scheduler.close()


async def test_nothing_is_served_before_the_engine_is_warm() -> None:
    scheduler = Scheduler(GatedEngine())
    assert scheduler.models == ()
    with pytest.raises(UnavailableError):
        await scheduler.open(OPTIONS)
    await scheduler.start()
    assert scheduler.models
    await scheduler.close()


async def test_every_utterance_is_numbered_and_settled_in_order() -> None:
    async with running(GatedEngine()) as scheduler:
        stream = await scheduler.open(OPTIONS)
        for words in (2, 3):
            await stream.send(silence(300 * words))
            await stream.finish()
        first, second = await finished(stream), await finished(stream)
        assert (first.utterance, first.alternatives[0].text) == (0, "one two")
        assert (second.utterance, second.alternatives[0].text) == (1, "one two three")


async def test_an_utterance_without_audio_is_settled_without_text() -> None:
    async with running(GatedEngine()) as scheduler:
        stream = await scheduler.open(OPTIONS)
        await stream.finish()
        assert await finished(stream) == Finished(0, ())


async def test_the_engine_is_used_in_one_thread_that_is_not_the_loops() -> None:
    engine = GatedEngine()
    async with running(engine) as scheduler:
        streams = [await scheduler.open(OPTIONS) for _ in range(3)]
        for stream in streams:
            await stream.send(silence(300))
            await stream.finish()
        for stream in streams:
            await finished(stream)
        assert len(engine.threads) == 1
        assert threading.get_ident() not in engine.threads


async def test_streams_that_are_ready_together_are_decoded_together() -> None:
    engine = GatedEngine(max_batch=3)
    async with running(engine) as scheduler:
        first, *others = [await scheduler.open(OPTIONS) for _ in range(5)]
        engine.gate.clear()
        await first.send(silence(100))
        await entered(engine)
        for stream in others:
            await stream.send(silence(100))
            await stream.finish()
        engine.gate.set()
        for stream in others:
            await finished(stream)
        sizes = [len(batch) for batch in engine.batches]
        assert max(sizes) == 3
        assert all(len({id(one) for one, _ in batch}) == len(batch) for batch in engine.batches)


async def test_a_long_stream_does_not_hold_up_a_short_one() -> None:
    engine = GatedEngine(max_batch=1)
    async with running(engine) as scheduler:
        long, short = await scheduler.open(OPTIONS), await scheduler.open(OPTIONS)
        engine.gate.clear()
        await long.send(silence(10_000))
        await entered(engine)
        await short.send(silence(300))
        await short.finish()
        engine.gate.set()
        await finished(short)
        order = [batch[0][0] for batch in engine.batches]
        assert order.index(short.engine_stream) == 1


async def test_audio_that_came_meanwhile_is_joined() -> None:
    engine = GatedEngine()
    async with running(engine) as scheduler:
        stream = await scheduler.open(OPTIONS)
        engine.gate.clear()
        await stream.send(silence(20))
        await entered(engine)
        for _ in range(5):
            await stream.send(silence(20))
        await stream.finish()
        engine.gate.set()
        await finished(stream)
        assert [samples for ((_, samples),) in engine.batches] == [160, 800]


async def test_a_model_of_fixed_pieces_is_run_when_a_piece_is_whole_or_somebody_waits() -> None:
    engine = GatedEngine(piece_ms=125)
    async with running(engine) as scheduler:
        stream = await scheduler.open(OPTIONS)
        events = stream.events()
        await stream.send(silence(20))
        assert await heard_ms(events) == 20
        await stream.send(silence(100))
        await stream.send(silence(25))
        assert await heard_ms(events) == 145
        assert [samples for ((_, samples),) in engine.batches] == [160, 1_000]
        await stream.send(silence(10))
        await stream.hurry()
        assert await heard_ms(events) == 155
        await stream.send(silence(10))
        await stream.finish()
        # Of the next utterance a whole piece is wanted.
        assert await finished(stream) == Finished(0, (), news_at=1_000)
        assert [samples for ((_, samples),) in engine.batches] == [160, 1_000, 80, 80]


class QuietEngine(GatedEngine):
    """Hears one text, and so much silence behind it."""

    def __init__(self, text: str, silence_ms: int) -> None:
        super().__init__()
        self.text, self.silence_ms = text, silence_ms

    def open(self, options: StreamOptions) -> Any:
        stream = super().open(options)
        stream.observe = lambda: Observation(Hypothesis(self.text), self.silence_ms)
        return stream


@pytest.mark.parametrize(("text", "silence_ms"), [("one", 300), ("", 10)])
async def test_an_utterance_that_is_over_is_finished_without_being_asked_again(
    text: str, silence_ms: int
) -> None:
    engine = QuietEngine("one", 299)
    async with running(engine) as scheduler:
        stream = await scheduler.open(OPTIONS)
        events = stream.events()
        await stream.send(silence(100))
        assert await heard_ms(events) == 100
        await stream.hurry(finish_at_silence_ms=300)
        assert await heard_ms(events) == 100
        engine.text, engine.silence_ms = text, silence_ms
        # Also when all was decoded before.
        await stream.hurry(finish_at_silence_ms=300)
        assert await anext(events) == Finished(0, ())
        await stream.finish()
        await stream.send(silence(50))
        assert await heard_ms(events) == 50
        await stream.finish()
        assert await anext(events) == Finished(1, ())


async def test_an_utterance_that_was_finished_meanwhile_is_not_finished_twice() -> None:
    engine = QuietEngine("", 0)
    async with running(engine) as scheduler:
        stream = await scheduler.open(OPTIONS)
        engine.gate.clear()
        await stream.send(silence(100))
        await entered(engine)
        await stream.send(silence(100))
        await stream.hurry(finish_at_silence_ms=300)
        # Who got no answer in time does not wait for it.
        await stream.finish()
        await stream.send(silence(30))
        await stream.finish()
        engine.gate.set()
        assert await finished(stream) == Finished(0, ())
        assert await finished(stream) == Finished(1, ())
        assert [samples for ((_, samples),) in engine.batches] == [800, 800, 240]


async def test_no_more_is_waited_for_than_one_step_takes() -> None:
    engine = GatedEngine(piece_ms=125_000)
    async with running(engine) as scheduler:
        stream = await scheduler.open(OPTIONS)
        events = stream.events()
        await stream.send(silence(20))
        assert await heard_ms(events) == 20
        await stream.send(silence(200))
        assert await heard_ms(events) == 220


async def test_sending_waits_while_the_engine_is_behind() -> None:
    engine = GatedEngine()
    async with running(engine) as scheduler:
        stream = await scheduler.open(OPTIONS)
        engine.gate.clear()
        sent = 0

        async def send() -> None:
            nonlocal sent
            for _ in range(200):
                await stream.send(silence(100))
                sent += 1

        sending = asyncio.create_task(send())
        await entered(engine)
        for _ in range(1000):
            await asyncio.sleep(0)
        held_back_at = sent
        assert held_back_at < 20
        engine.gate.set()
        await sending
        assert sent == 200


async def test_no_settled_utterance_is_dropped_while_nobody_reads() -> None:
    async with running(GatedEngine()) as scheduler:
        stream = await scheduler.open(OPTIONS)
        for _ in range(20):
            await stream.send(silence(600))
            await stream.finish()
        assert [(await finished(stream)).utterance for _ in range(20)] == list(range(20))


async def test_observations_tell_how_much_was_decoded() -> None:
    async with running(GatedEngine()) as scheduler:
        stream = await scheduler.open(OPTIONS)
        await stream.send(silence(150))
        event = await anext(stream.events())
        assert isinstance(event, Heard)
        assert (event.utterance, event.decoded_ms) == (0, 150)


async def test_an_engine_that_fails_for_one_stream_ends_only_that_one() -> None:
    engine = GatedEngine(
        lines=["fine words only", "fine words broken"], raise_on="broken", max_batch=4
    )
    async with running(engine) as scheduler:
        streams = [await scheduler.open(OPTIONS) for _ in range(3)]
        # The middle one comes to its second line, which breaks the engine.
        await streams[1].finish()
        await finished(streams[1])
        engine.gate.clear()
        for stream in streams:
            await stream.send(silence(900))
            await stream.finish()
        engine.gate.set()
        assert (await finished(streams[0])).alternatives[0].text == "fine words only"
        with pytest.raises(InternalError):
            await finished(streams[1])
        with pytest.raises(InternalError):
            await streams[1].send(silence(10))
        assert (await finished(streams[2])).alternatives[0].text == "fine words only"


async def test_a_full_engine_refuses_at_once_and_a_closed_stream_gives_its_place_back() -> None:
    async with running(GatedEngine(), max_streams=2) as scheduler:
        first, _ = await scheduler.open(OPTIONS), await scheduler.open(OPTIONS)
        with pytest.raises(CapacityError) as refused:
            await scheduler.open(OPTIONS)
        assert refused.value.code is ErrorCode.OVERLOADED
        assert refused.value.retry_after_s is not None
        await first.close()
        await first.close()
        await scheduler.open(OPTIONS)


async def test_a_language_that_is_not_served_is_refused_with_what_is() -> None:
    async with running(GatedEngine()) as scheduler:
        with pytest.raises(RequestError, match="en-US \\(scripted\\)"):
            await scheduler.open(
                StreamOptions(language="ru-RU", model="general", sample_rate_hz=8_000)
            )


@pytest.mark.parametrize("failure", [ValueError("no memory"), StopIteration()])
async def test_an_engine_that_fails_to_open_a_stream_is_an_internal_error(
    failure: Exception,
) -> None:
    engine = GatedEngine()
    async with running(engine, max_streams=1) as scheduler:
        engine.opening_fails_with = failure
        with pytest.raises(InternalError):
            await scheduler.open(OPTIONS)
        engine.opening_fails_with = None
        await scheduler.open(OPTIONS)


async def test_events_end_when_the_stream_is_closed() -> None:
    async with running(GatedEngine()) as scheduler:
        stream = await scheduler.open(OPTIONS)

        async def read() -> list[Heard | Finished]:
            return [event async for event in stream.events()]

        reading = asyncio.create_task(read())
        await asyncio.sleep(0)
        await stream.close()
        assert await reading == []
        with pytest.raises(RechkaError):
            await stream.send(silence(10))


async def test_closing_the_scheduler_ends_its_streams_with_an_error() -> None:
    engine = GatedEngine()
    scheduler = Scheduler(engine)
    await scheduler.start()
    stream = await scheduler.open(OPTIONS)
    reading = asyncio.create_task(finished(stream))
    await asyncio.sleep(0)
    await scheduler.close()
    with pytest.raises(UnavailableError):
        await reading
    with pytest.raises(UnavailableError):
        await stream.send(silence(10))
    await stream.close()
    assert engine.closed == 1
    assert scheduler.models == ()


async def test_an_opening_that_is_canceled_leaves_no_stream_behind() -> None:
    engine = GatedEngine()
    async with running(engine, max_streams=2) as scheduler:
        busy = await scheduler.open(OPTIONS)
        engine.gate.clear()
        await busy.send(silence(100))
        await entered(engine)
        opening = asyncio.create_task(scheduler.open(OPTIONS))
        await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        engine.gate.set()
        await scheduler.open(OPTIONS)


class OpeningEngine(GatedEngine):
    """Notes what is opened and closed; it opens streams only while its gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.is_opening = threading.Event()
        self.order: list[str] = []

    def open(self, options: StreamOptions) -> Any:
        self.is_opening.set()
        assert self.gate.wait(120)
        stream = super().open(options)
        self.order.append("opened")
        stream.close = lambda: self.order.append("stream closed")
        return stream

    def close(self) -> None:
        self.order.append("engine closed")


@pytest.mark.parametrize("is_canceled", [True, False])
async def test_a_stream_that_is_being_opened_is_closed_before_the_engine(
    *, is_canceled: bool
) -> None:
    engine = OpeningEngine()
    scheduler = Scheduler(engine)
    await scheduler.start()
    engine.gate.clear()
    opening = asyncio.create_task(scheduler.open(OPTIONS))
    assert await asyncio.to_thread(engine.is_opening.wait, 120)
    if is_canceled:
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
    closing = asyncio.create_task(scheduler.close())
    await asyncio.sleep(0)
    engine.gate.set()
    await closing
    assert engine.order == ["opened", "stream closed", "engine closed"]
    if not is_canceled:
        with pytest.raises(UnavailableError, match="shutting down"):
            await opening
    assert (await scheduler.measure()).streams == 0


async def test_what_was_done_is_measured() -> None:
    async with running(GatedEngine()) as scheduler:
        stream = await scheduler.open(OPTIONS)
        await stream.send(silence(600))
        await stream.finish()
        await finished(stream)
        measures = await scheduler.measure()
        assert measures.streams == 1
        assert measures.waiting == 0
        assert abs(measures.decoded_s - 0.6) < 1e-9
        assert measures.busy_s > 0
        assert measures.steps == measures.batched >= 3
        assert measures.resident_bytes > 1_000_000


async def test_a_stream_is_ahead_when_it_brings_more_than_can_have_been_spoken() -> None:
    async with running(GatedEngine()) as scheduler:
        live, ahead = await scheduler.open(OPTIONS), await scheduler.open(OPTIONS)
        await live.send(silence(1_000))
        for _ in range(200):
            await ahead.send(silence(1_000))
        assert not live.is_ahead
        assert ahead.is_ahead
