"""How values are written for a person: nothing in them reaches the terminal as a command."""

from datetime import UTC, datetime

__all__ = ["plain_text", "time_text"]


def plain_text(value: object) -> str:
    """Return a value on one line; what a terminal would not print is escaped.

    Names, and what clients sent, may hold line ends and escape sequences.
    """
    if value is None or value == "":
        return "-"
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in str(value)
    )


def time_text(at_s: float) -> str:
    """Return a time as in "2026-01-31T12:00:00Z"."""
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
