"""The tokens of a model: what its outputs stand for."""

from dataclasses import dataclass
from pathlib import Path

from rechka.recognition.model_folders import refuse_file

__all__ = ["WORD_START", "Tokens", "read_tokens"]

_BLANKS = ("<blk>", "<blank>", "[PAD]", "<pad>")
# Beyond them a number is no token's, and Python reads none of thousands.
_MOST_DIGITS = 9
_SPACES = ("|", "<space>", "▁", " ", "")
WORD_START = "▁"
"""How a piece of a word says that it is the first, in sentencepiece."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """An inventory.

    Attributes:
        texts: Text of each output, as in `tokens.txt`.
        blank: Output that stands for no token.
        space: Output that stands between words; None if there is none.
    """

    texts: tuple[str, ...]
    blank: int
    space: int | None


def read_tokens(path: Path) -> Tokens:
    """Read `tokens.txt`: a token, a space and its number a line, in any order.

    Raises:
        RequestError: The file cannot be read, numbers are missing or doubled, or no
            token is the blank.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise refuse_file(path, str(error)) from None
    texts: dict[int, str] = {}
    for number, line in enumerate(lines, 1):
        text, _, index = line.rstrip("\r").rpartition(" ")
        if not line.strip():
            continue
        if not _is_number(index) or int(index) in texts:
            raise refuse_file(path, f"line {number}: accepted: a token, a space and a new number")
        texts[int(index)] = text
    if sorted(texts) != list(range(len(texts))) or not texts:
        raise refuse_file(path, f"got {len(texts)} tokens; accepted: numbers from 0 without a gap")
    ordered = tuple(texts[index] for index in range(len(texts)))
    blanks = [ordered.index(text) for text in _BLANKS if text in ordered]
    if not blanks:
        raise refuse_file(path, f"no token is the blank; accepted: {', '.join(_BLANKS)}")
    spaces = [ordered.index(text) for text in _SPACES if text in ordered]
    return Tokens(ordered, blank=blanks[0], space=spaces[0] if spaces else None)


def _is_number(text: str) -> bool:
    # Digits of ASCII alone, as libraries in other languages read them.
    return text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS
