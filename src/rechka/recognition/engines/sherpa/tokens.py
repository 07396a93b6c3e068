"""The tokens of a model, and the words that they make."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rechka.recognition.model_folders import refuse_file

__all__ = ["WORD_START", "TimedWord", "join_words", "read_tokens"]

WORD_START = "▁"
"""How a token says that a word begins with it, in `tokens.txt`; in results it is a space."""

_SPACES = re.compile(r"[ \t]+")
# The library ends the process at what only Unicode calls a digit.
_NUMBER = re.compile(r"[0-9]{1,9}")
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


@dataclass(frozen=True, slots=True)
class TimedWord:
    """One word.

    Attributes:
        text: Without spaces.
        start_ms: When its first token came, from the first sample of the utterance.
        end_ms: When its last token came.
        log_probs: Natural logarithms of its tokens' probabilities; empty if not known.
    """

    text: str
    start_ms: int
    end_ms: int
    log_probs: tuple[float, ...]


def read_tokens(path: Path) -> tuple[str, ...]:
    """Read `tokens.txt`: a token, a space and its number a line, in any order.

    Returns:
        The tokens by number.

    Raises:
        RequestError: The file cannot be read, a line is something else, a token is there
            twice, or numbers are missing or doubled.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise refuse_file(path, str(error)) from None
    texts: dict[int, str] = {}
    for number, line in enumerate(lines, 1):
        # Other spaces and separators of lines than these may be tokens.
        fields = _SPACES.split(line.strip(" \t\r"))
        if fields == [""]:
            continue
        if len(fields) != 2 or not _NUMBER.fullmatch(fields[1]) or int(fields[1]) in texts:
            raise refuse_file(path, f"line {number}: accepted: a token, a space and a new number")
        texts[int(fields[1])] = fields[0]
    if not texts or sorted(texts) != list(range(len(texts))):
        raise refuse_file(path, f"got {len(texts)} tokens; accepted: numbers from 0 without a gap")
    tokens = tuple(texts[number] for number in range(len(texts)))
    if len(set(tokens)) != len(tokens):
        double = next(token for token in tokens if tokens.count(token) > 1)
        raise refuse_file(path, f"the token {double!r} is there twice; accepted: each token once")
    return tokens


def join_words(
    tokens: Sequence[str], times_ms: Sequence[int], log_probs: Sequence[float]
) -> list[TimedWord]:
    """Join tokens to words.

    Args:
        tokens: As in a result: with a space before, where a word begins; bytes of a
            letter that is no token are written `<0xD0>`.
        times_ms: Of each token.
        log_probs: Of each token, or empty.
    """
    words: list[TimedWord] = []
    begin = 0
    for place in range(1, len(tokens) + 1):
        if place < len(tokens) and not tokens[place].startswith(" "):
            continue
        text = _text("".join(tokens[begin:place])).strip()
        if text:
            own = tuple(log_probs[begin:place])
            words.append(TimedWord(text, times_ms[begin], times_ms[place - 1], own))
        begin = place
    return words


def _text(joined: str) -> str:
    """Return the text of joined tokens; bytes that make no letter are left out."""
    if not _BYTE.search(joined):
        return joined
    parts: list[bytes] = []
    for place, part in enumerate(_BYTE.split(joined)):
        parts.append(bytes([int(part, 16)]) if place % 2 else part.encode())
    return b"".join(parts).decode(errors="ignore")
