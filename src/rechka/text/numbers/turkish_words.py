"""Turkish number words: apart or written together, with case endings and ordinals."""

import re
from functools import lru_cache
from typing import Final

from rechka.text.numbers.composing import Analysis, Atom
from rechka.text.numbers.vocabulary import words_of

__all__ = ["analyze", "is_bare_ambiguous"]

_VALUES: Final = {
    "sıfır": Atom("zero", 0),
    **{
        word: Atom("unit", 1 + index)
        for index, word in enumerate(words_of("bir iki üç dört beş altı yedi sekiz dokuz"))
    },
    **{
        word: Atom("ten", 10 + 10 * index)
        for index, word in enumerate(
            words_of("on yirmi otuz kırk elli altmış yetmiş seksen doksan")
        )
    },
    "yüz": Atom("unit_times_hundred", 100),
    "bin": Atom("scale", 10**3),
    "milyon": Atom("scale", 10**6),
    "milyar": Atom("scale", 10**9),
    "trilyon": Atom("scale", 10**12),
}
_SOFTENED: Final = {"dörd": "dört"}
_STEM: Final = re.compile("|".join(sorted([*_VALUES, *_SOFTENED], key=len, reverse=True)))
_VOWELS: Final = "aıoueiöü"
_ROUNDING: Final = {"a": "ı", "ı": "ı", "o": "u", "u": "u", "e": "i", "i": "i", "ö": "ü", "ü": "ü"}


def _endings(stem: str) -> dict[str, bool]:
    """Return the endings that a stem takes by vowel harmony, and whether each is ordinal."""
    last_vowel = next(letter for letter in reversed(stem) if letter in _VOWELS)
    high = _ROUNDING[last_vowel]
    low = "a" if last_vowel in "aıou" else "e"
    has_vowel_end = stem[-1] in _VOWELS
    hard = "t" if stem[-1] in "çfhkpsşt" else "d"
    y, n, s = ("y", "n", "s") if has_vowel_end else ("", "", "")
    plural_high = "ı" if low == "a" else "i"
    ordinal = "nc" + high if has_vowel_end else f"{high}nc{high}"
    cases = {
        y + high, y + low, hard + low, hard + low + "n", f"{n}{high}n", f"{y}l{low}",
        f"{s}{high}", f"{s}{high}n{high}", f"{s}{high}n{low}", f"{s}{high}nd{low}",
        f"{s}{high}nd{low}n", f"{s}{high}n{high}n", f"l{low}r", f"l{low}r{low}",
        f"l{low}r{plural_high}", f"l{low}rd{low}", f"l{low}rd{low}n", f"l{high}", f"l{high}k",
    }  # fmt: skip
    endings = dict.fromkeys(cases, False)
    ordinal_low = "a" if high in "ıu" else "e"
    for ending in ("", "s" + high, f"y{high}", f"y{ordinal_low}", f"d{ordinal_low}",
                   f"d{ordinal_low}n", f"n{high}n", f"s{high}n{high}", f"s{high}n{ordinal_low}",
                   f"s{high}nd{ordinal_low}"):  # fmt: skip
        endings[ordinal + ending] = True
    return endings


_ENDINGS: Final = {stem: _endings(stem) for stem in _VALUES}

_PRONOUNS: Final = frozenset(
    words_of(
        "ona onu onun onda ondan onla onlar onlara onları onlarda onlardan onunu onuna onunda"
        " birin biri birini birine birinde birinden birinin birde birden birle birler birlere"
        " birleri birlerde birlerden"
        " yüzü yüze yüzün yüzde yüzden yüzle yüzüne yüzünü yüzünde yüzünden yüzünün yüzler yüzlere"
        " yüzleri yüzlerde yüzlerden bini bine binin bininde binde binden binle biner binler"
        " binlere binleri binlerde binlerden altında altından altına altını altının"
        " altılar kırkın kırka"
        " milyonlar milyonlara milyonları milyonlarda milyarlar"
    )
)
"""Words that look like a number with an ending and are mostly something else."""


@lru_cache(maxsize=4096)
def analyze(word: str) -> Analysis | None:
    """Return what a folded word means as a part of a number, None if it is none."""
    # The circumflex and the apostrophe are writing habits, not sounds.
    plain = word.replace("'", "").replace("’", "")
    atoms: list[Atom] = []
    at = 0
    while at < len(plain):
        match = _STEM.match(plain, at)
        if not match:
            return None
        stem = _SOFTENED.get(match[0], match[0])
        is_softened = match[0] in _SOFTENED
        at = match.end()
        atoms.append(_VALUES[stem])
        rest = plain[at:]
        if rest in _ENDINGS[stem] and rest:
            starts_with_vowel = rest[0] in _VOWELS
            if stem == "dört" and starts_with_vowel != is_softened:
                return None
            return Analysis(tuple(atoms), "'" + rest, _ENDINGS[stem][rest])
        if is_softened:
            return None
    return Analysis(tuple(atoms)) if atoms else None


def is_bare_ambiguous(word: str) -> bool:
    """Whether a word standing alone is more often something else than a number."""
    return word in _PRONOUNS or word in {"bir", "yüz", "bin", "yedi", "altı", "milyon", "milyar"}
