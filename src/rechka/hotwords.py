"""Phrases that a session prefers, and how they are written in metadata, files and options.

    ivan petrov:6; rechka; teh:-5

Phrases with `;` between, each with or without a `:` and its boost. In a file every line
is one phrase, and `#` begins a comment.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rechka.errors import RequestError

__all__ = ["DEFAULT_BOOST", "Hotword", "format_hotwords", "parse_hotwords", "read_hotwords_file"]

DEFAULT_BOOST = 4.0
"""Boost of a phrase that names none: between a hint and a strong wish."""

_MOST_PHRASES = 100
_MOST_PHRASES_IN_FILE = 500
_MOST_CHARACTERS = 100
_MOST_WORDS = 10
_STRONGEST_BOOST = 20.0
_MOST_FILE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Hotword:
    """A word or phrase that is more likely in a stream than elsewhere.

    Attributes:
        text: One or more words.
        boost: What each of its words adds to the natural logarithm of a reading's
            probability; 2 is a hint, 8 a strong wish, negative makes it rarer.
    """

    text: str
    boost: float


def parse_hotwords(text: str, *, field: str) -> tuple[Hotword, ...]:
    """Return the phrases of a text such as `ivan petrov:6; rechka`.

    Args:
        text: At most 100 phrases; empty ones are passed over.
        field: Where it came from, for errors.

    Raises:
        RequestError: There are too many, or one of them is not accepted.
    """
    entries = [entry for entry in text.split(";") if entry.strip()]
    _check_count(len(entries), _MOST_PHRASES, field)
    return tuple(_parse(entry, field) for entry in entries)


def format_hotwords(hotwords: Iterable[Hotword], *, field: str) -> str:
    """Return the text of phrases, as `parse_hotwords` reads it.

    Raises:
        RequestError: There are too many, or one of them cannot be written so.
    """
    entries = []
    for hotword in hotwords:
        if ":" in hotword.text or ";" in hotword.text:
            raise RequestError.about(field, "accepted: phrases without : and ;", got=hotword.text)
        entries.append(f"{hotword.text}:{hotword.boost!r}")
    text = ";".join(entries)
    parse_hotwords(text, field=field)
    return text


def read_hotwords_file(path: Path, *, field: str) -> tuple[Hotword, ...]:
    """Return the phrases of a file, one a line; at most 500.

    Args:
        path: A text in UTF-8.
        field: What named the file, for errors.

    Raises:
        RequestError: The file cannot be read, has too many phrases, or a line is not
            accepted.
    """
    try:
        size_bytes = path.stat().st_size
        if size_bytes > _MOST_FILE_BYTES:
            problem = f"{path}: got {size_bytes} bytes; accepted: at most {_MOST_FILE_BYTES}"
            raise RequestError.about(field, problem)
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError.about(field, f"{path}: {error}") from None
    phrases = []
    for number, line in enumerate(lines, 1):
        entry = line.partition("#")[0].strip()
        if entry:
            phrases.append(_parse(entry, f"{field}: {path}, line {number}"))
    _check_count(len(phrases), _MOST_PHRASES_IN_FILE, f"{field}: {path}")
    return tuple(phrases)


def _parse(entry: str, field: str) -> Hotword:
    phrase, colon, number = entry.rpartition(":")
    if not colon:
        phrase, number = number, str(DEFAULT_BOOST)
    words = phrase.split()
    text = " ".join(words)
    if not words or len(words) > _MOST_WORDS or len(text) > _MOST_CHARACTERS:
        problem = (
            f"accepted: a phrase of 1 to {_MOST_WORDS} words and at most "
            f"{_MOST_CHARACTERS} characters, with or without a colon and its boost"
        )
        raise RequestError.about(field, problem, got=entry)
    if not text.isprintable() or ":" in text or ";" in text:
        accepted = "phrases without : and ; and without control characters"
        raise RequestError.about(field, f"accepted: {accepted}", got=entry)
    try:
        boost = float(number)
    except ValueError:
        boost = math.nan
    if not abs(boost) <= _STRONGEST_BOOST:
        accepted = f"a number from -{_STRONGEST_BOOST:g} to {_STRONGEST_BOOST:g}"
        raise RequestError.about(field, f"accepted as a boost: {accepted}", got=entry)
    return Hotword(text, boost)


def _check_count(count: int, most: int, field: str) -> None:
    if count > most:
        raise RequestError.about(field, f"got {count} phrases; accepted: at most {most}")
