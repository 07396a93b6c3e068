"""The deadline of a session's waits, on a real event loop."""

import asyncio

import pytest

from rechka.session.clock import AsyncioClock

CLOCK = AsyncioClock()


async def after(seconds: float, value: str) -> str:
    await asyncio.sleep(seconds)
    return value


async def test_each_wait_has_its_own_bound() -> None:
    with CLOCK.deadline() as deadline:
        for _ in range(3):
            assert await deadline.wait(after(0, "a"), until_s=CLOCK.time() + 600) == "a"
        with pytest.raises(TimeoutError):
            await deadline.wait(after(600, "late"), until_s=CLOCK.time() + 0.01)
        assert await deadline.wait(after(0, "b"), until_s=CLOCK.time() + 600) == "b"


async def test_a_wait_that_is_over_leaves_the_next_one_alone() -> None:
    with CLOCK.deadline() as deadline:
        until_s = CLOCK.time() + 0.02
        assert await deadline.wait(after(0, "a"), until_s=until_s) == "a"
        # Goes on beyond the first one's bound, when its timer goes off.
        assert await deadline.wait(after(0.05, "b"), until_s=until_s + 600) == "b"
        await asyncio.sleep(0.05)
        assert await deadline.wait(after(0, "c"), until_s=CLOCK.time() + 600) == "c"


async def test_a_bound_that_is_in_the_past_ends_a_wait() -> None:
    with CLOCK.deadline() as deadline, pytest.raises(TimeoutError):
        await deadline.wait(after(600, "late"), until_s=CLOCK.time() - 1)


async def test_a_time_out_is_no_cancellation_of_the_task() -> None:
    with CLOCK.deadline() as deadline, pytest.raises(TimeoutError):
        await deadline.wait(after(600, "late"), until_s=CLOCK.time())
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_who_cancels_the_task_at_the_same_time_cancels_it() -> None:
    async def wait() -> None:
        with CLOCK.deadline() as deadline:
            await deadline.wait(after(600, "late"), until_s=CLOCK.time())

    task = asyncio.create_task(wait())
    # Begun; then both are due in one turn of the loop.
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def test_cancelling_the_task_ends_its_wait() -> None:
    async def wait() -> None:
        with CLOCK.deadline() as deadline:
            await deadline.wait(after(600, "late"), until_s=CLOCK.time() + 600)

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
