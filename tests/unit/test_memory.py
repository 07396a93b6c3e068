"""What a process that runs for long does not need any more."""

import asyncio
import ctypes
import gc
import os
import subprocess
import sys
import weakref
from collections.abc import Iterator

import psutil
import pytest

from rechka.memory import collect_until, keep_loaded

IS_GLIBC = hasattr(ctypes.CDLL(None), "malloc_trim")
# Prints how many heaps eight threads have that hold memory at the same time.
HEAPS = """
import ctypes, re, threading
from rechka.memory import share_heaps

share_heaps()
together = threading.Barrier(8)

def hold():
    block = bytes(8_000)
    together.wait()

threads = [threading.Thread(target=hold) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(b"/dev/stdout", b"w"))
libc.malloc_info(0, file)
libc.fflush(file)
"""


def heaps(**environment: str) -> int:
    """Return how many heaps there are, in a process of its own."""
    known = {name: text for name, text in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    command = [sys.executable, "-c", HEAPS]
    told = subprocess.run(
        command, env=known | environment, capture_output=True, text=True, check=True
    )
    return told.stdout.count("<heap nr=")


class Knot:
    """Refers to itself."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def only_asked() -> Iterator[None]:
    """Let no collection happen by itself."""
    gc.disable()
    yield
    gc.unfreeze()
    gc.enable()


@pytest.mark.usefixtures("only_asked")
async def test_old_garbage_is_collected_until_the_event() -> None:
    stop = asyncio.Event()
    knot = Knot()
    gc.collect()
    gc.collect()  # Twice survived is in the oldest generation.
    gone = asyncio.Event()
    watch = weakref.ref(knot, lambda _: gone.set())
    collecting = asyncio.create_task(collect_until(stop, interval_s=0.01))

    del knot
    await gone.wait()
    stop.set()
    await collecting

    assert watch() is None


@pytest.mark.usefixtures("only_asked")
async def test_nothing_is_waited_for_or_collected_once_the_event_is_set() -> None:
    stop = asyncio.Event()
    stop.set()
    knot = Knot()
    watch = weakref.ref(knot)
    del knot

    await collect_until(stop)

    assert watch() is not None


@pytest.mark.usefixtures("only_asked")
def test_what_was_loaded_is_not_looked_through_again() -> None:
    knot = Knot()
    watch = weakref.ref(knot)

    keep_loaded()
    del knot
    gc.collect()

    assert watch() is not None


@pytest.mark.usefixtures("only_asked")
@pytest.mark.skipif(not IS_GLIBC, reason="only glibc can")
async def test_free_memory_between_used_blocks_goes_back_to_the_system() -> None:
    memory = psutil.Process().memory_info
    # Too large for the interpreter's own pools, too small for a mapping of its own.
    blocks = [bytes(8_000) for _ in range(8_000)]
    kept = blocks[::100]
    knot = Knot()
    gone = asyncio.Event()
    watch = weakref.ref(knot, lambda _: gone.set())
    del blocks, knot
    held = memory().rss
    stop = asyncio.Event()
    collecting = asyncio.create_task(collect_until(stop, interval_s=0.01))

    await gone.wait()
    stop.set()
    await collecting

    assert memory().rss < held - 40 * 2**20
    assert len(kept) == 80
    assert watch() is None


@pytest.mark.skipif(not IS_GLIBC, reason="only glibc has heaps of threads")
def test_threads_share_heaps_unless_the_environment_says_how_many_there_are() -> None:
    assert heaps() == 2
    assert heaps(MALLOC_ARENA_MAX="5") == 5
