"""How fast audio leaves its source."""

import asyncio
import time
from enum import StrEnum
from typing import Protocol

__all__ = ["Pace", "Pacer", "RealTimePacer"]


class Pace(StrEnum):
    """Speed of a source that has its audio at hand."""

    FAST = "fast"
    """As fast as the server takes it."""
    REALTIME = "realtime"
    """As it would come from a microphone."""


class Pacer(Protocol):
    """Holds audio back until it is its time."""

    async def wait_until(self, position_ms: float) -> None:
        """Return when audio that ends at this position may be handed out."""
        ...


class RealTimePacer:
    """Hands out audio when it would have been spoken; late audio goes at once.

    The first call starts the clock.
    """

    def __init__(self) -> None:
        self._start_s: float | None = None

    async def wait_until(self, position_ms: float) -> None:
        """Return when audio that ends at this position would have been spoken."""
        now_s = time.monotonic()
        if self._start_s is None:
            self._start_s = now_s
        await asyncio.sleep(max(0.0, self._start_s + position_ms / 1000 - now_s))
