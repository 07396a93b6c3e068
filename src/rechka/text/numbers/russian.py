"""Rules of Russian numbers; docs/text.md has them as a table."""

from collections.abc import Sequence
from typing import Final

from rechka.text.numbers.composing import Number, parse_number, parse_run
from rechka.text.numbers.digits import fraction_digits, joined_digits, spoken_digits
from rechka.text.numbers.engine import Normalizer
from rechka.text.numbers.matches import Match, Part, kept, one_word, word_at
from rechka.text.numbers.russian_context import (
    GENITIVE_PREPOSITIONS,
    IDIOMS,
    LABELS,
    ORDINAL_NOUNS,
    TIME_PREPOSITIONS,
)
from rechka.text.numbers.russian_cues import COUNTED_AFTER_FORTY, COUNTED_BEFORE, TIME_WORDS
from rechka.text.numbers.russian_phrases import PHRASES
from rechka.text.numbers.russian_reading import (
    cardinal_at,
    fraction_run,
    is_alone,
    number_at,
)
from rechka.text.numbers.russian_units import CURRENCIES, FRACTION_PLACES, MONTHS, UNIT_PAIRS, UNITS
from rechka.text.numbers.russian_words import analyze, plain
from rechka.text.numbers.vocabulary import words_of

__all__ = ["RUSSIAN"]

_JOINTS: Final = frozenset({"целых", "целая", "целой", "запятая", "точка", "половиной"})
_GOES_ON: Final = frozenset(
    words_of(
        "с час часа часов четверти трети километров километра метров метра в градусов градуса"
        " и по до на дробь"
    )
)
"""Words after a number that may be followed by more of it."""


def _signed(words: Sequence[str], at: int) -> Match | None:
    """Минус двадцать градусов, плюс семь девятьсот."""
    word = word_at(words, at)
    if word not in {"минус", "плюс"}:
        return None
    phone = _phone(words, at + 1)
    if phone and word == "плюс":
        return one_word("+" + phone.parts[0].text, at, phone.end)
    number = cardinal_at(words, at + 1)
    if not number or (at and analyze(words[at - 1])):
        return None
    is_end = number.end == len(words)
    is_weather = word_at(words, at - 1).startswith(_WEATHER) and is_end
    is_degrees = word_at(words, number.end).startswith("градус")
    if word == "плюс" and not (is_degrees or is_weather):
        return None
    match = _quantity(words, at + 1)
    if not match:
        return None
    first = match.parts[0]
    sign = "-" if word == "минус" else "+"
    return Match(match.end, (Part(sign + first.text, at, first.end), *match.parts[1:]))


_WEATHER: Final = ("температур", "улиц", "воздух", "завтра", "сегодня", "днем", "ночью", "утром")
"""Beginnings of words after which "плюс двадцать" is a temperature."""


def _phone(words: Sequence[str], at: int) -> Match | None:
    country = cardinal_at(words, at)
    if not country or str(country.value)[0] not in "78":
        return None
    run = _with_inner_zeros(parse_run(words, at, cardinal_at)[:_PHONE_DIGITS])
    digits = ""
    for count, number in enumerate(run, start=1):
        digits += spoken_digits([number])
        if len(digits) == _PHONE_DIGITS and count >= 4:
            text = f"{digits[0]}({digits[1:4]}){digits[4:7]}-{digits[7:9]}-{digits[9:]}"
            return one_word(text, at, number.end)
        if len(digits) >= _PHONE_DIGITS:
            return None
    return None


_PHONE_DIGITS: Final = 11
"""Digits of a telephone number, so also the most numbers that it is said in."""


def _with_inner_zeros(run: Sequence[Number]) -> list[Number]:
    """Return the run with hundreds, a zero and a unit as one number: 900 0 3 is 903."""
    joined: list[Number] = []
    at = 0
    while at < len(run):
        number, after = run[at], run[at + 1 : at + 3]
        is_open = 100 <= number.value < 1000 and number.value % 100 == 0 and len(after) == 2
        if is_open and after[0].value == 0 and 0 < after[1].value < 10:
            joined.append(Number(number.value + after[1].value, number.first, after[1].end))
            at += 3
        else:
            joined.append(number)
            at += 1
    return joined


def _time(words: Sequence[str], at: int) -> Match | None:
    """В пятнадцать тридцать; в два часа пять минут."""
    hour = cardinal_at(words, at)
    if not hour or hour.value > 23 or hour.end >= len(words):
        return None
    has_preposition = word_at(words, at - 1) in TIME_PREPOSITIONS
    has_hours = word_at(words, hour.end).startswith("час")
    if has_hours:
        minute = cardinal_at(words, hour.end + 1)
        has_minutes = minute and word_at(words, minute.end).startswith("минут")
        if minute and has_minutes and minute.value < 60 and (has_preposition or hour.value >= 13):
            return one_word(f"{hour.value}:{minute.value:02}", at, minute.end + 1)
        return None
    run = parse_run(words, at, cardinal_at, most=4)
    if word_at(words, at - 1) not in TIME_WORDS or _is_measured(words, run[-1].end):
        return None
    if len(run) == 2 and 10 <= run[1].value <= 59:
        return one_word(f"{hour.value}:{run[1].value}", at, run[1].end)
    if len(run) == 3 and run[1].value == 0 and run[2].value < 10:
        return one_word(f"{hour.value}:0{run[2].value}", at, run[2].end)
    return None


def _is_measured(words: Sequence[str], at: int) -> bool:
    word = word_at(words, at)
    return word in UNITS or word in CURRENCIES or word.startswith("процент")


def _decimal(words: Sequence[str], at: int) -> Match | None:
    """Три целых пять десятых; три запятая пять; три с половиной; пять сотых."""
    whole = number_at(words, at)
    if not whole or whole.is_ordinal:
        return None
    joint = word_at(words, whole.end)
    if joint == "с" and word_at(words, whole.end + 1) == "половиной":
        return _with_unit(words, f"{whole.value},5", at, whole.end + 2)
    if joint in {"целых", "целая", "целой"}:
        start = whole.end + 1 + (word_at(words, whole.end + 1) == "и")
        part = cardinal_at(words, start)
        places = FRACTION_PLACES.get(word_at(words, part.end)) if part else None
        if part and places and part.value < 10**places:
            return _with_unit(words, f"{whole.value},{part.value:0{places}}", at, part.end + 1)
        return None
    if joint in {"запятая", "точка"}:
        run = fraction_run(words, whole.end + 1)
        digits, used = fraction_digits(run)
        if not used:
            return None
        sign = "," if joint == "запятая" else "."
        return _with_unit(words, f"{whole.value}{sign}{digits}", at, run[used - 1].end)
    places = FRACTION_PLACES.get(joint)
    if places and whole.value < 10**places:
        return _with_unit(words, f"0,{whole.value:0{places}}", at, whole.end + 1)
    return None


def _fraction(words: Sequence[str], at: int) -> Match | None:
    """Две третьих, одна вторая, три четверти."""
    upper = cardinal_at(words, at)
    if not upper or not upper.is_one_word:
        return None
    named = {"четверти": 4, "трети": 3}.get(word_at(words, upper.end))
    if named and 2 <= upper.value < named:
        # "Три четверти третьего" is a time of day.
        hour = number_at(words, upper.end + 1)
        if hour and hour.is_ordinal:
            return kept(words, at, upper.end + 1)
        return one_word(f"{upper.value}/{named}", at, upper.end + 1)
    lower = parse_number(words, upper.end, analyze)
    if not lower or not lower.is_ordinal or lower.value < 2:
        return None
    last = word_at(words, lower.end - 1)
    is_singular = upper.value == 1 and last.endswith(("ая", "ья")) and words[at] == "одна"
    is_plural = upper.value > 1 and last.endswith(("ых", "ьих")) and lower.value > 2
    if not (is_singular or is_plural):
        return None
    return one_word(f"{upper.value}/{lower.value}", at, lower.end)


def _ordinal(words: Sequence[str], at: int) -> Match | None:
    number = number_at(words, at)
    if not number or not number.is_ordinal:
        return None
    following, last = word_at(words, number.end), word_at(words, number.end - 1)
    follows_month = word_at(words, at - 1) in MONTHS
    is_day = last.endswith(("ое", "ье", "ого", "ьего", "ому", "ьему", "ым", "ьим"))
    if following in MONTHS and number.value <= 31 and is_day:
        return one_word(str(number.value), at, number.end)
    is_year = following in {"год", "года", "году", "годом", "годе", "г"} or follows_month
    if 1000 <= number.value < 2200 and is_year:
        return one_word(str(number.value), at, number.end)
    if number.is_one_word and following.startswith("раз") and not is_alone(words, number):
        return None
    is_shown = (
        number.value >= 11
        or is_alone(words, number)
        or (
            following.startswith(ORDINAL_NOUNS)
            and following not in {"рядом", "местами"}
            and not _is_named_after(words, at)
        )
    )
    is_decade = number.value == 2000 and last.endswith(("ые", "ых", "ым", "ыми"))
    is_rank = number.is_one_word and number.value >= 100 and following != "год" and not is_decade
    if not is_shown or is_rank:
        return (
            one_word(f"{number.value}{number.tail}", at, number.end)
            if is_alone(words, number)
            else None
        )
    return one_word(f"{number.value}{number.tail}", at, number.end)


def _is_named_after(words: Sequence[str], at: int) -> bool:
    """Whether an ordinal follows its noun: "этаж второй", not "второй подъезд пятый"."""
    if not word_at(words, at - 1).startswith(ORDINAL_NOUNS):
        return False
    before = analyze(word_at(words, at - 2))
    return before is None or not before.is_ordinal


def _several(words: Sequence[str], at: int) -> Match | None:
    """Digit by digit; two or three (2-3)."""
    run = parse_run(words, at, cardinal_at)
    if len(run) < 2:
        return None
    end = run[-1].end
    digits, used = joined_digits(run, goes_on=at > 0 and _is_plain_number(words, at - 1))
    if digits:
        return one_word(digits, at, run[used - 1].end)
    first, second = run[0], run[1]
    is_next = first.value > 0 and second.value == first.value + 1 and second.value <= 10
    is_about = first.value % 5 == 0 and second.value in {first.value + 5, first.value + 10}
    is_counted = end < len(words) or word_at(words, at - 1) in COUNTED_BEFORE
    is_range = len(run) == 2 and first.is_one_word and is_counted
    if is_range and (is_next or (is_about and 0 < first.value < 100)):
        return _with_unit(words, f"{first.value}-{second.value}", at, end)
    if first.is_one_word and words[at].endswith("ью"):
        return one_word(words[at], at, first.end)
    return None


def _quantity(words: Sequence[str], at: int) -> Match | None:
    number = cardinal_at(words, at)
    if not number:
        return None
    following = word_at(words, number.end)
    is_bare = number.is_one_word and not is_alone(words, number)
    measured = _is_measured(words, number.end)
    if is_bare and number.value <= 1 and not measured and not following.startswith("градус"):
        neighbor = (at and _is_plain_number(words, at - 1)) or _is_in_sum(words, number)
        if not (neighbor or word_at(words, at - 1) in LABELS):
            return None
    if is_bare and words[at] == "семью" and not following.endswith(("ами", "ями", "ьми")):
        return None
    if (
        is_bare
        and words[at] == "сорока"
        and not (measured or following in COUNTED_AFTER_FORTY)
        and word_at(words, at - 1) not in GENITIVE_PREPOSITIONS
    ):
        return None
    if is_bare and word_at(words, at - 1) in {"тысяч", "миллионов", "миллиона", "тысячи"}:
        return None
    if is_bare and number.value == 1 and words[at] not in {"один", "одна", "одно"} and measured:
        return None
    return _with_unit(words, str(number.value), at, number.end)


def _is_in_sum(words: Sequence[str], number: Number) -> bool:
    """Whether another number is added to this one or taken from it."""
    after, before = number.end, number.first - 1
    is_first = word_at(words, after) in _SIGNS and cardinal_at(words, after + 1) is not None
    is_second = before > 0 and words[before] in _SIGNS and _is_plain_number(words, before - 1)
    return is_first or is_second


def _is_plain_number(words: Sequence[str], at: int) -> bool:
    analysis = analyze(words[at])
    return analysis is not None and not analysis.is_ordinal


def _with_unit(words: Sequence[str], digits: str, at: int, end: int) -> Match:
    """Return the digits with the sign of the unit that follows, if there is one."""
    following = word_at(words, end)
    if following.startswith("процент") and not following.startswith("процентн"):
        return one_word(digits + "%", at, end + 1)
    sign = CURRENCIES.get(following)
    if sign:
        return Match(end + 1, (Part(digits, at, end), Part(sign, end, end + 1)))
    pair = " ".join(map(plain, words[end : end + 3]))
    for phrase, unit in UNIT_PAIRS.items():
        if pair == phrase or pair.startswith(phrase + " "):
            last = end + 1 + phrase.count(" ")
            return Match(last, (Part(digits, at, end), Part(unit, end, last)))
    if following.startswith("градус"):
        if word_at(words, end + 1) == "цельсия":
            return Match(end + 2, (Part(digits, at, end), Part("°C", end, end + 2)))
        return one_word(digits + "°", at, end + 1)
    unit = UNITS.get(following, "")
    if unit:
        return Match(end + 1, (Part(digits, at, end), Part(unit, end, end + 1)))
    return one_word(digits, at, end)


_SIGNS: Final = frozenset({"минус", "плюс"})


def _begins(word: str) -> bool:
    return word in _SIGNS or word == "без" or analyze(word) is not None


def _in_vocabulary(word: str) -> bool:
    word = plain(word)
    return (
        _begins(word)
        or word in _JOINTS
        or word in FRACTION_PLACES
        or word in _GOES_ON
        or word.startswith(("квадратн", "минут"))
    )


RUSSIAN: Final = Normalizer(
    "ru",
    rules=(_signed, _phone, *PHRASES, _time, _decimal, _fraction, _ordinal, _several, _quantity),
    in_vocabulary=_in_vocabulary,
    begins=_begins,
    is_number=lambda word: analyze(word) is not None,
    idioms=IDIOMS,
)
"""The shared normalizer of Russian."""
