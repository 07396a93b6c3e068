"""The pieces of words that a model was trained with, and how a word is spelled in them.

They come from sentencepiece's `bpe.model`, from the `bpe.vocab` beside it, or from the
order of the tokens: sentencepiece numbers the pieces of a BPE model by rank, and their
scores are these ranks, negative.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from rechka.recognition.engines.sherpa.tokens import WORD_START
from rechka.recognition.model_folders import refuse_file

__all__ = ["Pieces", "read_pieces"]

_NORMAL, _USER_DEFINED = 1, 4


class Pieces:
    """An inventory of pieces, all of them tokens of the model.

    Args:
        scores: Of each piece; the spelling with the highest sum is taken.
    """

    def __init__(self, scores: Mapping[str, float]) -> None:
        self._scores = dict(scores)
        self._longest = max((len(piece) for piece in scores), default=0)
        letters = "".join(scores)
        self.has_capitals = letters.lower() != letters
        self.has_small = letters.upper() != letters

    def count(self, word: str) -> int:
        """Return in how many pieces a word is spelled; 0 if it cannot be spelled."""
        text = WORD_START + word
        best: list[tuple[float, int] | None] = [(0.0, 0)] + [None] * len(text)
        for end in range(1, len(text) + 1):
            for begin in range(max(0, end - self._longest), end):
                before, score = best[begin], self._scores.get(text[begin:end])
                if before is None or score is None:
                    continue
                now = (before[0] + score, before[1] + 1)
                known = best[end]
                if known is None or now[0] > known[0]:
                    best[end] = now
        last = best[-1]
        return last[1] if last is not None else 0

    def vocabulary(self) -> str:
        """Return the text of the file that sherpa-onnx reads pieces from."""
        return "".join(f"{piece}\t{score!r}\n" for piece, score in self._scores.items())


def read_pieces(path: Path | None, tokens: Sequence[str]) -> Pieces | None:
    """Read pieces, as far as they are tokens.

    Args:
        path: A `*.model` of sentencepiece, or a text with a piece and its score a line;
            None stands for the order of the tokens.
        tokens: Of the model.

    Returns:
        None if the tokens are no pieces of words: no word begins with any of them.

    Raises:
        RequestError: The file cannot be read, or none of its pieces is a token.
    """
    if path is None:
        ranked = [token for token in tokens if not token.startswith("<")]
        scores = {token: -float(rank) for rank, token in enumerate(ranked)}
    else:
        known = frozenset(tokens)
        listed = _read_model(path) if path.suffix == ".model" else _read_vocabulary(path)
        scores = {piece: score for piece, score in listed if piece in known}
        if not scores:
            raise refuse_file(path, "none of its pieces is a token of the model")
    return Pieces(scores) if any(piece.startswith(WORD_START) for piece in scores) else None


def _read_vocabulary(path: Path) -> Iterator[tuple[str, float]]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise refuse_file(path, str(error)) from None
    for number, line in enumerate(lines, 1):
        piece, _, text = line.strip(" \t\r").replace("\t", " ").partition(" ")
        if not piece:
            continue
        try:
            score = float(text)
        except ValueError:
            raise refuse_file(path, f"line {number}: accepted: a piece and its score") from None
        if not piece.startswith("<"):
            yield piece, score


def _read_model(path: Path) -> Iterable[tuple[str, float]]:
    """Read field 1, the pieces, of a sentencepiece `ModelProto`."""
    try:
        fields = list(_fields(path.read_bytes()))
        pieces = [_piece(value) for number, value in fields if number == 1]
    except (OSError, ValueError, TypeError, IndexError, struct.error) as error:
        raise refuse_file(path, f"it is no model of sentencepiece: {error}") from None
    return [(text, score) for text, score, kind in pieces if kind in (_NORMAL, _USER_DEFINED)]


def _piece(value: int | bytes) -> tuple[str, float, int | bytes]:
    """Return text, score and type: the fields 1, 2 and 3 of a piece.

    Raises:
        ValueError, TypeError, IndexError, struct.error: It is none.
    """
    if not isinstance(value, bytes):
        raise TypeError("a piece is a number")
    parts = dict(_fields(value))
    text, score = parts.get(1, b""), parts.get(2, b"\0\0\0\0")
    if not isinstance(text, bytes) or not isinstance(score, bytes):
        raise TypeError("the text or the score of a piece is a number")
    return text.decode(), float(struct.unpack("<f", score)[0]), parts.get(3, _NORMAL)


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of each field of a protobuf message.

    Raises:
        ValueError, IndexError: It is none, or is cut off.
    """
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        value: int | bytes
        if kind == 0:
            value, at = _varint(data, at)
        else:
            if kind == 2:
                length, at = _varint(data, at)
            elif kind in (1, 5):
                length = 8 if kind == 1 else 4
            else:
                raise ValueError(f"a field has the wire type {kind}")
            value, at = data[at : at + length], at + length
            if at > len(data):
                raise ValueError("it is cut off")
        yield number, value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise ValueError("a number is too long")
