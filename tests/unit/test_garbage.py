"""The garbage collector in a process that runs for long."""

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from rechka.garbage import collect_until, keep_loaded


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
