"""Blocking iterators, read without holding up the event loop."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, Iterable
from typing import TypeVar

__all__ = ["iterate_in_thread"]

_T = TypeVar("_T")


async def iterate_in_thread(items: Iterable[_T]) -> AsyncGenerator[_T, None]:
    """Yield what a blocking iterable gives, one item ahead of the reader.

    Cancellation: safe; the thread ends with the item that it is waiting for. It is
    a daemon, because nothing can wake a thread that waits for a silent pipe, and a
    program that was told to stop must not wait for it.

    Threading: `items` is used by one other thread only.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[tuple[_T] | BaseException | None] = asyncio.Queue()
    # One item at a time: the thread goes on when the last one was taken.
    room = threading.Semaphore(1)
    is_stopped = threading.Event()

    def put(item: tuple[_T] | BaseException | None) -> None:
        # The loop may be closed when a thread that nobody waits for comes back.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(queue.put_nowait, item)

    def work() -> None:
        try:
            for item in items:
                room.acquire()
                if is_stopped.is_set():
                    return
                put((item,))
            put(None)
        except BaseException as error:
            put(error)

    threading.Thread(target=work, name="rechka-source", daemon=True).start()
    try:
        while (got := await queue.get()) is not None:
            if isinstance(got, BaseException):
                raise got
            room.release()
            yield got[0]
    finally:
        is_stopped.set()
        room.release()
