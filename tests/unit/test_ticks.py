import asyncio

import pytest

from rechka.ticks import next_tick, until_tick_s, wait_unless_set


@pytest.mark.parametrize(
    ("now_s", "left_s"), [(10.0, 1.0), (10.25, 0.75), (10.875, 0.125), (10.9375, 1.0625)]
)
def test_a_wait_ends_at_a_multiple_of_its_interval(now_s: float, left_s: float) -> None:
    assert until_tick_s(now_s, 1.0) == left_s


def test_who_is_woken_a_little_early_does_not_get_the_same_tick_twice() -> None:
    assert until_tick_s(10.999, 1.0) == pytest.approx(1.001)
    assert until_tick_s(11.001, 1.0) == pytest.approx(0.999)


async def test_waits_that_begin_at_different_times_end_at_the_same_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits_s: list[float] = []

    async def sleep(seconds: float) -> None:
        waits_s.append(seconds)

    begins_s = iter((10.25, 10.5, 12.0))
    with monkeypatch.context() as patch:
        patch.setattr(asyncio.get_running_loop(), "time", lambda: next(begins_s))
        patch.setattr("rechka.ticks.asyncio.sleep", sleep)
        for _ in range(3):
            await next_tick(2.0)
    assert waits_s == [1.75, 1.5, 2.0]


async def test_a_wait_ends_with_the_event_or_with_what_is_waited_for() -> None:
    event, other = asyncio.Event(), asyncio.Event()
    waiting = asyncio.create_task(wait_unless_set(other.wait(), event))
    await asyncio.sleep(0)
    assert not waiting.done()
    event.set()
    await waiting
    assert not other.is_set()
    event.clear()
    waiting = asyncio.create_task(wait_unless_set(other.wait(), event))
    other.set()
    await waiting
    assert not event.is_set()


async def test_what_the_wait_raises_is_raised() -> None:
    async def fail() -> None:
        raise ValueError("no such tick")

    with pytest.raises(ValueError, match="no such tick"):
        await wait_unless_set(fail(), asyncio.Event())
