"""What a worker says of how it is doing."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rechka.recognition.port import Recognizer

__all__ = ["MeasuredRecognizer", "Measures", "resident_bytes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What a worker has done since it started, and what it holds.

    Attributes:
        streams: Open now.
        waiting: Of these, how many have audio that the engine has not begun with.
        load: Share of the engine's time that its streams need at the speed of speech;
            above 1 they fall behind.
        busy_s: Time that the engine decoded.
        decoded_s: Audio that it decoded in this time.
        steps: How often it decoded.
        batched: Streams of all steps together; over `steps`, the mean batch size.
        resident_bytes: Memory of the process; 0 where the system does not tell.
    """

    streams: int
    waiting: int
    load: float
    busy_s: float
    decoded_s: float
    steps: int
    batched: int
    resident_bytes: int


class MeasuredRecognizer(Recognizer, Protocol):
    """A recognizer that can say how it is doing."""

    async def measure(self) -> Measures:
        """Return what was done so far and what is held.

        Raises:
            UnavailableError: It cannot be reached.
        """
        ...


def resident_bytes() -> int:
    """Return the memory of this process, 0 where the system does not tell."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
