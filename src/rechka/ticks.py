"""Waits that end together, so that a server with nothing to do is woken seldom."""

import asyncio
from collections.abc import Awaitable

__all__ = ["next_tick", "until_tick_s", "wait_unless_set"]

# Timers of an event loop may go off so much too early, of the interval.
_EARLY = 0.1


def until_tick_s(now_s: float, interval_s: float) -> float:
    """Return how long it is until the next multiple of an interval, or the one behind it.

    That is for whoever is woken a little before the multiple it waited for.
    """
    left_s = interval_s - now_s % interval_s
    return left_s if left_s > _EARLY * interval_s else left_s + interval_s


async def next_tick(interval_s: float) -> None:
    """Wait until the event loop's time is a multiple of an interval. Cancellation: safe.

    A process that is woken once does the work of all who wait for this moment; to wake it
    for each of them costs more than what most of them do.
    """
    await asyncio.sleep(until_tick_s(asyncio.get_running_loop().time(), interval_s))


async def wait_unless_set(waited: Awaitable[object], event: asyncio.Event) -> None:
    """Wait for something, such as a tick, or until an event is set. Cancellation: safe.

    Raises:
        Exception: What the wait for something has raised.
    """
    waits = [asyncio.ensure_future(waited), asyncio.ensure_future(event.wait())]
    try:
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in done:
            wait.result()
    finally:
        for wait in waits:
            wait.cancel()
