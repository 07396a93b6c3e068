"""What the punctuation models see of a word; shared by training and use."""

import zlib
from functools import lru_cache
from typing import Final

__all__ = ["RIGHT_CONTEXT_WORDS", "TABLE_SIZES", "word_features"]

TABLE_SIZES: Final = (1 << 16, 1 << 13, 1 << 11)
"""Rows of the embedding tables: whole words, endings of four and of two letters."""

RIGHT_CONTEXT_WORDS: Final = 4
"""Words to the right that a model's decision on a word can depend on."""


@lru_cache(maxsize=1 << 15)
def word_features(word: str) -> tuple[int, int, int]:
    """Return the rows of a word in the three tables.

    Args:
        word: One word in lower case without marks. All words with a digit look
            the same, so that a number that grows changes no decision about it.
    """
    if any(character.isdigit() for character in word):
        word = "0"
    whole = zlib.crc32(word.encode()) % TABLE_SIZES[0]
    four = zlib.crc32(b"4" + word[-4:].encode()) % TABLE_SIZES[1]
    two = zlib.crc32(b"2" + word[-2:].encode()) % TABLE_SIZES[2]
    return whole, four, two
