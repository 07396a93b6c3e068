"""Which words a model knows, how often they are in general, how they are pronounced."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from language.clean import LETTERS, is_word

__all__ = ["choose_words", "dictionary", "general_frequencies", "pronunciations", "write_lexicon"]

Pronunciations = Mapping[str, list[tuple[str, ...]]]

_MIN_COUNT: Final = 2
_VARIANT: Final = re.compile(r"\(\d+\)$")


def general_frequencies(language: str) -> dict[str, float]:
    """Return relative frequencies of words by `wordfreq`, written as in the text.

    Russian forms with ё and with е are one word here.
    """
    import wordfreq  # noqa: PLC0415 - Only this step needs it.

    result: dict[str, float] = {}
    for word, frequency in wordfreq.get_frequency_dict(language, wordlist="best").items():
        written = word.replace("ё", "е") if language == "ru" else word
        if is_word(written, language):
            result[written] = result.get(written, 0.0) + frequency
    return result


def choose_words(
    counts: Counter[str],
    general: Mapping[str, float],
    language: str,
    *,
    size: int,
    known: Pronunciations | None = None,
) -> list[str]:
    """Return at most `size` words, the most frequent first.

    Words that were twice in the text come first of all; the rest is filled up by the
    frequency in the text and in general.

    Args:
        counts: Occurrences in the training text.
        general: Relative frequencies elsewhere.
        language: Primary subtag.
        size: How many words at most.
        known: Words that can be pronounced; None when every word can, by its letters.
    """
    total = max(1, counts.total())

    def frequency(word: str) -> float:
        return (counts[word] / total + general.get(word, 0.0)) / 2

    candidates = [
        word
        for word in counts.keys() | general.keys()
        if is_word(word, language) and (known is None or word in known)
    ]
    candidates.sort(key=lambda word: (counts[word] < _MIN_COUNT, -frequency(word), word))
    return sorted(candidates[:size], key=lambda word: (-frequency(word), word))


def dictionary(path: Path) -> dict[str, list[tuple[str, ...]]]:
    """Return the pronunciations of a CMU dictionary file, without marks of stress.

    Entries of signs and abbreviations ("a.m.", "!exclamation-point") are left out.
    """
    result: dict[str, list[tuple[str, ...]]] = {}
    with path.open(encoding="utf-8") as file:
        for line in file:
            entry, *phones = line.split()
            word = _VARIANT.sub("", entry)
            if not is_word(word, "en"):
                continue
            spoken = tuple(re.sub(r"\d", "", phone) for phone in phones)
            known = result.setdefault(word, [])
            if spoken not in known:
                known.append(spoken)
    return result


def pronunciations(
    words: Iterable[str], language: str, known: Pronunciations | None
) -> dict[str, list[tuple[str, ...]]]:
    """Return the tokens of each word: of the dictionary, or else its letters."""
    if known is not None:
        return {word: list(known[word]) for word in words}
    return {word: [tuple(c for c in word if c in LETTERS[language])] for word in words}


def write_lexicon(path: Path, entries: Pronunciations) -> None:
    """Write `word<TAB>token token …`, a line for each pronunciation."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(
            f"{word}\t{' '.join(tokens)}\n" for word, spoken in entries.items() for tokens in spoken
        )
