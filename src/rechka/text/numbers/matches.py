"""What rules read and what they give: words at a place, and words to write."""

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Match", "Part", "kept", "one_word", "word_at"]


class Part(NamedTuple):
    """A word to write.

    Attributes:
        text: Without white space.
        first: Index of its first source word.
        end: Index after its last source word.
    """

    text: str
    first: int
    end: int


class Match(NamedTuple):
    """What a rule found: words up to `end` become `parts`, which cover them in order."""

    end: int
    parts: tuple[Part, ...]


def one_word(text: str, first: int, end: int) -> Match:
    """Return that words [first, end) become one word."""
    return Match(end, (Part(text, first, end),))


def kept(words: Sequence[str], first: int, end: int) -> Match:
    """Return that words [first, end) stay as they are, whatever other rules say."""
    return Match(end, tuple(Part(words[at], at, at + 1) for at in range(first, end)))


def word_at(words: Sequence[str], at: int) -> str:
    """Return a word, "" outside the sentence."""
    return words[at] if 0 <= at < len(words) else ""
