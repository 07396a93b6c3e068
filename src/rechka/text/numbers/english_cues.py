"""Words that give the numbers after or before them a form of their own in English."""

from typing import Final

from rechka.text.numbers.vocabulary import words_of

__all__ = ["CODE_WORDS", "COUNTED", "DECADE_WORDS", "PRICE_ENDS", "PRICE_WORDS"]

CODE_WORDS: Final = frozenset(words_of("code pin password passcode zip otp"))
"""Words soon after which numbers are the groups of a code."""

PRICE_WORDS: Final = frozenset(words_of("cost costs paid price"))
"""Words after which "two fifty" is an amount of money."""

PRICE_ENDS: Final = frozenset({"", "each", "and", "for", "at", "plus", "with"})
"""Words before which two numbers are dollars and cents; "" is the end."""

DECADE_WORDS: Final = frozenset(words_of("the my his her their your our its early mid late mid-"))
"""Words after which "eighties" are years or an age."""

COUNTED: Final = frozenset(
    words_of(
        "minutes hours days weeks months years seconds people times dollars miles pages students"
        " feet inches pounds degrees percent meters kilometers"
    )
)
"""Plurals after which two numbers are a range."""
