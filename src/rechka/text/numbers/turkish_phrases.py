"""Turkish numbers that the words around them give a form of their own."""

from collections.abc import Sequence
from typing import Final

from rechka.text.numbers.composing import Number, parse_run
from rechka.text.numbers.digits import coded_digits, spoken_digits
from rechka.text.numbers.matches import Match, Part, kept, one_word, word_at
from rechka.text.numbers.turkish_context import TIME_WORDS
from rechka.text.numbers.turkish_cues import (
    APPROXIMATE,
    CODE_WORDS,
    DAY_NOUNS,
    SCORE_AFTER,
    SCORE_BEFORE,
)
from rechka.text.numbers.turkish_reading import cardinal_at
from rechka.text.numbers.turkish_units import COUNTERS, MONTHS
from rechka.text.numbers.turkish_words import analyze

__all__ = ["PHRASES", "telephone"]

_HALF_TAILS: Final = {"": "", "ta": "'te", "tan": "'ten", "ğa": "'e", "ğu": "'i"}
_CLOCK_TAILS: Final = {"ta": "'da", "tan": "'dan", "ğa": "'a"}


def telephone(run: Sequence[Number]) -> str:
    """Return a telephone number of 11 digits from 0, with the ending; "" if it is none."""
    digits = spoken_digits(run)
    if len(run) < 4 or len(digits) != 11 or digits[0] != "0":
        return ""
    return f"0({digits[1:4]}){digits[4:7]}-{digits[7:9]}-{digits[9:]}{run[-1].tail}"


def _abroad(words: Sequence[str], at: int) -> Match | None:
    """Artı doksan beş yüz otuz iki yüz yirmi üç."""
    if list(words[at : at + 2]) != ["artı", "doksan"]:
        return None
    run = [Number(0, at, at), *parse_run(words, at + 2, cardinal_at)]
    text = telephone(run)
    return one_word("+9" + text, at, run[-1].end) if text else None


def _clock(words: Sequence[str], at: int) -> Match | None:
    """Saat dokuza çeyrek var, onu beş geçiyor: stay words, as people write them."""
    analysis = analyze(words[at])
    hour = cardinal_at(words, at)
    if not analysis or not hour or not hour.tail or hour.value > 12:
        return None
    minutes = cardinal_at(words, hour.end)
    is_quarter = word_at(words, hour.end) == "çeyrek"
    end = hour.end + 1 if is_quarter else minutes.end if minutes else hour.end
    is_short = is_quarter or (minutes and minutes.value < 60 and not minutes.tail)
    is_said = word_at(words, end).startswith(("var", "kala", "geç"))
    return kept(words, at, end) if is_short and is_said else None


def _half(words: Sequence[str], at: int) -> Match | None:
    """Yüzde kırk iki buçuğa; on iki buçukta."""
    is_percent = words[at] == "yüzde"
    number = cardinal_at(words, at + is_percent)
    half = word_at(words, number.end) if number else ""
    if not number or number.tail or not half.startswith(("buçuk", "buçuğ")):
        return None
    tail = half[4:].removeprefix("k") if half.startswith("buçuk") else half[4:]
    if is_percent and tail in _HALF_TAILS:
        return one_word(f"%{number.value},5{_HALF_TAILS[tail]}", at, number.end + 1)
    if tail in _CLOCK_TAILS and number.value <= 23:
        return one_word(f"{number.value}:30{_CLOCK_TAILS[tail]}", at, number.end + 1)
    return None


def _code(words: Sequence[str], at: int) -> Match | None:
    """Şifrem on iki otuz dört."""
    if not any(word_at(words, at - back).startswith(CODE_WORDS) for back in (1, 2)):
        return None
    run = parse_run(words, at, cardinal_at, most=None)
    digits = coded_digits(run)
    return one_word(digits, at, run[-1].end) if digits else None


def _pair(words: Sequence[str], at: int) -> Match | None:
    """Maç üç iki bitti; on on beş kişi."""
    run = parse_run(words, at, cardinal_at, most=3)
    if len(run) != 2 or run[1].tail:
        return None
    low, high, end = run[0].value, run[1].value, run[1].end
    before, after = word_at(words, at - 1), word_at(words, end)
    is_score = max(low, high) < 200 and (before in SCORE_BEFORE or after.startswith(SCORE_AFTER))
    is_range = (low, high) in APPROXIMATE and after.startswith(COUNTERS)
    return one_word(f"{low}-{high}", at, end) if is_score or is_range else None


def _hour_and_minutes(words: Sequence[str], at: int) -> Match | None:
    """Tren altı kırk beşte kalkıyor: "at" is said by the ending."""
    run = parse_run(words, at, cardinal_at, most=3)
    if len(run) != 2 or run[1].tail not in {"'te", "'ta", "'de", "'da"}:
        return None
    hour, minutes = run
    is_time = 1 <= hour.value <= 24 and 10 <= minutes.value <= 59
    # Before another number the ending makes a fraction: "kırk beşte bir".
    if not is_time or cardinal_at(words, minutes.end) or analyze(word_at(words, at - 1)):
        return None
    return one_word(f"{hour.value}:{minutes.value}{minutes.tail}", at, minutes.end)


def _all_week(words: Sequence[str], at: int) -> Match | None:
    """Yedi yirmi dört açık."""
    if tuple(words[at : at + 3]) != ("yedi", "yirmi", "dört"):
        return None
    before, following = word_at(words, at - 1), word_at(words, at + 3)
    is_time = before in TIME_WORDS or analyze(before) or analyze(following)
    return None if is_time else one_word("7/24", at, at + 3)


def _height(words: Sequence[str], at: int) -> Match | None:
    """Boyum bir seksen: the second says centimeters, so both stay words."""
    number = cardinal_at(words, at + 1) if words[at] in {"bir", "iki"} else None
    if not number or not word_at(words, at - 1).startswith(("boyum", "boyu", "boyun")):
        return None
    return kept(words, at, number.end) if 10 <= number.value < 100 else None


def _first_of_month(words: Sequence[str], at: int) -> Match | None:
    """Bir ocak iki bin yirmi; bir mayıs günü; bir mayıs."""
    if words[at] != "bir" or word_at(words, at + 1) not in MONTHS:
        return None
    year = cardinal_at(words, at + 2)
    following = word_at(words, at + 2)
    is_date = (year and 1000 <= year.value < 2200) or following.startswith(DAY_NOUNS)
    # At the end "bir mayıs" is the day, but "bir ocak" may be a stove.
    is_date = is_date or (not following and words[at + 1] not in {"ocak", "ekim", "kasım"})
    return Match(at + 1, (Part("1", at, at + 1),)) if is_date else None


def _at_hour(words: Sequence[str], at: int) -> Match | None:
    """Saat onda, saat birde: no pronouns after "saat"."""
    if word_at(words, at - 1) != "saat":
        return None
    tail = {"onda": "10'da", "ondan": "10'dan", "birde": "1'de", "birden": "1'den"}
    text = tail.get(words[at])
    return one_word(text, at, at + 1) if text else None


def _decade(words: Sequence[str], at: int) -> Match | None:
    """Seksenli yıllarda, iki yüz ellilik; "ikili" and "yüzlük" are nouns."""
    number = cardinal_at(words, at)
    if not number or not number.tail.startswith("'l") or "r" in number.tail:
        return None
    if number.tail in {"'le", "'la"}:
        return None
    is_size = number.tail.endswith("k") and not number.is_one_word
    is_decade = (
        not number.tail.endswith("k")
        and number.value % 10 == 0
        and word_at(words, number.end).startswith(("yıl", "yaş"))
    )
    if is_size or is_decade:
        return one_word(f"{number.value}{number.tail}", at, number.end)
    return kept(words, at, number.end)


def _thousands(words: Sequence[str], at: int) -> Match | None:
    """Yüz binlerce, on binlerce: no quantity."""
    number = cardinal_at(words, at)
    is_vague = number and word_at(words, number.end).endswith(("lerce", "larca"))
    return kept(words, at, number.end) if number and is_vague else None


PHRASES: Final = (
    _abroad, _clock, _half, _code, _height, _all_week, _pair, _hour_and_minutes, _first_of_month,
    _at_hour, _decade, _thousands,
)  # fmt: skip
"""Rules of phrases, in the order in which they are tried."""
