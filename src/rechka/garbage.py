"""The interpreter's garbage collector in a process that runs for long."""

import asyncio
import gc

from rechka.ticks import next_tick, wait_unless_set

__all__ = ["collect_until", "keep_loaded"]

_COLLECT_S = 60.0


def keep_loaded() -> None:
    """Take what was loaded so far for what stays: no collection looks through it again."""
    gc.collect()
    gc.freeze()


async def collect_until(stop: asyncio.Event, *, interval_s: float = _COLLECT_S) -> None:
    """Collect all garbage now and then, until the event is set. Cancellation: safe.

    The interpreter itself looks through old objects only once there are a quarter more of
    them than were loaded, which may be never. Until then it also keeps freed tuples for new
    ones, up to 2,000 of each length: memory that seems to leak.

    Args:
        stop: Ends it.
        interval_s: From one collection to the next.
    """
    while not stop.is_set():
        await wait_unless_set(next_tick(interval_s), stop)
        gc.collect()
