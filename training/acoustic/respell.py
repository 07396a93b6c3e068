"""Sentences of related languages in Turkish and Russian letters, by their sound.

Kyrgyz and Tatar share nearly all sounds with Turkish. West and South Slavic languages
share most with Russian; theirs is the harder approximation: they have no reduced vowels,
and few soft consonants.
"""

import re

__all__ = ["RELATIVES", "respelled"]

# By the language whose letters they get.
RELATIVES = {"tr": ("ky", "tt"), "ru": ("cs", "hsb", "pl", "sl")}

_TURKISH = str.maketrans(
    dict(
        zip("абвгдзийклмнңоөпрстуүфхһшщыэә", "abvgdziyklmnnoöprstuüfhhşşıee", strict=True),
        ё="yo", ц="ts", ч="ç", ь="", ъ="", ю="yu", я="ya", җ="c",
    )
)  # fmt: skip
# Kyrgyz writes the sound of Turkish c with the letter that Tatar has for j.
_ZHE = {"ky": "c", "tt": "j"}

_PLAIN = dict(zip("abcdefghijklmnoprstuvwyz", "абцдэфгхийклмнопрстуввыз", strict=True))
_CARONS = {"č": "ч", "ě": "е", "ř": "рж", "š": "ш", "ž": "ж"}
_JOTTED = {"ja": "я", "je": "е", "jo": "ё", "ju": "ю"}
# What they write otherwise than in _PLAIN, longest first.
_SLAVIC: dict[str, dict[str, str]] = {
    "pl": {
        "szcz": "щ", "ść": "щ", "ści": "щи", "ścia": "ща", "ście": "ще", "dzi": "дзи",
        "dzia": "дзя", "dzie": "дзе", "sz": "ш", "cz": "ч", "rz": "ж",
        "ch": "х", "dź": "дзь", "dż": "дж", "cia": "ча", "cie": "че", "cio": "чо", "ciu": "чу",
        "ci": "чи",
        "ia": "я", "ią": "ён", "ie": "е", "ię": "ен", "io": "ё", "ió": "ю", "iu": "ю",
        **_JOTTED, "ą": "он", "ę": "эн", "ć": "чь", "ł": "у", "ń": "нь", "ó": "у", "ś": "сь",
        "ź": "зь", "ż": "ж", "h": "х",
    },
    "cs": {
        "ch": "х", "ou": "оу", "h": "г", "y": "и", "ý": "и", "á": "а", "é": "э", "í": "и",
        "ó": "о", "ú": "у", "ů": "у", "ď": "дь", "ň": "нь", "ť": "ть", "x": "кс",
        **_CARONS, **_JOTTED,
    },
    "sl": {"lj": "ль", "nj": "нь", **_CARONS, **_JOTTED},
    "hsb": {
        "ch": "х", "dź": "дж", "h": "г", **_CARONS, "ř": "ш", **_JOTTED, "ć": "ч", "ł": "у",
        "ń": "нь", "ó": "о", "ź": "зь",
    },
}  # fmt: skip


def _in_turkish_letters(sentence: str, language: str) -> str:
    text = sentence.lower().replace("ж", _ZHE[language])
    text = re.sub(r"(^|[^\w]|[аоуыэяюёеөүәи])е", r"\1ye", text).replace("е", "e")
    # Long vowels are one vowel, as Turkish spelling rarely tells them apart.
    return re.sub(r"([aeıioöuü])\1+", r"\1", text.translate(_TURKISH))


def _in_russian_letters(sentence: str, language: str) -> str:
    letters = {**_PLAIN, **_SLAVIC[language]}
    longest_first = sorted(letters, key=len, reverse=True)
    text = re.sub("|".join(longest_first), lambda at: letters[at[0]], sentence.lower())
    # Russian has the hard e at the start of words only.
    text = re.sub(r"(?<=[а-я])э", "е", text)
    return re.sub(r"(?<=[жшцч])ы", "и", text)


def respelled(sentence: str, language: str) -> str:
    """Return a sentence as the spelling of the related language would have it."""
    to_turkish = language in RELATIVES["tr"]
    return (_in_turkish_letters if to_turkish else _in_russian_letters)(sentence, language)
