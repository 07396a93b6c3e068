"""How busy the one thread is that serves all clients of a server."""

import time
from collections.abc import Callable, Iterator

from rechka.errors import CapacityError, ErrorCode
from rechka.observability.metrics import Sample
from rechka.ticks import next_tick

__all__ = ["Busy"]

_INTERVAL_S = 0.5
# Beyond it, messages wait for each other, whatever time the workers have left.
_MOST = 0.8
# With so few the thread has time; where it has none, that is of something else.
_FEW = 20


class Busy:
    """The share of time in which the thread computed, of late.

    Args:
        calls: Returns how many calls run.
        timer: Seconds of elapsed time.
        thread_timer: Seconds that the calling thread has computed.

    Threading: all but `share` in the thread that is measured.
    """

    def __init__(
        self,
        calls: Callable[[], int],
        *,
        timer: Callable[[], float] = time.monotonic,
        thread_timer: Callable[[], float] = time.thread_time,
    ) -> None:
        self.share = 0.0
        self._calls = calls
        self._calls_then = 0
        self._timer = timer
        self._thread_timer = thread_timer
        self._since = (timer(), thread_timer())

    def note(self) -> None:
        """Take the share since the last time."""
        before_s, busy_before_s = self._since
        self._since = now_s, busy_s = self._timer(), self._thread_timer()
        if now_s > before_s:
            self.share = (busy_s - busy_before_s) / (now_s - before_s)
            self._calls_then = self._calls()

    async def watch(self) -> None:
        """Take the share again and again, without an end."""
        while True:
            self.note()
            await next_tick(_INTERVAL_S)

    def check(self) -> None:
        """Refuse a session that could not be served in time.

        Calls that came since the share was taken are expected to need as much as the others.

        Raises:
            CapacityError: The thread has no time for it.
        """
        calls = self._calls()
        expected = self.share * max(1.0, calls / max(_FEW, self._calls_then))
        if calls > _FEW and expected > _MOST:
            raise CapacityError(
                ErrorCode.OVERLOADED,
                "The server has as many sessions as it can serve in time; try again later",
                retry_after_s=1.0,
            )

    def samples(self) -> Iterator[Sample]:
        """Yield the value for the metrics."""
        yield Sample(
            "rechka_server_busy", "Share of time in which the server's thread computes.", self.share
        )
