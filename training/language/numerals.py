"""Digits to words, as a reader would say them; None where that is uncertain.

A language model that learned "в пять домах" is worse than one that never saw the
line, so everything whose reading depends on grammar that is not at hand is refused.
"""

import re
from collections.abc import Callable
from typing import Final

from num2words import num2words

__all__ = ["spell_out"]

_LARGEST: Final = 999_999_999
_DIGIT: Final = re.compile(r"\d")

_EN_MONTHS: Final = (
    "january|february|march|april|may|june|july|august|september|october|november|december"
)
_EN_DATE: Final = (
    rf"\b((?i:{_EN_MONTHS})) (\d{{1,2}})(?:st|nd|rd|th)?\b(?![:,]?\d)"
    r"(?:, ((?:1[1-9]|20)\d\d)\b)?"
)
_RU_MONTHS: Final = (
    "января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября|ноября|декабря"
)
# Words before a number that put it into a case other than the nominative.
_RU_GOVERNORS: Final = re.compile(
    "с|со|от|до|к|ко|из|из-за|у|около|более|менее|больше|меньше|после|без|для|при|о|об|над|под"
    "|перед|между|свыше|по|порядка|старше|младше|раньше|позже|моложе|вокруг|против|кроме|среди"
    "|двух|трех|четырех|пяти"
)
# One and two agree with their noun; these are the nouns counted most.
_RU_MASCULINE: Final = re.compile(
    "года?|часа?|раза?|день|дня|месяца?|рубл[ья]|доллара?|процента?|километра?|метра?|градуса?|балла?"
)
_RU_FEMININE: Final = re.compile("(?:минут|секунд|недел|тысяч)[уыюи]")
_TR_WORDS: Final = re.compile(
    "(?:sıfır|bir|iki|üç|dört|dörd|beş|altı|yedi|sekiz|dokuz|on|yirmi|otuz|kırk|elli|altmış"
    "|yetmiş|seksen|doksan|yüz|bin|milyon|milyar)(?:[iıuü]?nc[iıuü](?!\\w))?"
)
_TR_MONTHS: Final = "Ocak|Şubat|Mart|Nisan|Mayıs|Haziran|Temmuz|Ağustos|Eylül|Ekim|Kasım|Aralık"


def spell_out(line: str, language: str) -> str | None:
    """Return `line` with its numbers in words; None if one of them cannot be read."""
    if not _DIGIT.search(line):
        return line
    spelled = {"en": _english, "ru": _russian, "tr": _turkish}[language](line)
    return None if spelled is None or _DIGIT.search(spelled) else spelled


def _substitute(line: str, rules: list[tuple[str, Callable[[re.Match[str]], str]]]) -> str:
    for pattern, reading in rules:
        line = re.sub(pattern, reading, line)
    return line


def _cardinal(digits: str, language: str) -> str:
    """Return a whole number in words; the digits as they came if it is too large.

    A number that begins with zero is a code and is read digit by digit, so it stays too.
    """
    bare = re.sub(r"[\s,.]", "", digits)
    if int(bare) > _LARGEST or (len(bare) > 1 and bare.startswith("0")):
        return digits
    words = num2words(int(bare), lang=language)
    if language == "tr":
        return " ".join(_TR_WORDS.findall(words))
    return str(words).replace("-", " ").replace(",", "")


# English ----------------------------------------------------------------------------


def _english(line: str) -> str | None:
    def number(match: re.Match[str]) -> str:
        return _cardinal(match[1], "en")

    def dollars(match: re.Match[str]) -> str:
        words = f"{number(match)} {match[3] or ''} dollars"
        cents = match[2] and int(match[2])
        return f"{words} and {_cardinal(match[2].lstrip('0'), 'en')} cents" if cents else words

    def decimal(match: re.Match[str]) -> str:
        digits = " ".join(num2words(int(digit)) for digit in match[2])
        return f"{number(match)} point {digits}"

    return _substitute(
        line,
        [
            (r"\$(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d\d))?(?!\d)(?: (million|billion))?", dollars),
            (r"(?<![\d:])(\d{1,2}):(\d\d)(?![\d:])", _english_time),
            (r"(?<=\d)%", lambda _: " percent"),
            (_EN_DATE, _english_date),
            (r"\b(\d{1,4})(?:st|nd|rd|th)\b", lambda m: _english_ordinal(m[1])),
            (rf"\b((?i:in|since|of|until|{_EN_MONTHS}),? )(1[1-9]\d\d|20\d\d)\b", _english_year),
            (r"(?<![\w.,-])(\d{1,3})\.(\d{1,3})(?![\d.])", decimal),
            (r"(?<![\w.,-])(\d{1,3}(?:,\d{3})+)(?![\w-])", number),
            (r"(?<![\w.,:-])(\d{1,3})(?![\w:-])(?=[.,]?(?:\D|$))", number),
        ],
    )


def _english_ordinal(digits: str) -> str:
    return str(num2words(int(digits), to="ordinal")).replace("-", " ").replace(",", "")


def _english_date(match: re.Match[str]) -> str:
    year = f" {_english_year_words(match[3])}" if match[3] else ""
    return f"{match[1]} {_english_ordinal(match[2])}{year}"


def _english_year(match: re.Match[str]) -> str:
    return match[1] + _english_year_words(match[2])


def _english_year_words(digits: str) -> str:
    return str(num2words(int(digits), to="year")).replace("-", " ")


def _english_time(match: re.Match[str]) -> str:
    hours, minutes = int(match[1]), int(match[2])
    if hours > 24 or minutes > 59:
        return match[0]
    words = str(num2words(hours)).replace("-", " ")
    if minutes == 0:
        return words
    return f"{words} {'oh ' if minutes < 10 else ''}{num2words(minutes)}".replace("-", " ")


# Russian ----------------------------------------------------------------------------


def _russian(line: str) -> str | None:
    line = re.sub(r"(?<=\d) (?=\d{3}(?!\d))", "", line)
    return _substitute(
        line,
        [
            (rf"(?<!\S)(\d{{1,2}})(?= (?:{_RU_MONTHS})\b)", lambda m: _ru_ordinal(m[1], "g", "n")),
            (r"(?<!\S)(1[0-9]\d\d|20\d\d)(?= году\b)", lambda m: _ru_ordinal(m[1], "p", "m")),
            (r"(?<!\S)(1[0-9]\d\d|20\d\d)(?= года\b)", lambda m: _ru_ordinal(m[1], "g", "m")),
            (r"(?:(\S+) )?(?<!\S)(\d{1,9})(%| ([а-яё]+))", _russian_counted),
        ],
    )


def _ru_ordinal(digits: str, case: str, gender: str) -> str:
    return str(num2words(int(digits), lang="ru", to="ordinal", case=case, gender=gender))


def _russian_counted(match: re.Match[str]) -> str:
    before, digits, noun = match[1] or "", match[2], match[4]
    last = 0 if digits[-2:-1] == "1" else int(digits[-1])
    if _RU_GOVERNORS.fullmatch(before.lower().strip("«\"'(")) or re.search(r"\d$", before):
        return match[0]
    if noun and re.search("(?:ая|ый|ий|ой|ого|ую)$", noun):
        return match[0]  # "3 комнатная" is one word.
    if noun is None:
        noun = {1: "процент", 2: "процента", 3: "процента", 4: "процента"}.get(last, "процентов")
    words = _cardinal(digits, "ru")
    if last in {1, 2}:
        if _RU_FEMININE.fullmatch(noun):
            stem = words.rpartition(" ")[0]
            feminine = "две" if last == 2 else "одну" if noun.endswith(("у", "ю")) else None
            if feminine is None:
                return match[0]
            words = f"{stem} {feminine}".strip()
        elif not _RU_MASCULINE.fullmatch(noun):
            return match[0]
    return f"{before} {words} {noun}".strip()


# Turkish ----------------------------------------------------------------------------


def _turkish(line: str) -> str | None:
    def number(match: re.Match[str]) -> str:
        return _cardinal(match[1], "tr")

    def decimal(match: re.Match[str]) -> str:
        return f"{number(match)} virgül {_cardinal(match[2], 'tr')}"

    def ordinal(match: re.Match[str]) -> str:
        return " ".join(_TR_WORDS.findall(num2words(int(match[1]), lang="tr", to="ordinal")))

    def followed(match: re.Match[str]) -> str:
        return f"{number(match)} "

    suffix = r"(?:'(?=[a-zçğıöşü]))?"
    return _substitute(
        line,
        [
            (r"(?<!\S)%(?=\d)", lambda _: "yüzde "),
            (r"(?<=\d)\.(?=\d{3}(?!\d))", lambda _: ""),
            (
                rf"(?<![\w.,:-])(\d{{1,2}})(?:\. | )(?=(?:{_TR_MONTHS})\b)",
                lambda m: f"{number(m)} ",
            ),
            (r"(?<![\w.,:-])(\d{1,3})\.(?= [a-zçğıöşü])", ordinal),
            (rf"(?<![\w.,:-])(\d{{1,3}}),(\d{{1,2}})(?![\w.,:-]){suffix}", decimal),
            (rf"(?<![\w.,:$-])(\d{{1,9}})(?![\w:$-])(?![.,]\d){suffix}", number),
        ],
    )
