"""How English rules read words: numbers at a place, and what stands around them."""

from collections.abc import Sequence

from rechka.text.numbers.composing import Analysis, Number, parse_number, parse_run
from rechka.text.numbers.english_words import OH, SCALES, analyze
from rechka.text.numbers.matches import word_at
from rechka.text.numbers.sentence import read_once

__all__ = ["cardinal_at", "digit_at", "fraction_run", "is_alone", "number_at"]


def number_at(words: Sequence[str], at: int) -> Number | None:
    """Return the number that begins at a word, of either kind."""
    return read_once(words, at, _number)


def _number(words: Sequence[str], at: int) -> Number | None:
    if word_at(words, at) == "a" and word_at(words, at + 1) in SCALES:
        number = parse_number(words, at + 1, analyze, connector="and")
        return number._replace(first=at) if number else None
    number = parse_number(words, at, analyze, connector="and") if at < len(words) else None
    # "Hundred" alone is a noun; "a hundred" and "two hundred" are numbers.
    return None if number and words[at] in SCALES and number.is_one_word else number


def cardinal_at(words: Sequence[str], at: int) -> Number | None:
    """Return the cardinal that begins at a word."""
    number = number_at(words, at)
    return number if number and not number.is_ordinal else None


def digit_at(words: Sequence[str], at: int) -> Number | None:
    """Return a cardinal, with "oh" for zero."""
    if word_at(words, at) in OH:
        return Number(0, at, at + 1)
    return cardinal_at(words, at)


def is_alone(words: Sequence[str], first: int, end: int) -> bool:
    """Whether nothing but words [first, end) is said."""
    return first == 0 and end == len(words)


def fraction_run(words: Sequence[str], at: int) -> list[Number]:
    """Return the numbers after a decimal sign; "million" is no part of them."""

    def small(words: Sequence[str], at: int) -> Number | None:
        if word_at(words, at) in OH:
            return Number(0, at, at + 1)
        return parse_number(words, at, _below_hundred)

    return parse_run(words, at, small, most=None)


def _below_hundred(word: str) -> Analysis | None:
    analysis = analyze(word)
    is_large = analysis and analysis.atoms[0].kind in {"scale", "times_hundred"}
    return None if is_large else analysis
