"""Rules of Turkish numbers; docs/text.md has them as a table."""

import re
from collections.abc import Sequence
from typing import Final

from rechka.text.numbers.composing import Number, parse_run
from rechka.text.numbers.digits import fraction_digits, joined_digits
from rechka.text.numbers.engine import Normalizer
from rechka.text.numbers.matches import Match, Part, one_word, word_at
from rechka.text.numbers.turkish_context import IDIOMS, LABELS, TIME_WORDS
from rechka.text.numbers.turkish_phrases import PHRASES, telephone
from rechka.text.numbers.turkish_reading import (
    cardinal_at,
    fraction_run,
    is_alone,
    number_at,
)
from rechka.text.numbers.turkish_units import COUNTERS, MONTHS, UNIT_PHRASES, UNITS
from rechka.text.numbers.turkish_words import analyze, is_bare_ambiguous

__all__ = ["TURKISH"]

_POSSESSIVE: Final = re.compile("'(s[ıiuü].*|[ıiuü](n[ıiuü]n?|n[ae]|nd[ae]n?)?)")
"""Endings of "ikisi" and "üçünü", which mean both and three of them."""

_SIGNS: Final = frozenset({"eksi", "artı", "çarpı", "bölü"})
_SCALE_NOUNS: Final = frozenset({"milyon", "milyar", "trilyon"})
_ORDINAL_NOUNS: Final = ("kat", "sayfa", "bölüm", "madde", "sınıf", "yüzyıl", "cadde", "sokak",
                         "peron", "hafta", "tur", "ünite", "daire")  # fmt: skip


def _signed(words: Sequence[str], at: int) -> Match | None:
    """Eksi yirmi derece, artı beş derece."""
    if words[at] not in {"eksi", "artı"} or (at and analyze(words[at - 1])):
        return None
    number = cardinal_at(words, at + 1)
    following = word_at(words, number.end) if number else ""
    if not number or number.tail or (words[at] == "artı" and not following.startswith("derece")):
        return None
    sign = "-" if words[at] == "eksi" else "+"
    rest = _with_unit(words, str(number.value), at + 1, number.end)
    first = rest.parts[0]
    return Match(rest.end, (Part(sign + first.text, at, first.end), *rest.parts[1:]))


def _percent(words: Sequence[str], at: int) -> Match | None:
    """Yüzde yirmi beş, yüzde iki buçuk."""
    if words[at] != "yüzde":
        return None
    decimal = _decimal(words, at + 1)
    if decimal:
        return one_word("%" + decimal.parts[0].text, at, decimal.parts[0].end)
    number = cardinal_at(words, at + 1)
    return one_word(f"%{number.value}{number.tail}", at, number.end) if number else None


def _fraction(words: Sequence[str], at: int) -> Match | None:
    """Üçte iki, dörtte üçü."""
    lower = number_at(words, at)
    if not lower or lower.is_ordinal or lower.tail not in {"'te", "'ta", "'de", "'da"}:
        return None
    upper = cardinal_at(words, lower.end)
    if not upper or not upper.value or upper.value >= lower.value:
        return None
    if is_bare_ambiguous(words[at]) and lower.is_one_word:
        return None
    return one_word(f"{upper.value}/{lower.value}{upper.tail}", at, upper.end)


def _time(words: Sequence[str], at: int) -> Match | None:
    """Saat on beş otuz, saat on buçukta."""
    if word_at(words, at - 1) not in TIME_WORDS:
        return None
    hour = _hour(words, at)
    if not hour:
        return None
    end = hour.end
    following = word_at(words, end)
    if following.startswith("buçuk"):
        tail = following.removeprefix("buçuk")
        # The ending follows the digits, which are read "otuz": "30'da", not "30'ta".
        written = {"": "", "ta": "'da", "tan": "'dan", "a": "'a", "u": "'u"}.get(tail)
        return None if written is None else one_word(f"{hour.value}:30{written}", at, end + 1)
    minute = cardinal_at(words, end)
    if minute and minute.value == 0 and not minute.tail:
        unit = cardinal_at(words, minute.end)
        if unit and unit.value < 10:
            return one_word(f"{hour.value}:0{unit.value}{unit.tail}", at, unit.end)
    if minute and 10 <= minute.value <= 59:
        return one_word(f"{hour.value}:{minute.value}{minute.tail}", at, minute.end)
    return None


def _hour(words: Sequence[str], at: int) -> Number | None:
    """Return an hour from 0 to 23 without an ending: at most two words."""
    for length in (2, 1):
        number = cardinal_at(words[at : at + length], 0)
        if number and number.end == length and number.value <= 23 and not number.tail:
            return number._replace(first=at, end=at + length)
    return None


def _decimal(words: Sequence[str], at: int) -> Match | None:
    """Üç virgül beş, iki buçuk."""
    whole = cardinal_at(words, at)
    if not whole or whole.tail:
        return None
    joint = word_at(words, whole.end)
    if joint == "buçuk":
        return _with_unit(words, f"{whole.value},5", at, whole.end + 1)
    if joint not in {"virgül", "nokta"}:
        return None
    run = fraction_run(words, whole.end + 1)
    digits, used = fraction_digits(run)
    if not used:
        return None
    last = run[used - 1]
    sign = "," if joint == "virgül" else "."
    return _with_unit(words, f"{whole.value}{sign}{digits}{last.tail}", at, last.end)


def _ordinal(words: Sequence[str], at: int) -> Match | None:
    number = number_at(words, at)
    if not number or not number.is_ordinal:
        return None
    following = word_at(words, number.end)
    is_shown = (
        number.value > 10 or is_alone(words, at, number.end) or following.startswith(_ORDINAL_NOUNS)
    )
    if number.is_one_word and number.value in {100, 1000, 10**6} and len(words) > 1:
        is_shown = False
    return one_word(f"{number.value}{number.tail}", at, number.end) if is_shown else None


def _several(words: Sequence[str], at: int) -> Match | None:
    """Telephone numbers, dictation digit by digit, two or three (2-3)."""
    run = parse_run(words, at, cardinal_at)
    if len(run) < 2:
        return None
    end = run[-1].end
    called = telephone(run)
    if called:
        return one_word(called, at, end)
    before = analyze(word_at(words, at - 1))
    joined, used = joined_digits(run, goes_on=before is not None and not before.tail)
    if joined:
        return one_word(joined, at, run[used - 1].end)
    first, second = run[0], run[1]
    is_range = len(run) == 2 and second.value == first.value + 1 and 1 < first.value < 10
    if is_range and first.is_one_word and not first.tail and not second.tail and end < len(words):
        return _with_unit(words, f"{first.value}-{second.value}", at, end)
    return None


def _quantity(words: Sequence[str], at: int) -> Match | None:
    number = cardinal_at(words, at)
    if not number:
        return None
    is_bare = number.is_one_word and not is_alone(words, at, number.end)
    if number.is_one_word and not is_bare and _is_pronoun_like(words[at]):
        return None
    if is_bare and number.value <= 10 and _POSSESSIVE.fullmatch(number.tail):
        return None
    if is_bare and (words[at] in _SCALE_NOUNS or not _is_number_here(words, at)):
        return None
    return _with_unit(words, f"{number.value}{number.tail}", at, number.end)


def _is_number_here(words: Sequence[str], at: int) -> bool:
    """Whether one number word is meant as a number among its neighbors."""
    word, before, following = words[at], word_at(words, at - 1), word_at(words, at + 1)
    analysis = analyze(word)
    if not analysis:
        return False
    is_compound = len(analysis.atoms) > 1
    if is_compound or not (is_bare_ambiguous(word) or word in {"sıfır"}):
        return True
    if before in LABELS and not _is_pronoun_like(word):
        return True
    if _is_pronoun_like(word):
        return False
    if _is_in_sum(words, at):
        return True
    if word == "bir":
        return False
    if word == "sıfır" and (_is_plain_number(before) or _is_plain_number(following)):
        return True
    return following.startswith((*COUNTERS, *MONTHS)) or following == "ay"


def _is_in_sum(words: Sequence[str], at: int) -> bool:
    """Whether another number is added to the word or taken from it."""
    is_first = word_at(words, at + 1) in _SIGNS and analyze(word_at(words, at + 2)) is not None
    is_second = word_at(words, at - 1) in _SIGNS and analyze(word_at(words, at - 2)) is not None
    return is_first or is_second


def _is_plain_number(word: str) -> bool:
    """Whether a word is a number as it stands; "bir" is mostly an article."""
    analysis = analyze(word)
    return analysis is not None and not analysis.tail and word != "bir"


def _is_pronoun_like(word: str) -> bool:
    """Whether a number word with an ending is mostly another word, such as "ona"."""
    analysis = analyze(word)
    return bool(analysis and analysis.tail and is_bare_ambiguous(word))


def _with_unit(words: Sequence[str], digits: str, at: int, end: int) -> Match:
    """Return the digits with the sign of the unit that follows, if there is one."""
    following = word_at(words, end)
    if "'" in digits:
        return one_word(digits, at, end)
    pair = f"{following} {word_at(words, end + 1)}"
    if pair in UNIT_PHRASES:
        return Match(end + 2, (Part(digits, at, end), Part(UNIT_PHRASES[pair], end, end + 2)))
    if following == "derece":
        return one_word(digits + "°", at, end + 1)
    unit = UNITS.get(following, "")
    if unit:
        return Match(end + 1, (Part(digits, at, end), Part(unit, end, end + 1)))
    return one_word(digits, at, end)


_GOES_ON: Final = frozenset(
    {"virgül", "nokta", "saat", "metre", "kilometre", "santimetre", *MONTHS}
)
"""Words after a number that may be followed by more of it."""


def _begins(word: str) -> bool:
    return word in {"eksi", "artı", "yüzde"} or analyze(word) is not None


def _in_vocabulary(word: str) -> bool:
    return _begins(word) or word in _GOES_ON or word.startswith(("buçu", "çeyrek"))


def _goes_on(word: str) -> bool:
    analysis = analyze(word)
    return analysis is not None and not analysis.tail


TURKISH: Final = Normalizer(
    "tr",
    rules=(*PHRASES, _signed, _percent, _time, _decimal, _fraction, _ordinal, _several, _quantity),
    in_vocabulary=_in_vocabulary,
    begins=_begins,
    is_number=_goes_on,
    idioms=IDIOMS,
)
"""The shared normalizer of Turkish."""
