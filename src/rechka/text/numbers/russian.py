"""Rules of Russian numbers; docs/text.md has them as a table."""

from collections.abc import Sequence
from typing import Final

from rechka.text.numbers.composing import Number, parse_number, parse_run
from rechka.text.numbers.digits import joined_digits, spoken_digits
from rechka.text.numbers.engine import Match, Normalizer, Part
from rechka.text.numbers.russian_context import (
    GENITIVE_PREPOSITIONS,
    IDIOMS,
    LABELS,
    ORDINAL_NOUNS,
    TIME_PREPOSITIONS,
)
from rechka.text.numbers.russian_units import CURRENCIES, FRACTION_PLACES, MONTHS, UNIT_PAIRS, UNITS
from rechka.text.numbers.russian_words import analyze, plain

__all__ = ["RUSSIAN"]

_JOINTS: Final = frozenset({"целых", "целая", "целой", "запятая", "точка", "половиной"})
_NOT_ALONE: Final = frozenset({"тысячи", "тысяч", "тысячам", "тысячами", "тысячах", "тысячей"})


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


def _cardinal(words: Sequence[str], at: int) -> Number | None:
    number = _number(words, at)
    return number if number and not number.is_ordinal else None


def _word(words: Sequence[str], at: int) -> str:
    return plain(words[at]) if 0 <= at < len(words) else ""


def _is_alone(words: Sequence[str], number: Number) -> bool:
    return number.first == 0 and number.end == len(words)


def _one(text: str, first: int, end: int) -> Match:
    return Match(end, (Part(text, first, end),))


def _signed(words: Sequence[str], at: int) -> Match | None:
    """Минус двадцать градусов, плюс семь девятьсот."""
    word = _word(words, at)
    if word not in {"минус", "плюс"}:
        return None
    phone = _phone(words, at + 1)
    if phone and word == "плюс":
        return _one("+" + phone.parts[0].text, at, phone.end)
    number = _cardinal(words, at + 1)
    if not number or (at and analyze(words[at - 1])):
        return None
    following = _word(words, number.end)
    if word == "плюс" and not following.startswith("градус"):
        return None
    match = _quantity(words, at + 1)
    if not match:
        return None
    first = match.parts[0]
    sign = "-" if word == "минус" else "+"
    return Match(match.end, (Part(sign + first.text, at, first.end), *match.parts[1:]))


def _phone(words: Sequence[str], at: int) -> Match | None:
    run = parse_run(words, at, _cardinal)
    while len(run) >= 4:
        digits = spoken_digits(run)
        if len(digits) == 11 and digits[0] in "78":
            text = f"{digits[0]}({digits[1:4]}){digits[4:7]}-{digits[7:9]}-{digits[9:]}"
            return _one(text, at, run[-1].end)
        if len(digits) <= 11:
            return None
        run.pop()
    return None


def _time(words: Sequence[str], at: int) -> Match | None:
    """В пятнадцать тридцать; в два часа пять минут."""
    hour = _cardinal(words, at)
    if not hour or hour.value > 23 or hour.end >= len(words):
        return None
    has_preposition = _word(words, at - 1) in TIME_PREPOSITIONS
    has_hours = _word(words, hour.end).startswith("час")
    if has_hours:
        minute = _cardinal(words, hour.end + 1)
        has_minutes = minute and _word(words, minute.end).startswith("минут")
        if minute and has_minutes and minute.value < 60 and (has_preposition or hour.value >= 13):
            return _one(f"{hour.value}:{minute.value:02}", at, minute.end + 1)
        return None
    run = parse_run(words, at, _cardinal)
    if not has_preposition or _is_measured(words, run[-1].end):
        return None
    if len(run) == 2 and 10 <= run[1].value <= 59:
        return _one(f"{hour.value}:{run[1].value}", at, run[1].end)
    if len(run) == 3 and run[1].value == 0 and run[2].value < 10:
        return _one(f"{hour.value}:0{run[2].value}", at, run[2].end)
    return None


def _is_measured(words: Sequence[str], at: int) -> bool:
    word = _word(words, at)
    return word in UNITS or word in CURRENCIES or word.startswith("процент")


def _decimal(words: Sequence[str], at: int) -> Match | None:
    """Три целых пять десятых; три запятая пять; три с половиной; пять сотых."""
    whole = _number(words, at)
    if not whole or whole.is_ordinal:
        return None
    joint = _word(words, whole.end)
    if joint == "с" and _word(words, whole.end + 1) == "половиной":
        return _with_unit(words, f"{whole.value},5", at, whole.end + 2)
    if joint in {"целых", "целая", "целой"}:
        start = whole.end + 1 + (_word(words, whole.end + 1) == "и")
        part = _cardinal(words, start)
        places = FRACTION_PLACES.get(_word(words, part.end)) if part else None
        if part and places and part.value < 10**places:
            return _with_unit(words, f"{whole.value},{part.value:0{places}}", at, part.end + 1)
        return None
    if joint in {"запятая", "точка"}:
        run = parse_run(words, whole.end + 1, _cardinal)
        zeros = 0
        while zeros < len(run) - 1 and run[zeros].value == 0:
            zeros += 1
        if run:
            sign = "," if joint == "запятая" else "."
            digits = "0" * zeros + str(run[zeros].value)
            return _with_unit(words, f"{whole.value}{sign}{digits}", at, run[zeros].end)
        return None
    places = FRACTION_PLACES.get(joint)
    if places and whole.value < 10**places:
        return _with_unit(words, f"0,{whole.value:0{places}}", at, whole.end + 1)
    return None


def _fraction(words: Sequence[str], at: int) -> Match | None:
    """Две третьих, одна вторая, три четверти."""
    upper = _cardinal(words, at)
    if not upper or not upper.is_one_word:
        return None
    if _word(words, upper.end) == "четверти" and upper.value in {2, 3}:
        return _one(f"{upper.value}/4", at, upper.end + 1)
    lower = parse_number(words, upper.end, analyze)
    if not lower or not lower.is_ordinal or lower.value < 2:
        return None
    last = _word(words, lower.end - 1)
    is_singular = upper.value == 1 and last.endswith(("ая", "ья")) and words[at] == "одна"
    is_plural = upper.value > 1 and last.endswith(("ых", "ьих")) and lower.value > 2
    return _one(f"{upper.value}/{lower.value}", at, lower.end) if is_singular or is_plural else None


def _ordinal(words: Sequence[str], at: int) -> Match | None:
    number = _number(words, at)
    if not number or not number.is_ordinal:
        return None
    following, last = _word(words, number.end), _word(words, number.end - 1)
    follows_month = _word(words, at - 1) in MONTHS
    is_day = last.endswith(("ое", "ье", "ого", "ьего", "ому", "ьему", "ым", "ьим"))
    if following in MONTHS and number.value <= 31 and is_day:
        return _one(str(number.value), at, number.end)
    is_year = following in {"год", "года", "году", "годом", "годе", "г"} or follows_month
    if 1000 <= number.value < 2200 and is_year:
        return _one(str(number.value), at, number.end)
    if number.is_one_word and following.startswith("раз") and not _is_alone(words, number):
        return None
    is_shown = (
        number.value >= 11
        or _is_alone(words, number)
        or (
            following.startswith(ORDINAL_NOUNS)
            and following not in {"рядом", "местами"}
            and not _word(words, at - 1).startswith(ORDINAL_NOUNS)
        )
    )
    if not is_shown or (number.is_one_word and number.value >= 100 and following != "год"):
        return (
            _one(f"{number.value}{number.tail}", at, number.end)
            if _is_alone(words, number)
            else None
        )
    return _one(f"{number.value}{number.tail}", at, number.end)


def _several(words: Sequence[str], at: int) -> Match | None:
    """Digit by digit; two or three (2-3)."""
    run = parse_run(words, at, _cardinal)
    if len(run) < 2:
        return None
    end = run[-1].end
    digits = joined_digits(run)
    if digits:
        return _one(digits, at, end)
    first, second = run[0], run[1]
    is_range = len(run) == 2 and second.value == first.value + 1 and second.value <= 10
    if is_range and first.value > 1 and end < len(words) and first.is_one_word:
        return _with_unit(words, f"{first.value}-{second.value}", at, end)
    if first.is_one_word and words[at].endswith("ью"):
        return _one(words[at], at, first.end)
    return None


def _quantity(words: Sequence[str], at: int) -> Match | None:
    number = _cardinal(words, at)
    if not number:
        return None
    following = _word(words, number.end)
    is_bare = number.is_one_word and not _is_alone(words, number)
    measured = _is_measured(words, number.end)
    if is_bare and number.value <= 1 and not measured:
        neighbor = at and _is_plain_number(words, at - 1)
        if not (neighbor or _word(words, at - 1) in LABELS):
            return None
    if is_bare and words[at] == "семью" and not following.endswith(("ами", "ями", "ьми")):
        return None
    if (
        is_bare
        and words[at] == "сорока"
        and not (measured or _word(words, at - 1) in GENITIVE_PREPOSITIONS)
    ):
        return None
    if is_bare and _word(words, at - 1) in {"тысяч", "миллионов", "миллиона", "тысячи"}:
        return None
    if is_bare and number.value == 1 and words[at] not in {"один", "одна", "одно"} and measured:
        return None
    return _with_unit(words, str(number.value), at, number.end)


def _is_plain_number(words: Sequence[str], at: int) -> bool:
    analysis = analyze(words[at])
    return analysis is not None and not analysis.is_ordinal


def _with_unit(words: Sequence[str], digits: str, at: int, end: int) -> Match:
    """Return the digits with the sign of the unit that follows, if there is one."""
    following = _word(words, end)
    if following.startswith("процент") and not following.startswith("процентн"):
        return _one(digits + "%", at, end + 1)
    sign = CURRENCIES.get(following)
    if sign:
        return Match(end + 1, (Part(digits, at, end), Part(sign, end, end + 1)))
    pair = " ".join(map(plain, words[end : end + 3]))
    for phrase, unit in UNIT_PAIRS.items():
        if pair == phrase or pair.startswith(phrase + " "):
            last = end + 1 + phrase.count(" ")
            return Match(last, (Part(digits, at, end), Part(unit, end, last)))
    if following.startswith("градус"):
        if _word(words, end + 1) == "цельсия":
            return Match(end + 2, (Part(digits, at, end), Part("°C", end, end + 2)))
        return _one(digits + "°", at, end + 1)
    unit = UNITS.get(following, "")
    if unit:
        return Match(end + 1, (Part(digits, at, end), Part(unit, end, end + 1)))
    return _one(digits, at, end)


_SIGNS: Final = frozenset({"минус", "плюс"})


def _begins(word: str) -> bool:
    return word in _SIGNS or analyze(word) is not None


def _in_vocabulary(word: str) -> bool:
    word = plain(word)
    return (
        _begins(word)
        or word in _JOINTS
        or word in FRACTION_PLACES
        or word in {"с", "час", "часа", "часов", "четверти"}
        or word in {"километров", "километра", "метров", "метра", "в", "градусов", "градуса"}
    )


RUSSIAN: Final = Normalizer(
    "ru",
    rules=(_signed, _phone, _time, _decimal, _fraction, _ordinal, _several, _quantity),
    in_vocabulary=_in_vocabulary,
    begins=_begins,
    is_number=lambda word: analyze(word) is not None,
    idioms=IDIOMS,
)
"""The shared normalizer of Russian."""
