"""How many streams a scheduler admits, by what they are seen to cost."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from rechka.audio.samples import Samples
from rechka.errors import CapacityError, ErrorCode
from rechka.recognition.combined import CombinedEngine
from rechka.recognition.port import Engine, EngineStream, Heard, StreamOptions
from rechka.recognition.scheduled_stream import ScheduledStream
from rechka.recognition.scheduler import Scheduler
from unit.recognition.gated_engine import OPTIONS, GatedEngine, entered, finished, silence


@asynccontextmanager
async def running(
    engine: "CostlyEngine", *, max_load: float, combined: Engine | None = None
) -> AsyncIterator[Scheduler]:
    """Run an engine, or others that it is one of, by its own clock."""
    scheduler = Scheduler(
        combined or engine, max_streams=100, max_load=max_load, timer=lambda: engine.now_s
    )
    await scheduler.start()
    try:
        yield scheduler
    finally:
        engine.gate.set()
        await scheduler.close()


class CostlyEngine(GatedEngine):
    """Takes a given share of the audio's length to decode it, by a clock of its own."""

    def __init__(self, real_time_factor: float) -> None:
        super().__init__(max_batch=8)
        self.real_time_factor = real_time_factor
        self.now_s = 0.0
        self._rates_hz: dict[int, int] = {}

    def open(self, options: StreamOptions) -> Any:
        stream = super().open(options)
        self._rates_hz[id(stream)] = options.sample_rate_hz
        return stream

    def accept(self, batch: Sequence[tuple[EngineStream, Samples]]) -> None:
        super().accept(batch)
        for stream, samples in batch:
            self.now_s += self.real_time_factor * len(samples) / self._rates_hz[id(stream)]


async def test_as_many_streams_are_admitted_as_the_measured_cost_allows() -> None:
    engine = CostlyEngine(0.25)
    async with running(engine, max_load=0.8) as scheduler:
        streams = [await scheduler.open(OPTIONS) for _ in range(3)]
        with pytest.raises(CapacityError) as refusal:
            await scheduler.open(OPTIONS)
        assert refusal.value.code is ErrorCode.OVERLOADED
        assert refusal.value.retry_after_s == 1.0
        assert abs((await scheduler.measure()).load - 0.75) < 1e-6
        await streams[0].close()
        await scheduler.open(OPTIONS)


async def test_streams_that_are_opened_at_the_same_moment_are_counted_too() -> None:
    engine = CostlyEngine(0.25)
    async with running(engine, max_load=0.8) as scheduler:
        opened = await asyncio.gather(
            *(scheduler.open(OPTIONS) for _ in range(20)), return_exceptions=True
        )
        assert sum(isinstance(one, ScheduledStream) for one in opened) == 3
        assert sum(isinstance(one, CapacityError) for one in opened) == 17


async def test_the_cost_of_what_is_decoded_changes_what_is_admitted() -> None:
    engine = CostlyEngine(0.7)
    async with running(engine, max_load=0.8) as scheduler:
        stream = await scheduler.open(OPTIONS)
        with pytest.raises(CapacityError):
            await scheduler.open(OPTIONS)
        engine.real_time_factor = 0.1
        for _ in range(40):
            await stream.send(silence(10_000))
            await stream.finish()
            await finished(stream)
        assert len([await scheduler.open(OPTIONS) for _ in range(6)]) == 6


async def test_fewer_are_admitted_while_those_inside_wait_too_long() -> None:
    engine = CostlyEngine(0.1)
    now_s = 0.0
    scheduler = Scheduler(
        engine, max_streams=100, max_load=0.8, timer=lambda: engine.now_s, clock=lambda: now_s
    )
    await scheduler.start()
    streams = [await scheduler.open(OPTIONS) for _ in range(4)]

    async def speak(stream: ScheduledStream, *, waited_s: float) -> None:
        nonlocal now_s
        engine.gate.clear()
        engine.entered.clear()
        await stream.send(silence(20))
        await entered(engine)
        now_s += waited_s
        engine.gate.set()
        await anext(aiter(stream.events()))

    # Somebody else takes the processor: the engine needs no more time of its own.
    await speak(streams[0], waited_s=0.3)
    with pytest.raises(CapacityError):
        await scheduler.open(OPTIONS)
    for _ in range(30):
        await speak(streams[0], waited_s=0.1)
    streams.append(await scheduler.open(OPTIONS))
    await speak(streams[0], waited_s=0.5)
    with pytest.raises(CapacityError):
        await scheduler.open(OPTIONS)
    # Where nobody has had to wait for some time, nothing is known of it any more.
    now_s += 10.0
    streams.append(await scheduler.open(OPTIONS))
    await scheduler.close()


async def test_one_stream_is_served_however_slow_the_engine_is() -> None:
    engine = CostlyEngine(3.0)
    async with running(engine, max_load=0.8) as scheduler:
        stream = await scheduler.open(OPTIONS)
        await stream.close()
        await scheduler.open(OPTIONS)


async def test_a_batch_is_no_larger_than_can_be_decoded_in_a_moment() -> None:
    engine = CostlyEngine(0.25)
    async with running(engine, max_load=10.0) as scheduler:
        first, *others = [await scheduler.open(OPTIONS) for _ in range(9)]
        engine.batches.clear()
        engine.gate.clear()
        engine.entered.clear()
        await first.send(silence(200))
        await entered(engine)
        for stream in others:
            await stream.send(silence(200))
            await stream.finish()
        engine.gate.set()
        for stream in others:
            await finished(stream)
        # 200 ms of audio cost 50 ms each, and a step is to take at most 100 ms.
        assert max(len(batch) for batch in engine.batches) == 2


async def test_streams_of_one_model_may_have_several_rates_and_cost_what_they_cost() -> None:
    engine = CostlyEngine(0.25)
    async with running(engine, max_load=10.0) as scheduler:
        slow, fast = [
            await scheduler.open(replace(OPTIONS, sample_rate_hz=rate_hz))
            for rate_hz in (8_000, 16_000)
        ]
        engine.gate.clear()
        engine.entered.clear()
        await slow.send(silence(100))
        await entered(engine)
        for stream in (slow, fast):
            # The same number of samples: 200 ms of the one, 100 ms of the other.
            await stream.send(silence(200))
            await stream.finish()
        engine.gate.set()
        for stream in (slow, fast):
            await finished(stream)
        measures = await scheduler.measure()
        assert abs(measures.decoded_s - 0.4) < 1e-9
        assert abs(measures.load - 2 * 0.25) < 1e-9


async def test_a_model_whose_tags_another_one_serves_is_not_tried_in_its_place() -> None:
    engine = CostlyEngine(0.25)
    shadowed, partly = CostlyEngine(0.0), CostlyEngine(0.0)
    for hidden in (shadowed, partly):
        hidden.models = tuple(replace(model, name="hidden") for model in hidden.models)
    engine.models = tuple(
        replace(model, tags=("general", "general:deprecated")) for model in engine.models
    )
    both = CombinedEngine([engine, partly, shadowed])
    async with running(engine, max_load=10.0, combined=both) as scheduler:
        assert len(engine.batches) == len(partly.batches) == 5
        assert not shadowed.batches
        await scheduler.open(OPTIONS)
        assert abs((await scheduler.measure()).load - 0.25) < 1e-9
        await scheduler.open(replace(OPTIONS, model="general:rc"))
        assert abs((await scheduler.measure()).load - 0.25) < 1e-9


async def test_a_stream_that_is_closed_while_it_waits_gives_its_share_back_at_once() -> None:
    engine = CostlyEngine(0.5)
    async with running(engine, max_load=1.0) as scheduler:
        first, second = await scheduler.open(OPTIONS), await scheduler.open(OPTIONS)
        engine.gate.clear()
        engine.entered.clear()
        await first.send(silence(100))
        await entered(engine)
        await second.send(silence(100))
        closing = asyncio.create_task(second.close())
        third = asyncio.create_task(scheduler.open(OPTIONS))
        await asyncio.sleep(0)
        engine.gate.set()
        await closing
        stream = await third
        before = len(engine.batches)
        await stream.send(silence(100))
        await stream.finish()
        await finished(stream)
        decoded = {id(one) for batch in engine.batches for one, _ in batch}
        assert id(second.engine_stream) not in decoded
        assert len(engine.batches) > before


async def test_a_step_that_something_else_held_up_does_not_count_as_cost() -> None:
    engine = CostlyEngine(0.05)
    async with running(engine, max_load=0.8) as scheduler:
        stream = await scheduler.open(OPTIONS)
        engine.real_time_factor = 50.0
        await stream.send(silence(200))
        assert isinstance(await anext(stream.events()), Heard)
        assert 0.05 < (await scheduler.measure()).load < 0.1


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy scheduler waits for others longer than any test lasts."""
    monkeypatch.setattr("rechka.recognition.scheduler._LONGEST_WAIT_S", 10_000.0)


@pytest.mark.usefixtures("patient")
async def test_a_busy_engine_waits_until_a_batch_is_full() -> None:
    engine = CostlyEngine(0.1)
    async with running(engine, max_load=10.0) as scheduler:
        streams = [await scheduler.open(OPTIONS) for _ in range(5)]
        engine.batches.clear()
        for stream in streams[:4]:
            await stream.send(silence(100))
        await asyncio.sleep(0.1)
        assert not engine.batches
        await streams[4].send(silence(100))
        for stream in streams:
            assert isinstance(await anext(aiter(stream.events())), Heard)
        assert [len(batch) for batch in engine.batches] == [5]


@pytest.mark.usefixtures("patient")
async def test_the_end_of_an_utterance_waits_for_nobody() -> None:
    engine = CostlyEngine(0.1)
    async with running(engine, max_load=10.0) as scheduler:
        first, second, _ = [await scheduler.open(OPTIONS) for _ in range(3)]
        engine.batches.clear()
        await first.send(silence(300))
        await second.send(silence(300))
        await asyncio.sleep(0.1)
        assert not engine.batches
        await first.finish()
        assert (await finished(first)).alternatives[0].text == "one"


@pytest.mark.usefixtures("patient")
async def test_a_stream_alone_waits_for_nobody() -> None:
    engine = CostlyEngine(0.7)
    async with running(engine, max_load=10.0) as scheduler:
        stream = await scheduler.open(OPTIONS)
        await stream.send(silence(100))
        assert isinstance(await anext(aiter(stream.events())), Heard)
