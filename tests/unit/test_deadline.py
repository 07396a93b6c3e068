"""The deadline of a task's waits, on an event loop whose time stands still."""

import asyncio
import gc
import time
import weakref
from collections.abc import Callable, Coroutine, Generator
from typing import Any

import pytest

from rechka.deadline import TaskDeadline

Advance = Callable[[float], Coroutine[None, None, None]]


@pytest.fixture
async def advance(monkeypatch: pytest.MonkeyPatch) -> Advance:
    """Let what was begun come to its wait, move the time, and let the loop see it."""
    now_s = 1_000.0

    async def turn() -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now_s)
    monkeypatch.setattr("rechka.deadline.time.monotonic", lambda: now_s)

    async def move(seconds: float) -> None:
        nonlocal now_s
        await turn()
        now_s += seconds
        await turn()

    return move


async def waiting(*waits: tuple[float, asyncio.Event]) -> list[str]:
    """Wait for one event after the other, each for so long; return what came of them."""
    with TaskDeadline() as deadline:
        return [await outcome(deadline, seconds, event) for seconds, event in waits]


async def outcome(deadline: TaskDeadline, seconds: float, event: asyncio.Event) -> str:
    try:
        await deadline.wait(event.wait(), until_s=time.monotonic() + seconds)
    except TimeoutError:
        return "late"
    return "in time"


async def test_a_wait_ends_when_its_time_is_over_and_not_before(advance: Advance) -> None:
    task = asyncio.create_task(waiting((10.0, asyncio.Event())))
    await advance(9.9)
    assert not task.done()
    await advance(0.2)
    assert await task == ["late"]


async def test_what_comes_in_time_is_returned(advance: Advance) -> None:
    event = asyncio.Event()
    task = asyncio.create_task(waiting((10.0, event)))
    await advance(9.9)
    event.set()
    assert await task == ["in time"]


async def test_the_timer_of_one_wait_leaves_the_next_one_alone(advance: Advance) -> None:
    first, second = asyncio.Event(), asyncio.Event()
    waits = waiting((10.0, first), (10.0, second), (10.0, asyncio.Event()))
    task = asyncio.create_task(waits)
    await advance(6.0)
    first.set()
    # Beyond the first wait's time, within the second one's.
    await advance(6.0)
    assert not task.done()
    second.set()
    await advance(9.9)
    assert not task.done()
    await advance(0.2)
    assert await task == ["in time", "in time", "late"]


async def test_a_wait_may_be_shorter_than_the_one_before(advance: Advance) -> None:
    event = asyncio.Event()
    task = asyncio.create_task(waiting((600.0, event), (1.0, asyncio.Event())))
    await advance(1.0)
    event.set()
    await advance(1.1)
    assert await task == ["in time", "late"]


async def test_a_bound_that_is_in_the_past_ends_a_wait(advance: Advance) -> None:
    task = asyncio.create_task(waiting((-1.0, asyncio.Event())))
    await advance(0.0)
    assert await task == ["late"]


async def test_a_time_out_is_no_cancellation_of_the_task(advance: Advance) -> None:
    async def wait() -> int:
        assert await waiting((1.0, asyncio.Event())) == ["late"]
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    task = asyncio.create_task(wait())
    await advance(1.1)
    assert await task == 0


async def test_who_cancels_the_task_at_the_same_time_cancels_it(advance: Advance) -> None:
    task = asyncio.create_task(waiting((1.0, asyncio.Event())))
    await advance(0.0)
    # Both are due in one turn of the loop, whichever comes first.
    asyncio.get_running_loop().call_later(1.0, task.cancel)
    await advance(1.1)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def test_cancelling_the_task_ends_its_wait(advance: Advance) -> None:
    task = asyncio.create_task(waiting((600.0, asyncio.Event())))
    await advance(0.0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_deadline_leaves_no_timer_behind(
    advance: Advance, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    timers: list[asyncio.TimerHandle] = []

    def call_at(*arguments: Any) -> asyncio.TimerHandle:
        timers.append(set_timer(*arguments))
        return timers[-1]

    set_timer: Callable[..., asyncio.TimerHandle] = loop.call_at
    monkeypatch.setattr(loop, "call_at", call_at)
    event = asyncio.Event()
    task = asyncio.create_task(waiting((10.0, event)))
    await advance(1.0)
    assert [timer.cancelled() for timer in timers] == [False]
    event.set()
    assert await task == ["in time"]
    assert [timer.cancelled() for timer in timers] == [True]


async def test_without_a_bound_a_wait_lasts_as_long_as_it_takes(advance: Advance) -> None:
    event = asyncio.Event()

    async def wait_without_a_bound() -> list[str]:
        with TaskDeadline() as deadline:
            first = await outcome(deadline, 1.0, asyncio.Event())
            await deadline.wait(event.wait())
            return [first, "in the end"]

    task = asyncio.create_task(wait_without_a_bound())
    await advance(1.1)
    await advance(100_000.0)
    assert not task.done()
    event.set()
    assert await task == ["late", "in the end"]


async def test_a_task_that_failed_in_a_wait_is_freed_with_its_last_reference() -> None:
    class Failing:
        def __await__(self) -> Generator[None, None, None]:
            yield
            raise ValueError

    async def fail() -> None:
        with TaskDeadline() as deadline:
            await deadline.wait(Failing())

    gc.disable()
    try:
        task = asyncio.create_task(fail())
        watch = weakref.ref(task)
        await asyncio.wait([task])
        assert isinstance(task.exception(), ValueError)
        del task
        assert watch() is None
    finally:
        gc.enable()
