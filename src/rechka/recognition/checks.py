"""What an engine returns, checked before anything relies on it.

Runs for every event of every stream: 1 µs, and 0.4 µs a word.
"""

import unicodedata

import numpy as np

from rechka.recognition.port import Observation
from rechka.results import Hypothesis, Word

__all__ = ["BadResultError", "check_observation", "check_readings", "check_whole"]

_WHOLE = (int, np.integer)
_NUMBER = (float, int, np.floating, np.integer)
# More milliseconds than any session has; they travel in 32 bits.
_LATEST_MS = 2**31 - 1
# Confidences travel in 32 bits too; beyond it, and for what is no number, no comparison holds.
_MOST_CONFIDENT = float(np.finfo(np.float32).max)
# Half an hour of fast speech with its words, or five minutes in ten readings. A client takes
# a message of 4 MiB, in which a character may take three bytes.
_MOST_CHARACTERS = 500_000
# What times and confidence of a word take, in characters.
_WORD_CHARACTERS = 20
# They shape the letters beside them in Persian or Hindi.
_JOINERS = "\u200c\u200d"


class BadResultError(Exception):
    """An engine returned what its port does not allow. The text holds nothing that was said."""


def check_observation(observation: Observation) -> None:
    """Check what `EngineStream.observe` returned.

    Raises:
        BadResultError: It is not what the port says.
    """
    if not isinstance(observation, Observation):
        raise BadResultError("observe returned no Observation")
    if observation.trailing_silence_ms is not None:
        check_whole(observation.trailing_silence_ms, "trailing_silence_ms")
    if _size(observation.hypothesis) > _MOST_CHARACTERS:
        raise BadResultError("an observation is too large")


def check_readings(readings: tuple[Hypothesis, ...]) -> None:
    """Check what `EngineStream.finish` returned.

    Raises:
        BadResultError: It is not what the port says.
    """
    if not isinstance(readings, tuple):
        raise BadResultError("finish returned no tuple")
    if sum(map(_size, readings)) > _MOST_CHARACTERS:
        raise BadResultError("the readings are too large")


def check_whole(value: object, field: str) -> None:
    """Check a time or a count.

    Raises:
        BadResultError: It is no whole number, is negative or too large.
    """
    if not isinstance(value, _WHOLE):
        raise BadResultError(f"{field} is no whole number")
    if not 0 <= value <= _LATEST_MS:
        raise BadResultError(f"{field} is out of range")


def _size(hypothesis: Hypothesis) -> int:
    """Check a reading; return how much it is to send, in characters."""
    if not isinstance(hypothesis, Hypothesis):
        raise BadResultError("a reading is no Hypothesis")
    words = hypothesis.words
    if not (isinstance(words, tuple) and {Word}.issuperset(map(type, words))):
        raise BadResultError("the words are no tuple of Word")
    if not _is_confidence(hypothesis.confidence):
        raise BadResultError("a confidence is no finite number")
    _check_text(hypothesis.text)
    size = len(hypothesis.text) + len(words) * _WORD_CHARACTERS
    for word in words:
        text, start_ms, end_ms = word.text, word.start_ms, word.end_ms
        confidence = word.confidence
        # There are many words, and all but a few are right at first sight.
        if not (
            type(start_ms) is type(end_ms) is int
            and type(confidence) is float
            and 0 <= start_ms <= _LATEST_MS
            and 0 <= end_ms <= _LATEST_MS
            and -_MOST_CONFIDENT <= confidence <= _MOST_CONFIDENT
            and type(text) is str
            and text.isprintable()
        ):
            _check_word(word)
        size += len(text)
    return size


def _check_word(word: Word) -> None:
    check_whole(word.start_ms, "a word's start_ms")
    check_whole(word.end_ms, "a word's end_ms")
    if not _is_confidence(word.confidence):
        raise BadResultError("a confidence is no finite number")
    _check_text(word.text)


def _is_confidence(value: object) -> bool:
    return isinstance(value, _NUMBER) and bool(-_MOST_CONFIDENT <= value <= _MOST_CONFIDENT)


def _check_text(text: object) -> None:
    if not isinstance(text, str):
        raise BadResultError("a text is no str")
    if not text.isprintable() and any(map(_is_control, text)):
        raise BadResultError("a text has control characters")


def _is_control(character: str) -> bool:
    """Return whether a character does something where it is printed, or cannot be sent."""
    kind = unicodedata.category(character)
    if kind == "Cf":
        return character not in _JOINERS
    return kind in {"Cc", "Cs", "Zl", "Zp"}
