"""Notices that an engine's thread does not come back from what it does."""

import asyncio
from collections.abc import Callable

__all__ = ["HangWatch"]

# A step takes 0.1 s at most where it can be helped, and the end of a long utterance some
# seconds on a busy machine. Whoever waits for longer than 30 s has hung up.
_LOOK_S = 5.0
_MOST_LOOKS = 6


class HangWatch:
    """A bound on each piece of work of a thread that does one after another.

    To set a timer for each costs more than most of them do. One timer looks now and then,
    while there is work, whether the same piece is still being done. Looks are counted rather
    than seconds: a process that stood still as a whole has missed them, and its thread has
    done nothing wrong.

    Args:
        on_hang: Called in the event loop when a piece of work was met by so many looks;
            nothing is watched afterwards.

    Threading: all methods are used within one event loop.
    """

    def __init__(self, on_hang: Callable[[], None]) -> None:
        self._on_hang = on_hang
        self._has_timer = False
        self._given = self._done = 0
        # The piece that the last look met, by its number, and how many looks have met it.
        self._met = -1
        self._looks = 0

    def begin(self) -> None:
        """Note that the thread was given one more piece of work."""
        self._given += 1
        if not self._has_timer:
            self._set_timer()

    def end(self) -> None:
        """Note that it has done one."""
        self._done += 1

    def _set_timer(self) -> None:
        self._has_timer = True
        asyncio.get_running_loop().call_later(_LOOK_S, self._look)

    def _look(self) -> None:
        self._has_timer = False
        if self._given == self._done:
            return
        if self._met != self._done:
            # How long it has been done already is not known: the looks after this one count.
            self._met, self._looks = self._done, 0
        elif (looks := self._looks + 1) < _MOST_LOOKS:
            self._looks = looks
        else:
            self._on_hang()
            return
        self._set_timer()
