"""The one clock of a session, so that tests can own the time."""

import asyncio
import time
from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Protocol, TypeVar

from rechka.deadline import TaskDeadline

__all__ = ["AsyncioClock", "Clock", "Deadline"]

_T = TypeVar("_T")


class Deadline(Protocol):
    """A bound on each of many waits of one task."""

    async def wait(self, waited: Awaitable[_T], *, until_s: float) -> _T:
        """Return what is waited for.

        Raises:
            TimeoutError: It has not come until then.
        """
        ...


class Clock(Protocol):
    """Monotonic time in seconds, and time-outs on it."""

    def time(self) -> float:
        """Return the present time in seconds; its zero has no meaning."""
        ...

    def timeout_at(self, when_s: float) -> AbstractAsyncContextManager[Any]:
        """Return a scope that raises TimeoutError if it is still open at `when_s`."""
        ...

    def deadline(self) -> AbstractContextManager[Deadline]:
        """Return a deadline for the waits of the running task, within the context."""
        ...


class AsyncioClock:
    """The clock of event loops."""

    def time(self) -> float:
        """Return the time in seconds that event loops go by."""
        return time.monotonic()

    def timeout_at(self, when_s: float) -> AbstractAsyncContextManager[Any]:
        """Return a scope that raises TimeoutError if it is still open at `when_s`."""
        return asyncio.timeout_at(when_s)

    def deadline(self) -> AbstractContextManager[Deadline]:
        """Return a deadline for the waits of the running task, within the context."""
        return TaskDeadline()
