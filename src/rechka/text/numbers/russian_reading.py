"""How Russian rules read words: numbers at a place, and what stands around them."""

from collections.abc import Sequence
from typing import Final

from rechka.text.numbers.composing import Analysis, Number, parse_number, parse_run
from rechka.text.numbers.russian_words import analyze
from rechka.text.numbers.sentence import read_once

__all__ = ["cardinal_at", "fraction_run", "is_alone", "number_at"]

_NOT_ALONE: Final = frozenset({"тысячи", "тысяч", "тысячам", "тысячами", "тысячах", "тысячей"})


def number_at(words: Sequence[str], at: int) -> Number | None:
    """Return the number that begins at a word, of either kind."""
    return read_once(words, at, _number)


def _number(words: Sequence[str], at: int) -> Number | None:
    if at >= len(words):
        return None
    number = parse_number(words, at, analyze)
    analysis = analyze(words[at])
    if not number or not analysis or number.is_ordinal:
        return number
    if analysis.atoms[0].kind == "scale":
        is_thousand = analysis.atoms[0].value == 1000 and words[at] not in _NOT_ALONE
        # "Миллион" and "тысячи" alone are nouns, "тысяча двести" is a number.
        if not is_thousand and (number.is_one_word or words[at] in _NOT_ALONE):
            return None
    return number


def cardinal_at(words: Sequence[str], at: int) -> Number | None:
    """Return the cardinal that begins at a word."""
    number = number_at(words, at)
    return number if number and not number.is_ordinal else None


def is_alone(words: Sequence[str], number: Number) -> bool:
    """Whether nothing but the number is said."""
    return number.first == 0 and number.end == len(words)


def fraction_run(words: Sequence[str], at: int) -> list[Number]:
    """Return the numbers after a decimal sign; "миллион" is no part of them."""
    return parse_run(
        words, at, lambda words, at: parse_number(words, at, _below_thousand), most=None
    )


def _below_thousand(word: str) -> Analysis | None:
    analysis = analyze(word)
    return None if analysis and analysis.atoms[0].kind == "scale" else analysis
