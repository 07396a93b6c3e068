"""Time that only moves when a test says so."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    nullcontext,
    suppress,
)
from typing import TypeVar

__all__ = ["VirtualClock"]

_T = TypeVar("_T")


class VirtualClock:
    """A `rechka.session.clock.Clock` that stands still.

    Threading: used within one event loop.
    """

    def __init__(self) -> None:
        self._now_s = 0.0
        self._scopes: dict[object, tuple[float, asyncio.Event]] = {}
        self._changed = asyncio.Event()
        self._begun = 0

    def time(self) -> float:
        """Return the present time in seconds; it begins at 0."""
        return self._now_s

    def timeout_at(self, when_s: float) -> AbstractAsyncContextManager[None]:
        """Return a scope that raises TimeoutError if it is still open at `when_s`."""
        return self._scope(when_s)

    def deadline(self) -> AbstractContextManager["VirtualClock"]:
        """Return itself: each wait has a time-out of its own."""
        return nullcontext(self)

    async def wait(self, waited: Awaitable[_T], *, until_s: float) -> _T:
        """Return what is waited for. As `rechka.session.clock.Deadline.wait`."""
        async with self.timeout_at(until_s):
            return await waited

    async def sleep(self, seconds: float) -> None:
        """Wait until the time has moved by so many seconds. Cancellation: safe."""
        with suppress(TimeoutError):
            async with self.timeout_at(self._now_s + seconds):
                await asyncio.Event().wait()

    async def wait_for_scopes(self, total: int) -> None:
        """Wait until this many time-outs have begun since the clock was made.

        A session begins one for each message that it waits for, so one more than
        the messages that were sent means that it has read them all.
        """
        while self._begun < total:
            self._changed.clear()
            await self._changed.wait()

    def advance(self, seconds: float) -> None:
        """Move the time; scopes whose end is reached raise in their own tasks."""
        self._now_s += seconds
        for when_s, expired in self._scopes.values():
            if when_s <= self._now_s:
                expired.set()

    @asynccontextmanager
    async def _scope(self, when_s: float) -> AsyncIterator[None]:
        expired, key = asyncio.Event(), object()
        if when_s <= self._now_s:
            expired.set()
        self._scopes[key] = (when_s, expired)
        self._begun += 1
        self._changed.set()
        try:
            async with asyncio.timeout(None) as scope:
                watcher = asyncio.create_task(_expire(expired, scope))
                try:
                    yield
                finally:
                    watcher.cancel()
        finally:
            del self._scopes[key]


async def _expire(expired: asyncio.Event, scope: asyncio.Timeout) -> None:
    await expired.wait()
    scope.reschedule(asyncio.get_running_loop().time())
