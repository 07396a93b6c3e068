"""The thread that an engine lives in."""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeVar

__all__ = ["EngineThread"]

_T = TypeVar("_T")


class EngineThread:
    """Does one piece of work after another, and tells the event loop what came of each.

    The work of most steps is short; an executor's futures would cost more than it does.
    What waits for the thread is bounded by who gives it: one step at a time, and the opening
    and the closing of each stream.

    Threading: all methods are used within one event loop.
    """

    def __init__(self) -> None:
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def do(
        self, work: Callable[[], _T], then: Callable[[_T | None, BaseException | None], None]
    ) -> None:
        """Do something behind what was given before.

        Args:
            work: Runs in the thread.
            then: Called in the event loop, with what the work returned or what it raised;
                a RuntimeError in place of a StopIteration, as of a generator.

        Raises:
            RuntimeError: The thread was closed.
        """
        if self._is_closed:
            raise RuntimeError("the engine's thread has ended")
        loop = asyncio.get_running_loop()

        def act() -> None:
            result: _T | None = None
            failure: BaseException | None = None
            try:
                result = work()
            except StopIteration as error:
                # A future refuses it, and who waits would wait for ever.
                failure = RuntimeError("the engine raised StopIteration")
                failure.__cause__ = error
            except BaseException as error:
                failure = error
            # Without its loop nobody waits any more.
            if not loop.is_closed():
                loop.call_soon_threadsafe(then, result, failure)

        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
            self._thread.start()
        self._work.put(act)

    async def run(self, work: Callable[[], _T]) -> _T:
        """Do something behind what was given before; return, or raise, what came of it.

        Cancellation: the work is done all the same.
        """
        outcome: asyncio.Future[_T] = asyncio.get_running_loop().create_future()

        def tell(result: _T | None, failure: BaseException | None) -> None:
            if outcome.done():
                return
            if failure is not None:
                outcome.set_exception(failure)
            else:
                outcome.set_result(result)  # type: ignore[arg-type]

        self.do(work, tell)
        return await outcome

    def close(self) -> None:
        """Wait until all work is done, and end the thread."""
        self._is_closed = True
        self._work.put(None)
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while (act := self._work.get()) is not None:
            act()
