"""Remembers for a moment that there was no room, so that asking again costs little."""

from rechka.errors import CapacityError
from rechka.session.clock import Clock
from rechka.spec import RecognitionSpec

__all__ = ["Refusals"]

# Shorter than anybody notices, far longer than a refusal takes.
_MEMORY_S = 0.5


class Refusals:
    """Refusals of the recognizer for want of room, by what was asked for.

    Who is refused calls again, many at once where many are refused. To find out that there
    is no room a place is taken in the folder's quota, every worker is asked, and the place
    given back: time that those inside would miss.

    Args:
        clock: Time of the sessions.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # By language and model; what is old is dropped with the next one that is noted.
        self._latest: dict[tuple[str, str], tuple[float, CapacityError]] = {}

    def check(self, spec: RecognitionSpec) -> None:
        """Refuse what was refused a moment ago.

        Raises:
            CapacityError: As then.
        """
        until_s, error = self._latest.get((spec.language, spec.model), (0.0, None))
        if error is not None and self._clock.time() < until_s:
            # One of its own: an error that is raised again keeps all places where it was.
            raise CapacityError(error.code, error.message, retry_after_s=error.retry_after_s)

    def note(self, spec: RecognitionSpec, error: CapacityError) -> None:
        """Take note that there is no room for a model that is served."""
        now_s = self._clock.time()
        self._latest = {key: item for key, item in self._latest.items() if now_s < item[0]}
        self._latest[spec.language, spec.model] = (now_s + _MEMORY_S, error)

    def forget(self) -> None:
        """Take note that a session has ended: there may be room now."""
        self._latest.clear()
