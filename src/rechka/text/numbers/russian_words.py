"""Russian number words in every case and gender."""

import re
from functools import lru_cache
from typing import Final

from rechka.text.numbers.composing import Analysis, Atom
from rechka.text.numbers.vocabulary import words_of

__all__ = ["analyze", "plain"]


def plain(word: str) -> str:
    """Return `word` with ё as е, as everybody writes it."""
    return word.replace("ё", "е")


_ZERO: Final = "ноль нуль ноля нуля нолю нулю нолем нулем ноле нуле"
_UNITS: Final = {
    1: "один одна одно одного одной одному одним одном одну одною",
    2: "два две двух двум двумя",
    3: "три трех трем тремя",
    4: "четыре четырех четырем четырьмя",
    5: "пять пяти пятью",
    6: "шесть шести шестью",
    7: "семь семи семью",
    8: "восемь восьми восемью восьмью",
    9: "девять девяти девятью",
}
_TEEN_STEMS: Final = words_of(
    "десят одиннадцат двенадцат тринадцат четырнадцат пятнадцат шестнадцат семнадцат"
    " восемнадцат девятнадцат"
)
_TENS: Final = {
    20: "двадцать двадцати двадцатью",
    30: "тридцать тридцати тридцатью",
    40: "сорок сорока",
    50: "пятьдесят пятидесяти пятьюдесятью",
    60: "шестьдесят шестидесяти шестьюдесятью",
    70: "семьдесят семидесяти семьюдесятью",
    80: "восемьдесят восьмидесяти восемьюдесятью восьмьюдесятью",
    90: "девяносто девяноста",
}
_HUNDREDS: Final = {
    100: "сто ста",
    200: "двести двухсот двумстам двумястами двухстах",
    300: "триста трехсот тремстам тремястами трехстах",
    400: "четыреста четырехсот четыремстам четырьмястами четырехстах",
    500: "пятьсот пятисот пятистам пятьюстами пятистах",
    600: "шестьсот шестисот шестистам шестьюстами шестистах",
    700: "семьсот семисот семистам семьюстами семистах",
    800: "восемьсот восьмисот восьмистам восемьюстами восьмьюстами восьмистах",
    900: "девятьсот девятисот девятистам девятьюстами девятистах",
}
_THOUSANDS: Final = "тысяча тысячи тысяче тысячу тысячей тысячью тысяч тысячам тысячами тысячах"
_SCALE_STEMS: Final = {10**6: "миллион", 10**9: "миллиард", 10**12: "триллион"}
_SCALE_ENDINGS: Final = ("", "а", "у", "ом", "е", "ы", "ов", "ам", "ами", "ах")

_ORDINAL_STEMS: Final = {
    0: "нулев", 1: "перв", 2: "втор", 4: "четверт", 5: "пят", 6: "шест", 7: "седьм", 8: "восьм",
    9: "девят", 20: "двадцат", 30: "тридцат", 40: "сороков", 50: "пятидесят",
    60: "шестидесят", 70: "семидесят", 80: "восьмидесят", 90: "девяност", 100: "сот",
    200: "двухсот", 300: "трехсот", 400: "четырехсот", 500: "пятисот", 600: "шестисот",
    700: "семисот", 800: "восьмисот", 900: "девятисот", 1000: "тысячн", 10**6: "миллионн",
    10**9: "миллиардн", 10**12: "триллионн",
}  # fmt: skip
_ORDINAL_ENDINGS: Final = (
    "ый", "ой", "ого", "ому", "ым", "ом", "ая", "ую", "ою", "ое", "ые", "ых", "ыми",
)  # fmt: skip
_THIRD: Final = (
    "третий третьего третьему третьим третьем третья третьей третью третьею третье третьи"
    " третьих третьими"
)
_PIECES: Final = {
    "одно": 1, "двух": 2, "трех": 3, "четырех": 4, "пяти": 5, "шести": 6, "семи": 7,
    "восьми": 8, "девяти": 9, "десяти": 10, "двадцати": 20, "тридцати": 30, "сорока": 40,
    "пятидесяти": 50, "шестидесяти": 60, "семидесяти": 70, "восьмидесяти": 80,
    "девяноста": 90, "девяносто": 90, "ста": 100, "сто": 100, "двухсот": 200, "трехсот": 300,
    "четырехсот": 400, "пятисот": 500, "шестисот": 600, "семисот": 700, "восьмисот": 800,
    "девятисот": 900, "двести": 200, "триста": 300, "четыреста": 400, "пятьсот": 500,
    "шестьсот": 600, "семьсот": 700, "восемьсот": 800, "девятьсот": 900,
    **{f"{stem}и": 10 + index for index, stem in enumerate(_TEEN_STEMS)},
}  # fmt: skip
"""Beginnings of words such as "двадцатипятитысячный"."""
_PIECE: Final = re.compile("|".join(sorted(_PIECES, key=len, reverse=True)))
_LONG_ORDINAL: Final = re.compile(
    r"(?P<pieces>\w+?)(?P<scale>тысячн|миллионн|миллиардн)(?P<ending>ый|ого|ому|ым|ом|ая|ой|ую|ое|ые|ых|ыми)"
)
_SCALE_OF: Final = {"тысячн": 10**3, "миллионн": 10**6, "миллиардн": 10**9}


def _kind(value: int) -> str:
    if value >= 1000:
        return "scale"
    if value >= 100:
        return "hundred"
    if value >= 20:
        return "ten"
    return "teen" if value >= 10 else "unit" if value else "zero"


def _words() -> dict[str, Analysis]:
    teens = {10 + index: stem for index, stem in enumerate(_TEEN_STEMS)}
    cardinals = {
        word: value
        for table in ({0: _ZERO}, _UNITS, _TENS, _HUNDREDS, {1000: _THOUSANDS})
        for value, words in table.items()
        for word in words.split()
    }
    cardinals |= {stem + end: value for value, stem in teens.items() for end in ("ь", "и", "ью")}
    cardinals |= {
        stem + end: value for value, stem in _SCALE_STEMS.items() for end in _SCALE_ENDINGS
    }
    ordinals = {
        stem + end: value
        for value, stem in (*_ORDINAL_STEMS.items(), *teens.items())
        for end in _ORDINAL_ENDINGS
    }
    ordinals |= dict.fromkeys(_THIRD.split(), 3)
    forms = {word: Analysis((Atom(_kind(value), value),)) for word, value in cardinals.items()}
    for word, value in ordinals.items():
        forms[word] = Analysis((Atom(_kind(value), value),), _ordinal_tail(word), is_ordinal=True)
    return forms


def _ordinal_tail(word: str) -> str:
    """Return the letters written after an ordinal: one after a vowel, else two."""
    return "-" + (word[-1] if word[-2] in "аеиоуыэюяь" else word[-2:])


_WORDS: Final = _words()


@lru_cache(maxsize=4096)
def analyze(word: str) -> Analysis | None:
    """Return what a word means as a part of a number, None if it is none."""
    word = plain(word)
    known = _WORDS.get(word)
    if known or len(word) < 9:
        return known
    match = _LONG_ORDINAL.fullmatch(word)
    if not match:
        return None
    atoms, at, pieces = [], 0, match["pieces"]
    while at < len(pieces):
        piece = _PIECE.match(pieces, at)
        if not piece:
            return None
        value = _PIECES[piece[0]]
        atoms.append(Atom(_kind(value), value))
        at = piece.end()
    atoms.append(Atom("scale", _SCALE_OF[match["scale"]]))
    return Analysis(tuple(atoms), _ordinal_tail(word), is_ordinal=True)
