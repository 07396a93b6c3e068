"""How Turkish rules read words: numbers at a place, and what stands around them."""

from collections.abc import Sequence

from rechka.text.numbers.composing import Analysis, Number, parse_number, parse_run
from rechka.text.numbers.sentence import read_once
from rechka.text.numbers.turkish_words import analyze

__all__ = ["cardinal_at", "fraction_run", "is_alone", "number_at"]


def number_at(words: Sequence[str], at: int) -> Number | None:
    """Return the number that begins at a word, of either kind."""
    return read_once(words, at, _number)


def _number(words: Sequence[str], at: int) -> Number | None:
    return parse_number(words, at, analyze) if at < len(words) else None


def cardinal_at(words: Sequence[str], at: int) -> Number | None:
    """Return the cardinal that begins at a word."""
    number = number_at(words, at)
    return number if number and not number.is_ordinal else None


def is_alone(words: Sequence[str], first: int, end: int) -> bool:
    """Whether nothing but words [first, end) is said."""
    return first == 0 and end == len(words)


def fraction_run(words: Sequence[str], at: int) -> list[Number]:
    """Return the numbers after a decimal sign; "milyon" is no part of them."""
    return parse_run(
        words, at, lambda words, at: parse_number(words, at, _below_thousand), most=None
    )


def _below_thousand(word: str) -> Analysis | None:
    analysis = analyze(word)
    return None if analysis and analysis.atoms[0].kind == "scale" else analysis
