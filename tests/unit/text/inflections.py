"""Inflected forms of profanity entries, to test that the filter knows more than lemmas."""

import pymorphy3  # type: ignore[import-untyped, unused-ignore]

__all__ = ["inflected"]

_MORPH = pymorphy3.MorphAnalyzer()
_TURKISH_BACK = "aıou"


def inflected(word: str, language: str) -> set[str]:
    """Return forms of a word; the word alone where the language's rules do not fit it."""
    if language == "ru":
        return {word} | _russian(word)
    if language == "en":
        return {word} | _english(word)
    return {word} | _turkish(word)


def _russian(word: str) -> set[str]:
    # The analyzer guesses at words that it does not know; only known ones have sure forms.
    if not _MORPH.word_is_known(word):
        return set()
    return {form.word for form in _MORPH.parse(word)[0].lexeme}


def _english(word: str) -> set[str]:
    if not word.isalpha() or word.endswith(("s", "ing", "ism")):
        return set()
    return (
        {word[:-1] + "ies"}
        if word.endswith("y") and word[-2] not in "aeiou"
        else ({word + "es"} if word.endswith(("x", "z", "ch", "sh")) else {word + "s"})
    )


def _turkish(word: str) -> set[str]:
    vowels = [letter for letter in word if letter in "aıoueiöü"]
    # Entries of the list that are lemmas; the others carry their endings already.
    if not vowels or word.endswith(("mak", "mek", "lar", "ler")) or word not in _TURKISH_LEMMAS:
        return set()
    low = "a" if vowels[-1] in _TURKISH_BACK else "e"
    hard = "t" if word[-1] in "çfhkpsşt" else "d"
    plural = f"l{low}r"
    return {
        word + plural, f"{word}{plural}{'ı' if low == 'a' else 'i'}", f"{word}{hard}{low}",
        f"{word}{hard}{low}n", f"{word}{plural}d{low}n", f"{word}{plural}{low}",
    }  # fmt: skip


_TURKISH_LEMMAS = {
    "amcık", "göt", "götveren", "kaltak", "orospu", "saksocu", "sik", "taşak", "yarak", "çingene",
}  # fmt: skip
