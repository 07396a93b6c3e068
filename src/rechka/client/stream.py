"""Results as they are read by the caller."""

import asyncio
import contextlib
import weakref
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from rechka.errors import RechkaError
from rechka.results import Result

__all__ = ["ResultStream"]

# A caller that is further behind than this holds the server back.
_MOST_RESULTS = 64


class _Handoff:
    """A bounded queue whose reader can also be told that there will be no more."""

    def __init__(self) -> None:
        self.ready: deque[Result] = deque()
        self.news = asyncio.Event()
        self.room = asyncio.Semaphore(_MOST_RESULTS)

    async def deliver(self, result: Result) -> None:
        await self.room.acquire()
        self.ready.append(result)
        self.news.set()


class ResultStream(AsyncIterator[Result]):
    """Results of one stream of audio, in order.

    The work runs in the background, beginning at once, until it is done, or the
    stream is closed, or nobody holds it any more. It may be used as an asynchronous
    context manager by `contextlib.aclosing`.

    Args:
        work: Delivers results through its argument.
    """

    def __init__(
        self, work: Callable[[Callable[[Result], Awaitable[None]]], Awaitable[None]]
    ) -> None:
        self._handoff = _Handoff()
        self._end: RechkaError | None = None
        self._task: asyncio.Task[None] = asyncio.ensure_future(work(self._handoff.deliver))
        handoff = self._handoff
        finalizer = weakref.finalize(self, _forget, asyncio.get_running_loop(), self._task)
        finalizer.atexit = False

        def on_done(task: "asyncio.Task[None]") -> None:
            # There is nothing left to end. The finalizer holds the task, and a task that
            # failed would by its error's traceback hold all who met it, this stream too.
            finalizer.detach()
            # Looked at here, so that an error that nobody reads makes no noise.
            if not task.cancelled():
                task.exception()
            handoff.news.set()

        self._task.add_done_callback(on_done)

    async def __anext__(self) -> Result:
        """Return the next result.

        Raises:
            RechkaError: The stream failed; all results before were returned.

        Cancellation: safe; no result is lost.
        """
        while not self._handoff.ready:
            if self._task.done():
                if not self._task.cancelled():
                    self._task.result()
                elif self._end is not None:
                    raise self._end
                raise StopAsyncIteration
            self._handoff.news.clear()
            await self._handoff.news.wait()
        self._handoff.room.release()
        return self._handoff.ready.popleft()

    async def aclose(self) -> None:
        """Cancel what runs; what was not read is dropped. May be called more than once."""
        await self._cancel()
        self._handoff.ready.clear()

    async def fail(self, error: RechkaError) -> None:
        """Cancel what runs; who reads on meets the error behind what was there already."""
        self._end = error
        await self._cancel()

    async def _cancel(self) -> None:
        self._task.cancel()
        await asyncio.wait((self._task,))


def _forget(loop: asyncio.AbstractEventLoop, task: "asyncio.Task[Any]") -> None:
    # The loop may be closed already; then the task is gone as well.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(task.cancel)
