"""Rules of English numbers; docs/text.md has them as a table."""

from collections.abc import Sequence
from typing import Final

from rechka.text.numbers.composing import parse_run
from rechka.text.numbers.digits import fraction_digits, joined_digits, spoken_digits
from rechka.text.numbers.engine import Normalizer
from rechka.text.numbers.english_context import (
    AFTER_TIMES,
    IDIOMS,
    LABELS,
    ORDINAL_NOUNS,
    TIME_PREPOSITIONS,
)
from rechka.text.numbers.english_cues import PRICE_ENDS
from rechka.text.numbers.english_names import (
    is_house_number,
    name_of_pair,
    open_house_number,
)
from rechka.text.numbers.english_phrases import PHRASES
from rechka.text.numbers.english_reading import (
    cardinal_at,
    digit_at,
    fraction_run,
    is_alone,
    number_at,
)
from rechka.text.numbers.english_units import CURRENCIES, MONTHS, UNIT_PHRASES, UNITS
from rechka.text.numbers.english_words import OH, SCALES, analyze, analyze_decade, analyze_plural
from rechka.text.numbers.matches import Match, Part, kept, one_word, word_at
from rechka.text.numbers.vocabulary import words_of

__all__ = ["ENGLISH"]


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
    run = parse_run(words, first, digit_at)
    if len(run) < 2 or words[first] in OH:
        return None
    digits = spoken_digits(run) if all(number.value < 100 for number in run) else ""
    if len(run) >= 4 and len(digits) == 10 and first == at:
        return one_word(f"{digits[:3]}-{digits[3:6]}-{digits[6:]}", at, run[-1].end)
    if len(run) >= 4 and len(digits) == 11 and digits[0] in "17":
        sign = "+" if first > at else ""
        text = f"{sign}{digits[0]}({digits[1:4]}){digits[4:7]}-{digits[7:9]}-{digits[9:]}"
        return one_word(text, at, run[-1].end)
    if first > at:
        return None
    before = analyze(word_at(words, at - 1))
    joined, used = joined_digits(run, goes_on=before is not None and not before.is_ordinal)
    return one_word(joined, at, run[used - 1].end) if joined else None


def _minutes(words: Sequence[str], at: int) -> tuple[int, int] | None:
    """Return minutes from 0 to 59 said as "thirty" or "oh five", and the index after."""
    if word_at(words, at) in OH or word_at(words, at) == "zero":
        unit = cardinal_at(words, at + 1)
        return (unit.value, unit.end) if unit and 0 < unit.value < 10 else None
    if word_at(words, at).startswith(("oh-", "o-")):
        analysis = analyze(words[at].partition("-")[2])
        return (analysis.atoms[0].value, at + 1) if analysis else None
    number = cardinal_at(words, at)
    return (number.value, number.end) if number and 10 <= number.value <= 59 else None


def _half_day(words: Sequence[str], at: int) -> tuple[str, int]:
    """Return "a.m." or "p.m." and the index after it; "" if there is none."""
    word, following = word_at(words, at), word_at(words, at + 1)
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
    following = word_at(words, end)
    is_measured = following in UNITS or following in CURRENCIES or analyze(following)
    if following in {"percent", "degrees", "people"} or is_measured:
        return None
    return _pair(words, at, end, hour=hour, minutes=minutes)


def _pair(words: Sequence[str], at: int, end: int, *, hour: int, minutes: int) -> Match | None:
    """At ten thirty; "the seven forty five train", but "ten ten elm street" and "boeing 747"."""
    before, following = word_at(words, at - 1), word_at(words, end)
    if is_house_number(words, end):
        return one_word(f"{hour}{minutes:02}", at, end)
    if before not in TIME_PREPOSITIONS:
        # "In eleven ten" is a year.
        is_now = before == "it's" or (before == "is" and word_at(words, at - 2) in {"it", "time"})
        if (minutes < 10 and not is_now) or before == "in" or is_alone(words, at, end):
            return None
        is_clock = is_now or following in AFTER_TIMES or not following or before == "the"
        if before in LABELS or not is_clock:
            return one_word(f"{hour}{minutes:02}", at, end)
    return one_word(f"{hour}:{minutes:02}", at, end)


def _year(words: Sequence[str], at: int) -> Match | None:
    """Nineteen eighty four, twenty oh five."""
    century = cardinal_at(words, at)
    if not century or not 1 <= century.value <= 99:
        return None
    if word_at(words, century.end) == "hundred":
        return None
    rest = word_at(words, century.end)
    short = rest in OH or rest.startswith(("oh-", "o-"))
    said = _minutes(words, century.end) if short else None
    if not said:
        number = cardinal_at(words, century.end)
        said = (number.value, number.end) if number and 10 <= number.value <= 99 else None
    if not said:
        return None
    value, end = century.value * 100 + said[0], said[1]
    if not (1100 <= value < 2100 or is_alone(words, at, end)):
        return None
    following = word_at(words, end)
    if analyze(following) or following in {"percent", "degrees"}:
        return None
    # The last two of "ten twenty thirty" are no year, those of "july four twenty twenty" are.
    before = analyze(word_at(words, at - 1))
    if before and not before.is_ordinal and word_at(words, at - 2) not in MONTHS:
        return None
    return one_word(str(value), at, end)


def _decimal(words: Sequence[str], at: int) -> Match | None:
    """Three point one four, two and a half."""
    whole = cardinal_at(words, at)
    if not whole:
        return None
    for phrase, hundredths in _PARTS.items():
        end = whole.end + 3
        if " ".join(words[whole.end : end]) == phrase:
            # "A million and a half" is no million and 0.5.
            if whole.value >= 1000:
                return kept(words, at, end)
            return _with_unit(words, f"{whole.value}.{hundredths}", at, end)
    if word_at(words, whole.end) != "point":
        return None
    run = fraction_run(words, whole.end + 1)
    digits, used = fraction_digits(run)
    if not used:
        return None
    return _with_scale(words, f"{whole.value}.{digits}", at, run[used - 1].end)


def _with_scale(words: Sequence[str], digits: str, at: int, end: int) -> Match:
    """Return a decimal with the scale and the unit that follow: "$3.5 million"."""
    scale = word_at(words, end)
    sign = CURRENCIES.get(word_at(words, end + 1))
    if scale in SCALES and sign:
        return Match(end + 2, (Part(sign + digits, at, end), Part(scale, end, end + 2)))
    return _with_unit(words, digits, at, end)


_PARTS: Final = {"and a half": 5, "and a quarter": 25, "and three quarters": 75}


def _fraction(words: Sequence[str], at: int) -> Match | None:
    """Two thirds, three quarters."""
    upper = cardinal_at(words, at)
    if not upper or not upper.is_one_word:
        return None
    following = word_at(words, upper.end)
    lower = analyze_plural(following)
    if upper.value == 1 and following in {"third", "fifth", "eighth", "tenth", "quarter"}:
        analysis = analyze(following)
        lower = analysis.atoms[0].value if analysis else 4
    elif not following.endswith("s") or (lower in {2, 4} and upper.value != 3):
        # "The past two quarters" and "two halves" are no fractions.
        return None
    return one_word(f"{upper.value}/{lower}", at, upper.end + 1) if lower else None


def _ordinal(words: Sequence[str], at: int) -> Match | None:
    number = number_at(words, at)
    if not number or not number.is_ordinal:
        return None
    text = f"{number.value}{number.tail}"
    if is_alone(words, at, number.end):
        return one_word(text, at, number.end)
    if number.is_one_word and words[at] in {"hundredth", "thousandth", "millionth"}:
        return None
    following = word_at(words, number.end)
    is_date = number.value <= 31 and (
        word_at(words, at - 1) in MONTHS
        or (following == "of" and word_at(words, number.end + 1) in MONTHS)
        or (following in MONTHS and following not in {"may", "march"})
    )
    if is_date or number.value > 10 or following in ORDINAL_NOUNS:
        return one_word(text, at, number.end)
    return None


def _quantity(words: Sequence[str], at: int) -> Match | None:
    number = cardinal_at(words, at)
    if not number:
        return None
    is_bare = number.is_one_word and not is_alone(words, at, number.end)
    following = word_at(words, number.end)
    if is_bare and number.value <= 1:
        measured = (
            following in CURRENCIES or following in UNITS or following in {"percent", "o'clock"}
        )
        neighbor = at and analyze(words[at - 1]) and not analyze(words[at - 1]).is_ordinal  # type: ignore[union-attr]
        labeled = word_at(words, at - 1) in LABELS and following not in {"of", "that", "who"}
        if not (measured or neighbor or labeled):
            return None
    return _with_unit(words, str(number.value), at, number.end)


def _with_unit(words: Sequence[str], digits: str, at: int, end: int) -> Match:
    """Return the digits with the sign of the unit that follows, if there is one."""
    following = word_at(words, end)
    if following in {"percent", "percents"}:
        return one_word(digits + "%", at, end + 1)
    if following == "per" and word_at(words, end + 1) == "cent":
        return one_word(digits + "%", at, end + 2)
    sign = CURRENCIES.get(following)
    if sign:
        return _money(words, sign + digits, at, end + 1)
    if following in {"degree", "degrees"}:
        scale = {"celsius": "°C", "fahrenheit": "°F"}.get(word_at(words, end + 1))
        last = end + 2 if scale else end + 1
        return one_word(digits + (scale or "°"), at, last)
    for phrase, unit in UNIT_PHRASES.items():
        length = phrase.count(" ") + 1
        if " ".join(words[end : end + length]) == phrase:
            return Match(end + length, (Part(digits, at, end), Part(unit, end, end + length)))
    unit = UNITS.get(following, "")
    if unit:
        return Match(end + 1, (Part(digits, at, end), Part(unit, end, end + 1)))
    return one_word(digits, at, end)


def _money(words: Sequence[str], text: str, at: int, end: int) -> Match:
    """Add the cents that follow whole dollars."""
    start = end + (word_at(words, end) == "and")
    cents = cardinal_at(words, start)
    if not cents or cents.value >= 100 or "." in text:
        return one_word(text, at, end)
    following = word_at(words, cents.end)
    if following == "cents":
        return one_word(f"{text}.{cents.value:02}", at, cents.end + 1)
    if start == end and cents.value >= 10 and following in PRICE_ENDS:
        return one_word(f"{text}.{cents.value}", at, cents.end)
    return one_word(text, at, end)


def _begins(word: str) -> bool:
    is_number = analyze(word) is not None or analyze_decade(word) > 0
    return is_number or word in {"a", "minus", "negative", "plus", "point"}


_JOINTS: Final = frozenset(
    words_of(
        "a and point oh o half m am pm minus negative plus per cent quarter dollars dollar euros"
        " euro cents of p minutes past to degree degrees miles an kilometers kilometres meters"
        " metres square"
    )
)


def _in_vocabulary(word: str) -> bool:
    return word in _JOINTS or analyze(word) is not None or analyze_decade(word) > 0


ENGLISH: Final = Normalizer(
    "en",
    rules=(
        _signed,
        *PHRASES,
        name_of_pair,
        _time,
        _several,
        _year,
        _decimal,
        _fraction,
        _ordinal,
        _quantity,
    ),
    in_vocabulary=_in_vocabulary,
    begins=_begins,
    is_number=lambda word: analyze(word) is not None,
    idioms=IDIOMS,
    open_from=open_house_number,
)
"""The shared normalizer of English."""
