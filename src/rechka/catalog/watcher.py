"""Who is told how far the work is."""

from typing import Protocol

__all__ = ["SilentWatcher", "Watcher"]


class Watcher(Protocol):
    """Hears of the progress of one command, in the command's own thread."""

    def note(self, text: str) -> None:
        """Hear one line for a person."""
        ...

    def progress(self, step: str, done: int, total: int | None) -> None:
        """Hear how far a step is.

        Args:
            step: "download", "check" or "unpack".
            done: Bytes.
            total: Bytes; None: not known.
        """
        ...


class SilentWatcher:
    """Tells nobody."""

    def note(self, text: str) -> None:
        """Do nothing."""

    def progress(self, step: str, done: int, total: int | None) -> None:
        """Do nothing."""
