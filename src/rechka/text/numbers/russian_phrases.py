"""Russian numbers that the words around them give a form of their own."""

from collections.abc import Sequence
from typing import Final

from rechka.text.numbers.composing import Number, parse_run
from rechka.text.numbers.digits import coded_digits
from rechka.text.numbers.matches import Match, Part, kept, one_word, word_at
from rechka.text.numbers.russian_cues import CODE_WORDS, SCORE_WORDS
from rechka.text.numbers.russian_reading import cardinal_at, number_at
from rechka.text.numbers.russian_units import MONTHS
from rechka.text.numbers.vocabulary import words_of

__all__ = ["PHRASES"]


_HOURS: Final = frozenset(words_of("два три четыре пять шесть семь восемь девять"))


def _to_the_hour(words: Sequence[str], at: int) -> Match | None:
    """Без пятнадцати восемь: stays words, as people write it."""
    if words[at] != "без":
        return None
    minutes = cardinal_at(words, at + 1)
    if not minutes or minutes.value > 29:
        return None
    hour = cardinal_at(words, minutes.end + word_at(words, minutes.end).startswith("минут"))
    is_hour = hour and hour.value <= 12 and hour.end - hour.first == 1
    if hour and is_hour:
        return kept(words, at, hour.end)
    # Of "двадцати пять" only the first is in the genitive, so the second is the hour.
    is_twenty = words[at + 1 : minutes.end - 1] == ("двадцати",)
    return kept(words, at, minutes.end) if is_twenty and words[minutes.end - 1] in _HOURS else None


def _score(words: Sequence[str], at: int) -> Match | None:
    """Счёт три два; один ноль в нашу пользу."""
    run = parse_run(words, at, cardinal_at, most=3)
    if len(run) != 2 or any(number.value > 199 for number in run):
        return None
    end = run[1].end
    is_ours = word_at(words, end) == "в" and word_at(words, end + 1) in {
        "нашу", "вашу", "их", "его", "пользу", "твою", "мою",
    }  # fmt: skip
    if not (is_ours or word_at(words, at - 1) in SCORE_WORDS):
        return None
    return one_word(f"{run[0].value}:{run[1].value}", at, end)


def _code(words: Sequence[str], at: int) -> Match | None:
    """Код двенадцать тридцать четыре."""
    if not any(word_at(words, at - back) in CODE_WORDS for back in (1, 2, 3)):
        return None
    run = parse_run(words, at, cardinal_at, most=None)
    digits = coded_digits(run)
    return one_word(digits, at, run[-1].end) if digits else None


def _days(words: Sequence[str], at: int) -> Match | None:
    """С первого по десятое января; второго и третьего мая."""
    first = _day(words, at)
    if not first or word_at(words, first.end) not in {"по", "до", "и", "на"}:
        return None
    second = _day(words, first.end + 1)
    if not second or word_at(words, second.end) not in MONTHS:
        return None
    joint = first.end
    return Match(
        second.end,
        (
            Part(str(first.value), at, joint),
            Part(words[joint], joint, joint + 1),
            Part(str(second.value), joint + 1, second.end),
        ),
    )


def _day(words: Sequence[str], at: int) -> Number | None:
    number = number_at(words, at)
    is_day = number and number.is_ordinal and 1 <= number.value <= 31
    return number if is_day else None


def _body_temperature(words: Sequence[str], at: int) -> Match | None:
    """Температура тридцать шесть и шесть."""
    if not any(word_at(words, at - back).startswith("температур") for back in (1, 2, 3)):
        return None
    whole = cardinal_at(words, at)
    if not whole or not 34 <= whole.value <= 42 or word_at(words, whole.end) != "и":
        return None
    tenths = cardinal_at(words, whole.end + 1)
    if not tenths or not 0 < tenths.value < 10:
        return None
    return one_word(f"{whole.value},{tenths.value}", at, tenths.end)


def _meters(words: Sequence[str], at: int) -> Match | None:
    """Метр восемьдесят: the number says centimeters, so both stay words."""
    number = cardinal_at(words, at)
    if not number or word_at(words, at - 1) != "метр" or not 10 <= number.value < 100:
        return None
    return kept(words, at, number.end)


def _house(words: Sequence[str], at: int) -> Match | None:
    """Дом двенадцать дробь три."""
    upper = cardinal_at(words, at)
    if not upper or word_at(words, upper.end) != "дробь":
        return None
    lower = cardinal_at(words, upper.end + 1)
    return one_word(f"{upper.value}/{lower.value}", at, lower.end) if lower else None


PHRASES: Final = (_to_the_hour, _code, _score, _days, _body_temperature, _meters, _house)
"""Rules of phrases, in the order in which they are tried."""
