"""Refusals for want of room: remembered for a moment, and told to come again later."""

import math

from rechka.errors import CapacityError
from rechka.session.clock import Clock
from rechka.spec import RecognitionSpec

__all__ = ["Refusals"]

# Shorter than anybody notices, far longer than a refusal takes.
_MEMORY_S = 0.5
# The rate of refusals is that of the last seconds. Above this many a second each waits
# longer before it comes again, in proportion.
_RATE_MEMORY_S = 5.0
_BEARABLE_RATE = 5.0
_SHORTEST_WAIT_S, _LONGEST_WAIT_S = 1.0, 10.0


class Refusals:
    """What was refused of late, by what was asked for.

    Who is refused calls again, many at once where many are refused, and every refusal takes
    time that those inside would miss. So it is kept cheap: to find out that there is no room
    a place is taken in the folder's quota, every worker is asked, and the place given back;
    for a moment that need not be found out again. And it is kept rare: the more are refused,
    the longer they are told to wait.

    Args:
        clock: Time of the sessions.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # By language and model; what is old is dropped with the next one that is noted.
        self._latest: dict[tuple[str, str], tuple[float, CapacityError]] = {}
        self._count = 0.0
        self._counted_s = -math.inf

    def check(self, spec: RecognitionSpec) -> None:
        """Refuse what was refused a moment ago.

        Raises:
            CapacityError: As then.
        """
        until_s, error = self._latest.get((spec.language, spec.model), (0.0, None))
        if error is not None and self._clock.time() < until_s:
            raise self._refusal(error)

    def note(self, spec: RecognitionSpec, error: CapacityError) -> CapacityError:
        """Take note that there is no room for a model that is served.

        Returns:
            What the client is told: the same, and when to come again.
        """
        now_s = self._clock.time()
        self._latest = {key: item for key, item in self._latest.items() if now_s < item[0]}
        self._latest[spec.language, spec.model] = (now_s + _MEMORY_S, error)
        return self._refusal(error)

    def forget(self) -> None:
        """Take note that a session has ended: there may be room now."""
        self._latest.clear()

    def _refusal(self, error: CapacityError) -> CapacityError:
        """Count a refusal; return its error."""
        now_s = self._clock.time()
        self._count = self._count * math.exp((self._counted_s - now_s) / _RATE_MEMORY_S) + 1
        self._counted_s = now_s
        times = max(1.0, self._count / _RATE_MEMORY_S / _BEARABLE_RATE)
        wait_s = min(_LONGEST_WAIT_S, (error.retry_after_s or _SHORTEST_WAIT_S) * times)
        # One of its own: an error that is raised again keeps all places where it was.
        return CapacityError(error.code, error.message, retry_after_s=wait_s)
