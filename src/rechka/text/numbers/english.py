"""Rules of English numbers; docs/text.md has them as a table."""

from collections.abc import Sequence
from typing import Final

from rechka.text.numbers.composing import Number, parse_number, parse_run
from rechka.text.numbers.digits import joined_digits, spoken_digits
from rechka.text.numbers.engine import Match, Normalizer, Part
from rechka.text.numbers.english_context import IDIOMS, LABELS, ORDINAL_NOUNS, TIME_PREPOSITIONS
from rechka.text.numbers.english_units import CURRENCIES, MONTHS, UNIT_PHRASES, UNITS
from rechka.text.numbers.english_words import analyze, analyze_plural
from rechka.text.numbers.vocabulary import words_of

__all__ = ["ENGLISH"]

_SCALES: Final = frozenset({"hundred", "thousand", "million", "billion", "trillion"})
_OH: Final = frozenset({"oh", "o"})


def _word(words: Sequence[str], at: int) -> str:
    return words[at] if 0 <= at < len(words) else ""


def _number(words: Sequence[str], at: int) -> Number | None:
    if _word(words, at) == "a" and _word(words, at + 1) in _SCALES:
        number = parse_number(words, at + 1, analyze, connector="and")
        return number._replace(first=at) if number else None
    number = parse_number(words, at, analyze, connector="and") if at < len(words) else None
    # "Hundred" alone is a noun; "a hundred" and "two hundred" are numbers.
    return None if number and words[at] in _SCALES and number.is_one_word else number


def _cardinal(words: Sequence[str], at: int) -> Number | None:
    number = _number(words, at)
    return number if number and not number.is_ordinal else None


def _digit(words: Sequence[str], at: int) -> Number | None:
    """Return a cardinal, with "oh" for zero."""
    if _word(words, at) in _OH:
        return Number(0, at, at + 1)
    return _cardinal(words, at)


def _is_alone(words: Sequence[str], first: int, end: int) -> bool:
    return first == 0 and end == len(words)


def _one(text: str, first: int, end: int) -> Match:
    return Match(end, (Part(text, first, end),))


def _signed(words: Sequence[str], at: int) -> Match | None:
    """Minus twenty degrees."""
    if words[at] not in {"minus", "negative"} or (at and analyze(words[at - 1])):
        return None
    match = _decimal(words, at + 1) or (_quantity(words, at + 1) if at + 1 < len(words) else None)
    if not match or not match.parts[0].text[0].isdigit():
        return None
    first = match.parts[0]
    return Match(match.end, (Part("-" + first.text, at, first.end), *match.parts[1:]))


def _several(words: Sequence[str], at: int) -> Match | None:
    """Telephone numbers and dictation digit by digit."""
    first = at + 1 if words[at] == "plus" else at
    run = parse_run(words, first, _digit)
    if len(run) < 2 or words[first] in _OH:
        return None
    end = run[-1].end
    digits = spoken_digits(run) if all(number.value < 100 for number in run) else ""
    if len(run) >= 4 and len(digits) == 10:
        return _one(f"{digits[:3]}-{digits[3:6]}-{digits[6:]}", first, end)
    if len(run) >= 4 and len(digits) == 11 and digits[0] in "17":
        sign = "+" if first > at else ""
        text = f"{sign}{digits[0]}({digits[1:4]}){digits[4:7]}-{digits[7:9]}-{digits[9:]}"
        return _one(text, at, end)
    joined = joined_digits(run) if first == at else ""
    return _one(joined, first, end) if joined else None


def _minutes(words: Sequence[str], at: int) -> tuple[int, int] | None:
    """Return minutes from 0 to 59 said as "thirty" or "oh five", and the index after."""
    if _word(words, at) in _OH or _word(words, at) == "zero":
        unit = _cardinal(words, at + 1)
        return (unit.value, unit.end) if unit and 0 < unit.value < 10 else None
    if _word(words, at).startswith(("oh-", "o-")):
        analysis = analyze(words[at].partition("-")[2])
        return (analysis.atoms[0].value, at + 1) if analysis else None
    number = _cardinal(words, at)
    return (number.value, number.end) if number and 10 <= number.value <= 59 else None


def _half_day(words: Sequence[str], at: int) -> tuple[str, int]:
    """Return "a.m." or "p.m." and the index after it; "" if there is none."""
    word, following = _word(words, at), _word(words, at + 1)
    if word in {"am", "pm", "a.m.", "p.m.", "a.m", "p.m"}:
        return f"{word[0]}.m.", at + 1
    if word in {"a", "p"} and following == "m":
        return f"{word}.m.", at + 2
    return "", at


def _time(words: Sequence[str], at: int) -> Match | None:
    """Ten thirty p m, at ten thirty, five p m."""
    analysis = analyze(words[at])
    if not analysis or analysis.is_ordinal or analysis.atoms[0].kind not in {"unit", "teen"}:
        return None
    hour = analysis.atoms[0].value
    if hour > 12:
        return None
    said = _minutes(words, at + 1)
    minutes, end = said or (0, at + 1)
    half, half_end = _half_day(words, end)
    if half:
        text = f"{hour}:{minutes:02}" if said else str(hour)
        return Match(half_end, (Part(text, at, end), Part(half, end, half_end)))
    if not said:
        return None
    following = _word(words, end)
    is_measured = following in UNITS or following in CURRENCIES or analyze(following)
    if following in {"percent", "degrees", "people"} or is_measured:
        return None
    # "Two oh five" is a room as well; "ten thirty" in a sentence is a time.
    is_pair = not _is_alone(words, at, end) and minutes >= 10
    if _word(words, at - 1) in TIME_PREPOSITIONS or is_pair:
        return _one(f"{hour}:{minutes:02}", at, end)
    return None


def _year(words: Sequence[str], at: int) -> Match | None:
    """Nineteen eighty four, twenty oh five."""
    century = _cardinal(words, at)
    if not century or not 1 <= century.value <= 99:
        return None
    if _word(words, century.end) == "hundred":
        return None
    rest = _word(words, century.end)
    short = rest in _OH or rest.startswith(("oh-", "o-"))
    said = _minutes(words, century.end) if short else None
    if not said:
        number = _cardinal(words, century.end)
        said = (number.value, number.end) if number and 10 <= number.value <= 99 else None
    if not said:
        return None
    value, end = century.value * 100 + said[0], said[1]
    if not (1100 <= value < 2100 or _is_alone(words, at, end)):
        return None
    following = _word(words, end)
    if analyze(following) or following in {"percent", "degrees"}:
        return None
    return _one(str(value), at, end)


def _decimal(words: Sequence[str], at: int) -> Match | None:
    """Three point one four, two and a half."""
    whole = _cardinal(words, at)
    if not whole:
        return None
    if list(words[whole.end : whole.end + 3]) == ["and", "a", "half"]:
        return _with_unit(words, f"{whole.value}.5", at, whole.end + 3)
    if _word(words, whole.end) != "point":
        return None
    run = parse_run(words, whole.end + 1, _digit)
    if not run:
        return None
    singles = [number for number in run if number.value < 10]
    used = run if len(singles) == len(run) else run[:1]
    return _with_unit(words, f"{whole.value}.{spoken_digits(used)}", at, used[-1].end)


def _fraction(words: Sequence[str], at: int) -> Match | None:
    """Two thirds, three quarters."""
    upper = _cardinal(words, at)
    if not upper or not upper.is_one_word:
        return None
    following = _word(words, upper.end)
    lower = analyze_plural(following)
    if upper.value == 1 and following in {"third", "fifth", "eighth", "tenth", "quarter"}:
        analysis = analyze(following)
        lower = analysis.atoms[0].value if analysis else 4
    elif not following.endswith("s"):
        return None
    return _one(f"{upper.value}/{lower}", at, upper.end + 1) if lower else None


def _ordinal(words: Sequence[str], at: int) -> Match | None:
    number = _number(words, at)
    if not number or not number.is_ordinal:
        return None
    text = f"{number.value}{number.tail}"
    if _is_alone(words, at, number.end):
        return _one(text, at, number.end)
    if number.is_one_word and words[at] in {"hundredth", "thousandth", "millionth"}:
        return None
    following = _word(words, number.end)
    is_date = number.value <= 31 and (
        _word(words, at - 1) in MONTHS
        or (following == "of" and _word(words, number.end + 1) in MONTHS)
        or (following in MONTHS and following not in {"may", "march"})
    )
    if is_date or number.value > 10 or following in ORDINAL_NOUNS:
        return _one(text, at, number.end)
    return None


def _quantity(words: Sequence[str], at: int) -> Match | None:
    number = _cardinal(words, at)
    if not number:
        return None
    is_bare = number.is_one_word and not _is_alone(words, at, number.end)
    following = _word(words, number.end)
    if is_bare and number.value <= 1:
        measured = following in CURRENCIES or following in UNITS or following == "percent"
        neighbor = at and analyze(words[at - 1]) and not analyze(words[at - 1]).is_ordinal  # type: ignore[union-attr]
        labeled = _word(words, at - 1) in LABELS and following not in {"of", "that", "who"}
        if not (measured or neighbor or labeled):
            return None
    return _with_unit(words, str(number.value), at, number.end)


def _with_unit(words: Sequence[str], digits: str, at: int, end: int) -> Match:
    """Return the digits with the sign of the unit that follows, if there is one."""
    following = _word(words, end)
    if following in {"percent", "percents"}:
        return _one(digits + "%", at, end + 1)
    if following == "per" and _word(words, end + 1) == "cent":
        return _one(digits + "%", at, end + 2)
    sign = CURRENCIES.get(following)
    if sign:
        return _money(words, sign + digits, at, end + 1)
    if following in {"degree", "degrees"}:
        scale = {"celsius": "°C", "fahrenheit": "°F"}.get(_word(words, end + 1))
        last = end + 2 if scale else end + 1
        return _one(digits + (scale or "°"), at, last)
    for phrase, unit in UNIT_PHRASES.items():
        length = phrase.count(" ") + 1
        if " ".join(words[end : end + length]) == phrase:
            return Match(end + length, (Part(digits, at, end), Part(unit, end, end + length)))
    unit = UNITS.get(following, "")
    if unit:
        return Match(end + 1, (Part(digits, at, end), Part(unit, end, end + 1)))
    return _one(digits, at, end)


def _money(words: Sequence[str], text: str, at: int, end: int) -> Match:
    """Add the cents that follow whole dollars."""
    start = end + (_word(words, end) == "and")
    cents = _cardinal(words, start)
    if cents and cents.value < 100 and "." not in text and _word(words, cents.end) == "cents":
        return _one(f"{text}.{cents.value:02}", at, cents.end + 1)
    return _one(text, at, end)


def _begins(word: str) -> bool:
    return word in {"a", "minus", "negative", "plus"} or analyze(word) is not None


_JOINTS: Final = frozenset(
    words_of(
        "a and point oh o half m am pm minus negative plus per cent quarter dollars dollar euros"
        " euro cents"
    )
)


def _in_vocabulary(word: str) -> bool:
    return word in _JOINTS or analyze(word) is not None


ENGLISH: Final = Normalizer(
    "en",
    rules=(_signed, _time, _several, _year, _decimal, _fraction, _ordinal, _quantity),
    in_vocabulary=_in_vocabulary,
    begins=_begins,
    is_number=lambda word: analyze(word) is not None,
    idioms=IDIOMS,
)
"""The shared normalizer of English."""
