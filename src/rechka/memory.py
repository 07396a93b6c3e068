"""What a process that runs for long holds: objects, and memory that it does not need now."""

import asyncio
import ctypes
import gc
import os
from collections.abc import Callable
from functools import cache

from rechka.ticks import next_tick, wait_unless_set

__all__ = ["collect_until", "keep_loaded", "share_heaps"]

_COLLECT_S = 60.0
# Of malloc.h.
_M_ARENA_MAX = -8
_HEAPS = 2


def share_heaps() -> None:
    """Let all threads that begin from now on take memory from the same two heaps of glibc.

    Each would have one of its own, up to eight times as many as there are cores, and each
    heap keeps what its thread has needed at the busiest moment so far. Does nothing where the
    environment says how many there are to be, or the C library is another one.
    """
    function = _of_c_library("mallopt")
    if function is not None and "MALLOC_ARENA_MAX" not in os.environ:
        function(_M_ARENA_MAX, _HEAPS)


def keep_loaded() -> None:
    """Take what was loaded so far for what stays: no collection looks through it again."""
    gc.collect()
    gc.freeze()


async def collect_until(stop: asyncio.Event, *, interval_s: float = _COLLECT_S) -> None:
    """Collect all garbage now and then, until the event is set. Cancellation: safe.

    The interpreter itself looks through old objects only once there are a quarter more of
    them than were loaded, which may be never. Until then it also keeps freed tuples for new
    ones, up to 2,000 of each length: memory that seems to leak.

    So does what glibc keeps of freed blocks between used ones. Whole free pages of it go back
    to the system, which takes 1 to 2 ms.

    Args:
        stop: Ends it.
        interval_s: From one collection to the next.
    """
    while not stop.is_set():
        await wait_unless_set(next_tick(interval_s), stop)
        gc.collect()
        trim = _of_c_library("malloc_trim")
        if trim is not None:
            trim(0)


@cache
def _of_c_library(name: str) -> Callable[..., int] | None:
    """Return a function of malloc.h, None where the C library has none of this name."""
    try:
        function: Callable[..., int] = getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError):
        return None
    return function
