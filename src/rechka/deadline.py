"""Bounds on waits that cost no more than the waits themselves."""

import asyncio
import math
import time
from collections.abc import Awaitable
from typing import Self, TypeVar

__all__ = ["TaskDeadline"]

_T = TypeVar("_T")


class TaskDeadline:
    """A bound on each of many waits of the running task, within the context.

    Its one timer runs on from wait to wait. Most waits are far shorter than their bound, and
    to set a timer for each costs more than they do. When this one goes off it looks whether
    the present wait is over its time, and is set anew for when it would be.

    Times are seconds of `time.monotonic`, which event loops go by.

    Threading: used by one task.
    """

    def __init__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline is for the waits of a task")
        self._loop = asyncio.get_running_loop()
        self._task = task
        self._timer: asyncio.TimerHandle | None = None
        self._timer_s = math.inf
        # Until when the present wait may last; nothing is waited for without end.
        self._until_s = math.inf
        self._is_over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        # The task may hold an error, whose traceback holds this: no more than garbage then.
        del self._task

    async def wait(self, waited: Awaitable[_T], *, until_s: float = math.inf) -> _T:
        """Return what is waited for.

        Raises:
            TimeoutError: It has not come until then.
        """
        self._until_s = until_s
        if until_s < self._timer_s:
            self._set_timer()
        cancelled = self._task.cancelling()
        try:
            return await waited
        except asyncio.CancelledError:
            # Who else has cancelled the task meanwhile takes precedence.
            if self._is_over and self._task.cancelling() <= cancelled + 1:
                raise TimeoutError from None
            raise
        finally:
            self._until_s = math.inf
            if self._is_over:
                self._is_over = False
                self._task.uncancel()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_s = self._until_s
        self._timer = self._loop.call_at(self._timer_s, self._look)

    def _look(self) -> None:
        self._timer, self._timer_s = None, math.inf
        if self._until_s == math.inf:
            return
        if self._until_s > time.monotonic():
            self._set_timer()
        else:
            self._is_over = True
            self._task.cancel()
