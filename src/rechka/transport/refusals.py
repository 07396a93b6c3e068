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
        self._latest: dict[tuple[str, str], tuple[float, CapacityError]] = {}

    def check(self, spec: RecognitionSpec) -> None:
        """Refuse what was refused a moment ago.

        Raises:
            CapacityError: As then.
        """
        refused_s, error = self._latest.get((spec.language, spec.model), (0.0, None))
        if error is not None and self._clock.time() < refused_s + _MEMORY_S:
            raise error

    def note(self, spec: RecognitionSpec, error: CapacityError) -> None:
        """Take note that there is no room for a model that is served."""
        self._latest[spec.language, spec.model] = (self._clock.time(), error)

    def forget(self) -> None:
        """Take note that a session has ended: there may be room now."""
        self._latest.clear()
