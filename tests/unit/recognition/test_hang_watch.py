"""The bound on what an engine's thread does, on an event loop whose time stands still."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from structlog.testing import capture_logs

from rechka.recognition.hang_watch import HangWatch
from rechka.recognition.scheduler import Scheduler
from unit.recognition.gated_engine import OPTIONS, GatedEngine, entered, finished, silence

Advance = Callable[[float], Coroutine[None, None, None]]


@pytest.fixture
async def advance(monkeypatch: pytest.MonkeyPatch) -> Advance:
    """Move the time in one leap, and let the loop see it."""
    now_s = 1_000.0
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now_s)

    async def move(seconds: float) -> None:
        nonlocal now_s
        now_s += seconds
        for _ in range(5):
            await asyncio.sleep(0)

    return move


class Hangs:
    """Counts hangs."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


async def test_work_that_does_not_end_is_told_once_after_half_a_minute(advance: Advance) -> None:
    hangs = Hangs()
    HangWatch(hangs).begin()
    for _ in range(6):
        await advance(5)
    assert hangs.count == 0
    for _ in range(10):
        await advance(5)
    assert hangs.count == 1


async def test_each_piece_of_work_has_the_whole_time(advance: Advance) -> None:
    hangs = Hangs()
    watch = HangWatch(hangs)
    # The first is begun at once, all others wait for it.
    for _ in range(10):
        watch.begin()
    for _ in range(10):
        for _ in range(5):
            await advance(5)
        watch.end()
    watch.begin()
    for _ in range(6):
        await advance(5)
    assert hangs.count == 0
    await advance(5)
    assert hangs.count == 1


async def test_idle_time_counts_for_nothing(advance: Advance) -> None:
    hangs = Hangs()
    watch = HangWatch(hangs)
    for _ in range(3):
        watch.begin()
        await advance(1)
        watch.end()
        for _ in range(20):
            await advance(5)
    assert hangs.count == 0


async def test_a_process_that_stood_still_has_no_engine_that_hangs(advance: Advance) -> None:
    hangs = Hangs()
    watch = HangWatch(hangs)
    watch.begin()
    await advance(3600)
    await advance(3600)
    watch.end()
    await advance(3600)
    assert hangs.count == 0


async def hung(scheduler: Scheduler, hangs: Hangs, advance: Advance) -> list[Any]:
    """Let time pass until the scheduler gives up; return what it logged."""
    with capture_logs() as logs:
        while not hangs.count:
            await advance(5)
    return logs


async def test_a_scheduler_says_what_hangs_and_has_it_ended(advance: Advance) -> None:
    engine, hangs = GatedEngine(), Hangs()
    scheduler = Scheduler(engine, on_hang=hangs)
    await scheduler.start()
    stream = await scheduler.open(OPTIONS)
    engine.gate.clear()
    await stream.send(silence(300))
    await entered(engine)
    (log,) = await hung(scheduler, hangs, advance)
    assert log == {
        "event": "engine_hangs",
        "log_level": "critical",
        "engine": "scripted",
        "model": "script-en-US",
    }
    engine.gate.set()
    await stream.finish()
    await finished(stream)
    await scheduler.close()


async def test_an_opening_that_hangs_is_told_too(advance: Advance) -> None:
    engine, hangs = GatedEngine(), Hangs()
    scheduler = Scheduler(engine, on_hang=hangs)
    await scheduler.start()
    engine.opening_gate.clear()
    opening = asyncio.create_task(scheduler.open(OPTIONS))
    await asyncio.sleep(0)
    (log,) = await hung(scheduler, hangs, advance)
    assert (log["event"], log["model"]) == ("engine_hangs", "script-en-US")
    engine.opening_gate.set()
    await opening
    await scheduler.close()


async def test_a_model_may_take_its_time_to_load(advance: Advance) -> None:
    engine, hangs = GatedEngine(), Hangs()
    engine.opening_gate.clear()
    scheduler = Scheduler(engine, max_load=1.0, on_hang=hangs)
    starting = asyncio.create_task(scheduler.start())
    for _ in range(100):
        await advance(5)
    assert hangs.count == 0
    engine.opening_gate.set()
    await starting
    await scheduler.close()
