"""Work with a database that its caller's end does not cut short."""

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

__all__ = ["uninterrupted"]

_Store = TypeVar("_Store")


def uninterrupted(store: type[_Store]) -> type[_Store]:
    """Make each public coroutine method of a class end before its caller is canceled.

    A statement that is cut off in the middle takes its connection along. SQLite
    then stays locked by a transaction that nobody ends until the connection is
    found to be garbage: a client that hangs up would stop everybody's sessions.
    """
    for name, method in inspect.getmembers(store, inspect.iscoroutinefunction):
        if not name.startswith("_"):
            setattr(store, name, _whole(method))
    return store


def _whole(method: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(method)
    async def whole(*arguments: Any, **options: Any) -> Any:
        work = asyncio.create_task(method(*arguments, **options))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            while not work.done():
                try:
                    await asyncio.wait({work})
                except asyncio.CancelledError:
                    # However often it is asked: the work has a time limit of its own.
                    continue
            if not work.cancelled():
                # Taken note of; the caller has no use for it any more.
                work.exception()
            raise

    return whole
