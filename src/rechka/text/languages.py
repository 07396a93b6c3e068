"""Which languages have text rules, and how letters change case in them."""

from typing import Final

__all__ = ["LANGUAGES", "capitalize", "fold", "primary_language"]

LANGUAGES: Final = frozenset({"en", "ru", "tr"})
"""Primary subtags with number and profanity rules."""

_TURKISH_LOWER: Final = str.maketrans({"I": "ı", "İ": "i"})


def primary_language(tag: str) -> str:
    """Return the lower-case primary subtag of a BCP 47 tag: "ru" of "ru-RU"."""
    return tag.replace("_", "-").partition("-")[0].lower()


def fold(text: str, language: str) -> str:
    """Return `text` in lower case by the rules of a primary subtag.

    Turkish I goes to ı and İ to i; elsewhere the Unicode default holds.
    """
    if language == "tr":
        text = text.translate(_TURKISH_LOWER)
    return text.lower()


def capitalize(text: str, language: str) -> str:
    """Return `text` with its first letter as a capital; the rest stays as it is.

    Signs before the first letter are passed over; a digit there means that the
    word is a number and stays. Turkish i goes to İ.
    """
    for index, character in enumerate(text):
        if character.isdigit():
            return text
        if character.isalpha():
            upper = "İ" if language == "tr" and character == "i" else character.upper()
            return text[:index] + upper + text[index + 1 :]
    return text
