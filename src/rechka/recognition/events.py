"""The events of one stream, between who makes them and who reads them."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from rechka.errors import RechkaError
from rechka.recognition.port import Finished, Heard

__all__ = ["EventQueue"]

# More settled utterances than this, unread, hold the stream back.
_MOST_FINISHED = 64


class EventQueue:
    """Keeps every `Finished`, and of the observations only the newest.

    Threading: used within one event loop.
    """

    def __init__(self) -> None:
        self._events: deque[Heard | Finished] = deque()
        self._error: RechkaError | None = None
        self._is_closed = False
        self._changed = asyncio.Event()

    @property
    def is_full(self) -> bool:
        """Whether the reader is so far behind that no more should be made."""
        return len(self._events) > _MOST_FINISHED

    @property
    def error(self) -> RechkaError | None:
        """What `fail` was given, None before."""
        return self._error

    def put(self, event: Heard | Finished) -> None:
        """Add an event; it takes the place of an observation that nobody has read."""
        if self._events and isinstance(self._events[-1], Heard):
            self._events.pop()
        self._events.append(event)
        self._changed.set()

    def fail(self, error: RechkaError) -> None:
        """Let the reader meet an error behind what is there already."""
        self._error = self._error or error
        self._changed.set()

    def close(self) -> None:
        """End the events at once."""
        self._is_closed = True
        self._changed.set()

    def take(self) -> Heard | Finished | None:
        """Return the next event, None if there is none; raise the error of `fail` behind them."""
        if self._is_closed:
            return None
        if self._events:
            return self._events.popleft()
        if self._error is not None:
            raise self._error
        return None

    async def read(self) -> AsyncIterator[Heard | Finished]:
        """Yield events until `close`; raise the error of `fail` when it is reached."""
        while not self._is_closed:
            event = self.take()
            if event is not None:
                yield event
            else:
                self._changed.clear()
                await self._changed.wait()
