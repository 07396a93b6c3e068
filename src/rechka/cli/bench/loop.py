"""The event loop of programs that make load."""

import gc
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

from rechka.memory import keep_loaded

__all__ = ["run_load"]

_T = TypeVar("_T")


def run_load(work: Coroutine[Any, Any, _T]) -> _T:
    """Run something in an event loop of its own, so that it takes and waits as little as can be.

    Load comes from the machine that is measured as often as not, and where its program pauses,
    the server's answers seem late. So the garbage collector looks only through what is made
    from now on.
    """
    keep_loaded()
    try:
        return uvloop.run(work)
    finally:
        gc.unfreeze()
