"""The one clock of a session, so that tests can own the time."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

__all__ = ["AsyncioClock", "Clock"]


class Clock(Protocol):
    """Monotonic time in seconds, and time-outs on it."""

    def time(self) -> float:
        """Return the present time in seconds; its zero has no meaning."""
        ...

    def timeout_at(self, when_s: float) -> AbstractAsyncContextManager[Any]:
        """Return a scope that raises TimeoutError if it is still open at `when_s`."""
        ...


class AsyncioClock:
    """The running event loop's clock."""

    def time(self) -> float:
        """Return the loop's time in seconds."""
        return asyncio.get_running_loop().time()

    def timeout_at(self, when_s: float) -> AbstractAsyncContextManager[Any]:
        """Return a scope that raises TimeoutError if it is still open at `when_s`."""
        return asyncio.timeout_at(when_s)
