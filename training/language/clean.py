"""One written sentence to the words that a reader of it says."""

import re
import unicodedata
from typing import Final

from language.numerals import spell_out
from rechka.text.languages import fold

__all__ = ["LETTERS", "is_word", "words_of"]

LETTERS: Final = {
    "en": frozenset("abcdefghijklmnopqrstuvwxyz"),
    "ru": frozenset("абвгдежзийклмнопрстуфхцчшщъыьэюя"),
    "tr": frozenset("abcçdefgğhıijklmnoöprsştuüvyz"),
}
"""Letters of words: Russian ё is written е, Turkish circumflexes are left out."""

MAX_WORDS: Final = 60
_MAX_LETTERS: Final = 30
_VOWELS: Final = {"ru": "аеиоуыэюя", "tr": "aeıioöuü"}
_SINGLE: Final = {"en": LETTERS["en"], "ru": frozenset("авикосуябжэ"), "tr": frozenset("oae")}
_FOLDED: Final = {
    "en": str.maketrans({}),
    "ru": str.maketrans({"ё": "е"}),
    "tr": str.maketrans({"â": "a", "î": "i", "û": "u"}),
}
_APOSTROPHES: Final = str.maketrans({"’": "'", "ʼ": "'", "`": "'", "‘": "'", "­": None})
# Marks of formulas, addresses and tables: such lines are not sentences.
_NOT_PROSE: Final = re.compile(
    r"[=%\\{}<>|_^~@#*/\[\]+&•©™®°§€£$]|www\.|https?:|\.(?:com|org|ru|net)\b"
)
_ABBREVIATED: Final = {
    "en": re.compile(
        r"\b(?:ave|blvd|vs|etc|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|mph|kmh?|lbs?|ft|hrs?"
        r"|dept|inc|corp|co|ltd|no|rev|gen|capt|col|sgt|lt|vol|pp|e\.g|i\.e)\.",
        re.IGNORECASE,
    ),
    "ru": re.compile(
        r"(?<!\w)[^\W\d]\.(?=\s*\w)|\b(?:др|пр|ул|гг|руб|тыс|млн|млрд|стр|см|им|кв|коп|гос|проч)\.",
        re.IGNORECASE,
    ),
    "tr": re.compile(
        r"(?<!\w)[^\W\d]\.(?=\s*\w)|\b(?:vb|vs|örn|bkz|dr|prof|av|sn|no|tic)\.", re.IGNORECASE
    ),
}
_REPEATED: Final = re.compile(r"(.)\1\1")


def words_of(line: str, language: str) -> tuple[str, ...] | None:
    """Return the words of a sentence in lower case; None if it cannot be read for certain.

    Apostrophes inside words stay ("don't", "Ankara'da"), hyphens stay in Russian words
    alone ("кто-то"); no word holds anything else than these and letters of the language.
    """
    line = unicodedata.normalize("NFC", line).translate(_APOSTROPHES)
    if language == "en":
        line = re.sub(r"\bSt\. (?=[A-Z])", "Saint ", line)
        line = re.sub(r"\b(?:[A-Za-z]\.){2,}", lambda match: match[0].replace(".", " "), line)
    if _ABBREVIATED[language].search(line):
        return None
    spelled = spell_out(line, language)
    if spelled is None or _NOT_PROSE.search(spelled):
        return None
    folded = fold(spelled, language).translate(_FOLDED[language])
    hyphen = "-" if language == "ru" else ""
    words = []
    for part in re.sub(r"-{2,}", " ", folded).replace(hyphen or "-", hyphen or " ").split():
        for run in re.split(rf"[^\w'{hyphen}]+", part):
            word = re.sub(r"^[-']+|[-']+$", "", run)
            if word and not _readable(word, language):
                return None
            if word:
                words.append(word)
    return tuple(words) if 0 < len(words) <= MAX_WORDS else None


def _readable(word: str, language: str) -> bool:
    parts = re.split("[-']", word)
    if not all(parts) or not LETTERS[language].issuperset("".join(parts)):
        return False
    # A single letter is an initial or a stutter unless it is a word.
    if language == "ru" and len(parts) > 1 and any(len(part) == 1 for part in parts):
        return False
    return len(word) > 1 or word in _SINGLE[language]


def is_word(word: str, language: str) -> bool:
    """Return whether a form can stand in a vocabulary: letters, no drawl, a vowel.

    Words that are spelled as they sound need a vowel: "кг" is said otherwise. English
    takes its sounds from a dictionary.
    """
    if not _readable(word, language) or len(word) > _MAX_LETTERS or _REPEATED.search(word):
        return False
    vowels = _VOWELS.get(language, word)
    return len(word) == 1 or any(vowel in word for vowel in vowels)
