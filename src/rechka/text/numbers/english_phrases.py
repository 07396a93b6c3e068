"""English numbers that the words around them give a form of their own."""

from collections.abc import Sequence
from typing import Final

from rechka.text.numbers.composing import Number, parse_run
from rechka.text.numbers.digits import coded_digits, spoken_digits
from rechka.text.numbers.english_cues import (
    CODE_WORDS,
    COUNTED,
    DECADE_WORDS,
    PRICE_ENDS,
    PRICE_WORDS,
)
from rechka.text.numbers.english_reading import cardinal_at, digit_at
from rechka.text.numbers.english_words import analyze, analyze_decade
from rechka.text.numbers.matches import Match, Part, kept, one_word, word_at

__all__ = ["PHRASES"]


def _past_the_hour(words: Sequence[str], at: int) -> Match | None:
    """Ten past three, it is twenty to six: stays words, as people write it."""
    minutes = cardinal_at(words, at)
    if not minutes or minutes.value not in {5, 10, 15, 20, 25}:
        return None
    joint = minutes.end + (word_at(words, minutes.end) == "minutes")
    hour = cardinal_at(words, joint + 1)
    is_clock = word_at(words, at - 1) in {"is", "it's", "at"} and word_at(words, joint) == "to"
    if not hour or not hour.is_one_word or not 1 <= hour.value <= 12:
        return None
    return kept(words, at, hour.end) if is_clock or word_at(words, joint) == "past" else None


def _code(words: Sequence[str], at: int) -> Match | None:
    """Code twelve thirty four, PIN two oh five one."""
    if not any(word_at(words, at - back) in CODE_WORDS for back in (1, 2)):
        return None
    run = parse_run(words, at, digit_at, most=None)
    digits = coded_digits(run)
    return one_word(digits, at, run[-1].end) if digits else None


def _toll_free(words: Sequence[str], at: int) -> Match | None:
    """One eight hundred five five five twelve thirty four."""
    begin = at + (words[at] == "one")
    area = cardinal_at(words[begin : begin + 2], 0)
    if not area or area.end != 2 or not 200 <= area.value <= 900 or area.value % 100:
        return None
    run = parse_run(words, begin + 2, digit_at)
    digits = spoken_digits(run)
    if len(run) < 3 or len(digits) != 7:
        return None
    text = f"{area.value}-{digits[:3]}-{digits[3:]}"
    if begin > at:
        text = f"1({area.value}){digits[:3]}-{digits[3:5]}-{digits[5:]}"
    return one_word(text, at, run[-1].end)


def _decade(words: Sequence[str], at: int) -> Match | None:
    """The eighties, nineteen nineties."""
    decade = analyze_decade(word_at(words, at))
    if decade:
        is_said = word_at(words, at - 1) in DECADE_WORDS
        return one_word(f"{decade}s", at, at + 1) if is_said else None
    century = analyze(words[at])
    decade = analyze_decade(word_at(words, at + 1))
    if not century or not decade or century.is_ordinal or len(century.atoms) > 1:
        return None
    value = century.atoms[0].value
    return one_word(f"{value * 100 + decade}s", at, at + 2) if 11 <= value <= 20 else None


def _all_week(words: Sequence[str], at: int) -> Match | None:
    """Twenty four seven."""
    end = at + (2 if "-" in words[at] else 3)
    if " ".join(words[at:end]).replace("-", " ") != "twenty four seven":
        return None
    goes_on = (at and analyze(words[at - 1])) or analyze(word_at(words, end))
    return None if goes_on else one_word("24/7", at, end)


def _range(words: Sequence[str], at: int) -> Match | None:
    """Two three days, ten fifteen minutes."""
    run = parse_run(words, at, cardinal_at, most=3)
    if len(run) != 2 or word_at(words, run[1].end) not in COUNTED:
        return None
    low, high = run[0].value, run[1].value
    is_next = 1 < low < 10 and high == low + 1
    is_about = 0 < low < 100 and low % 5 == 0 and high in {low + 5, low + 10}
    return one_word(f"{low}-{high}", at, run[1].end) if is_next or is_about else None


def _seconds(words: Sequence[str], at: int) -> Match | None:
    """A thirty second delay: no ordinal."""
    if word_at(words, at - 1) not in {"a", "every", "another"} or len(words) <= at + 2:
        return None
    number: Number | None = cardinal_at(words[at : at + 1], 0)
    is_second = number and words[at + 1] == "second" and number.value in range(20, 100)
    return Match(at + 1, (Part(str(number.value), at, at + 1),)) if number and is_second else None


def _point(words: Sequence[str], at: int) -> Match | None:
    """Point five percent."""
    if words[at] != "point" or word_at(words, at - 1) in {"a", "the", "this", "that", "one"}:
        return None
    run = parse_run(words, at + 1, digit_at, most=None)
    digits = spoken_digits(run)
    if not run or any(number.value > 9 for number in run):
        return None
    end = run[-1].end
    return one_word(f"0.{digits}%", at, end + 1) if word_at(words, end) == "percent" else None


def _price(words: Sequence[str], at: int) -> Match | None:
    """It costs nineteen ninety nine; a dollar fifty."""
    is_dollar = list(words[at : at + 2]) == ["a", "dollar"]
    run = parse_run(words, at + 2 if is_dollar else at, cardinal_at, most=3)
    if is_dollar:
        is_cents = len(run) == 1 and 10 <= run[0].value < 100
        return one_word(f"$1.{run[0].value}", at, run[0].end) if is_cents else None
    if len(run) != 2 or word_at(words, at - 1) not in PRICE_WORDS:
        return None
    whole, cents = run
    is_price = whole.value < 1000 and 10 <= cents.value < 100
    is_said = word_at(words, cents.end) in PRICE_ENDS
    return one_word(f"{whole.value}.{cents.value}", at, cents.end) if is_price and is_said else None


PHRASES: Final = (
    _price, _past_the_hour, _toll_free, _code, _decade, _all_week, _range, _seconds, _point
)  # fmt: skip
"""Rules of phrases, in the order in which they are tried."""
