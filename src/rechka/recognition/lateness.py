"""How often streams had to wait too long for the engine, of late."""

import math

__all__ = ["Lateness"]

# Older turns count less and less: to a third after so many seconds.
_MEMORY_S = 3.0
# Who waits longer than the most audio of one turn falls behind.
_LATE_S = 0.2
_MOST_LATE = 0.05


class Lateness:
    """Counts turns, and those that came late.

    Threading: used by one thread.
    """

    def __init__(self) -> None:
        self._turns = self._late = 0.0
        self._noted_s = -math.inf

    def note(self, *, waited_s: float, now_s: float) -> None:
        """Take note of a turn: how long it was until its stream was done, and when."""
        kept = math.exp((self._noted_s - now_s) / _MEMORY_S)
        self._noted_s = now_s
        self._turns = self._turns * kept + 1
        self._late = self._late * kept + (waited_s > _LATE_S)

    def is_high(self, *, now_s: float) -> bool:
        """Return whether more than one turn in twenty was late, not long ago."""
        is_recent = now_s - self._noted_s < _MEMORY_S
        return is_recent and self._late > _MOST_LATE * self._turns
