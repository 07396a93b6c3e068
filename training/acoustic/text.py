"""Letters, phones and clean sentences of the three languages."""

import lzma
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pocketsphinx

__all__ = [
    "LANGUAGES",
    "TOKENS",
    "clean",
    "is_speakable",
    "read_sentences",
    "to_tokens",
]

LANGUAGES = ("ru", "en", "tr")

_LETTERS = {
    "ru": "абвгдежзийклмнопрстуфхцчшщъыьэюя",
    "en": "abcdefghijklmnopqrstuvwxyz",
    "tr": "abcçdefgğhıijklmnoöprsştuüvyz",
}
_PHONES = (
    *("AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY"),
    *("F", "G", "HH", "IH", "IY", "JH", "K", "L", "M", "N", "NG", "OW", "OY"),
    *("P", "R", "S", "SH", "T", "TH", "UH", "UW", "V", "W", "Y", "Z", "ZH"),
)

# What the network tells apart: Russian and Turkish are written nearly as they are
# spoken, English is not.
TOKENS: dict[str, tuple[str, ...]] = {
    "ru": tuple(_LETTERS["ru"]),
    "en": _PHONES,
    "tr": tuple(_LETTERS["tr"]),
}
_PUNCTUATION = re.compile(r"[\s.,!?;:()\[\]{}\"«»“”„…–—-]+")
_LOWER = {"ru": str.maketrans("ё", "е"), "tr": str.maketrans("âîû", "aiu")}


def clean(line: str, language: str) -> list[str] | None:
    """Return the lower-case words of a line, or None where it holds anything but letters."""
    if language == "tr":
        line = line.replace("I", "ı").replace("İ", "i")
    line = line.lower().replace("’", "'").translate(_LOWER.get(language, {}))
    words = [word.strip("'") for word in _PUNCTUATION.split(line)]
    words = [word for word in words if word]
    allowed = set(_LETTERS[language]) | ({"'"} if language != "ru" else set())
    if not words or any(not allowed.issuperset(word) for word in words):
        return None
    return [word.replace("'", "") for word in words] if language == "tr" else words


@cache
def pronunciations() -> dict[str, tuple[tuple[str, ...], ...]]:
    """Return the dictionary of the pocketsphinx wheel, by word."""
    path = Path(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict"))
    found: dict[str, list[tuple[str, ...]]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        word, *phones = line.split()
        found.setdefault(re.sub(r"\(\d+\)$", "", word), []).append(tuple(phones))
    return {word: tuple(of) for word, of in found.items()}


def to_tokens(words: Sequence[str], language: str) -> list[int] | None:
    """Return the words as token numbers; None where a word has no pronunciation."""
    names = TOKENS[language]
    numbers = {name: number for number, name in enumerate(names)}
    tokens: list[int] = []
    for word in words:
        if language == "en":
            if word not in pronunciations():
                return None
            tokens += [numbers[phone] for phone in pronunciations()[word][0]]
        else:
            tokens += [numbers[letter] for letter in word]
    return tokens


def is_speakable(line: str, language: str) -> bool:
    """Say whether a line is words with known tokens."""
    words = clean(line, language)
    return words is not None and to_tokens(words, language) is not None


def read_sentences(path: Path, language: str, *, most_words: int = 14) -> Iterator[list[str]]:
    """Yield the clean sentences of a compressed text with 2 to `most_words` words."""
    with lzma.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            words = clean(line, language)
            if words and 2 <= len(words) <= most_words and to_tokens(words, language):
                yield words
