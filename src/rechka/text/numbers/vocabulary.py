"""How word lists are written in the modules of rules."""

__all__ = ["words_of"]


def words_of(text: str) -> list[str]:
    """Return the words of `text`, which are divided by white space."""
    return text.split()
