"""The text of a whole stream, put together from its finals."""

from collections.abc import Iterable

from rechka.results import Final, Result

__all__ = ["join_finals"]


def join_finals(results: Iterable[Result]) -> str:
    """Return the best readings of all finals, in order, with spaces between.

    A final carries the text of its own utterance only, and the one at the end of a
    stream may have none: whoever takes the last final for the whole text gets an
    empty one. Partials are passed over.
    """
    texts = (item.text for item in results if isinstance(item, Final))
    return " ".join(text for text in texts if text)
