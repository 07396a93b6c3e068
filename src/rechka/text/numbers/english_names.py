"""English pairs of numbers that are no times: house numbers, a date and a shop."""

from collections.abc import Sequence
from typing import Final

from rechka.text.numbers.composing import parse_run
from rechka.text.numbers.english_context import AFTER_TIMES, LABELS, TIME_PREPOSITIONS
from rechka.text.numbers.english_reading import cardinal_at, is_alone
from rechka.text.numbers.english_words import analyze
from rechka.text.numbers.matches import Match, one_word, word_at
from rechka.text.numbers.vocabulary import words_of

__all__ = ["is_house_number", "name_of_pair", "open_house_number"]

_STREETS: Final = frozenset(words_of("street avenue road drive lane boulevard court place highway"))
_STREET_WORDS: Final = 4
"""How soon after a house number the street is named: "elm street", "west forty second street"."""

_NO_STREET: Final = AFTER_TIMES | TIME_PREPOSITIONS | {"near", "outside", "off", "down", "along"}
"""Words that begin no name of a street."""

_NAMES: Final = {"nine eleven": "9/11", "seven eleven": "7-Eleven"}
_NO_NAMES: Final = LABELS | {"at", "by", "until", "till", "is", "it's"}


def is_house_number(words: Sequence[str], end: int) -> bool:
    """Whether a street is named after the numbers that end before index `end`."""
    for word in words[end : end + _STREET_WORDS]:
        if word in _NO_STREET:
            return False
        if word in _STREETS:
            return True
    return False


def open_house_number(words: Sequence[str]) -> int:
    """Return where two numbers begin of which the next words tell time from address.

    That is the length of the sentence if there are none.
    """
    for at in range(max(1, len(words) - 9), len(words)):
        if words[at - 1] not in TIME_PREPOSITIONS:
            continue
        run = parse_run(words, at, cardinal_at, most=3)
        following = words[run[-1].end :] if len(run) == 2 else ()
        is_told = any(word in _NO_STREET for word in following)
        if 0 < len(following) < _STREET_WORDS and not is_told:
            return at
    return len(words)


def name_of_pair(words: Sequence[str], at: int) -> Match | None:
    """Nine eleven, seven eleven: a day and a shop, where no time or label is said."""
    end = at + 2
    name = _NAMES.get(" ".join(words[at:end]))
    before, following = word_at(words, at - 1), word_at(words, end)
    if not name or is_alone(words, at, end) or before in _NO_NAMES or analyze(before):
        return None
    if analyze(following) or following in {
        "a",
        "p",
        "am",
        "pm",
        "a.m.",
        "p.m.",
        "point",
        "percent",
    }:
        return None
    return one_word(name, at, end)
