"""How a word of the model is written."""

import unicodedata

__all__ = ["lower", "strip_punctuation"]

# In these languages the small letter of "I" has no dot.
_DOTLESS = ("tr", "az")


def lower(text: str, language: str) -> str:
    """Return the text in small letters, by the rules of a language.

    Args:
        text: Anything.
        language: BCP 47 tag.
    """
    if language.partition("-")[0].lower() in _DOTLESS:
        text = text.replace("İ", "i").replace("I", "ı")
    return text.lower()


def strip_punctuation(text: str) -> str:
    """Return a word without the punctuation around it."""
    begin, end = 0, len(text)
    while begin < end and unicodedata.category(text[begin])[0] == "P":
        begin += 1
    while end > begin and unicodedata.category(text[end - 1])[0] == "P":
        end -= 1
    return text[begin:end]
