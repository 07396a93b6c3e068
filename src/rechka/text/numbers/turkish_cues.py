"""Words that give the numbers after or before them a form of their own in Turkish."""

from typing import Final

from rechka.text.numbers.vocabulary import words_of

__all__ = ["APPROXIMATE", "CODE_WORDS", "DAY_NOUNS", "SCORE_AFTER", "SCORE_BEFORE"]

CODE_WORDS: Final = ("kod", "şifre", "parola", "pin")
"""Beginnings of words soon after which numbers are the groups of a code."""

SCORE_BEFORE: Final = frozenset(words_of("skor skoru skorla maç maçı maçta"))
"""Words after which two numbers are the score of a match."""

SCORE_AFTER: Final = ("bitti", "kazand", "yend", "kaybett", "berabere", "yenil", "galip", "mağlup")
"""Beginnings of words before which two numbers are the score of a match."""

DAY_NOUNS: Final = ("günü", "tarih", "işçi", "bayram", "şakası", "gecesi", "sabahı", "akşamı")
"""Beginnings of nouns that make "bir mayıs" before them a date."""

APPROXIMATE: Final = frozenset(
    (low, high) for low in range(10, 100, 5) for high in (low + 5, low + 10)
)
"""Two numbers that are about so many: ten to fifteen."""
