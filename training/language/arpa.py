"""Models as ARPA files: the text form that language model tools exchange."""

import math
from pathlib import Path
from typing import Final, TextIO

import numpy as np

from language.model import BITS, MAX_WORDS, Level, Model

__all__ = ["read_arpa", "write_arpa"]

_ZERO: Final = -99.0
_SPECIAL: Final = ("<s>", "</s>", "<unk>")


def write_arpa(path: Path, model: Model) -> None:
    """Write a model; n-grams stand in the order of their keys, logarithms have base 10."""
    with path.open("w", encoding="utf-8") as file:
        file.write("\\data\\\n")
        for order, level in enumerate(model.levels, start=1):
            file.write(f"ngram {order}={len(level.keys)}\n")
        for order, level in enumerate(model.levels, start=1):
            file.write(f"\n\\{order}-grams:\n")
            _write_level(file, model, order, level)
        file.write("\n\\end\\\n")


def _write_level(file: TextIO, model: Model, order: int, level: Level) -> None:
    longest = order == len(model.levels)
    with np.errstate(divide="ignore"):
        logs = np.where(level.p > 0, np.log10(level.p), _ZERO)
        backoffs = np.log10(level.backoff)
    shifts = [BITS * (order - 1 - n) for n in range(order)]
    columns = [((level.keys >> np.uint64(shift)) & np.uint64(MAX_WORDS - 1)) for shift in shifts]
    for row in zip(logs.tolist(), backoffs.tolist(), *(c.tolist() for c in columns), strict=True):
        text = " ".join(model.words[number] for number in row[2:])
        backoff = "" if longest or abs(row[1]) < 5e-7 else f"\t{row[1]:.6f}"
        file.write(f"{row[0]:.6f}\t{text}{backoff}\n")


def read_arpa(path: Path) -> Model:
    """Return the model of a file; `mass` of its n-grams is 0.

    Raises:
        ValueError: The file is not in the form, with the number of the line.
    """
    words = list(_SPECIAL)
    numbers = {word: number for number, word in enumerate(words)}
    rows: list[list[tuple[int, float, float]]] = []
    with path.open(encoding="utf-8") as file:
        for line_number, line in enumerate(file, start=1):
            text = line.rstrip("\n")
            if text.endswith("-grams:"):
                rows.append([])
            elif "\t" in text:
                try:
                    rows[-1].append(_parse(text, len(rows), numbers, words))
                except (IndexError, KeyError, ValueError) as error:
                    raise ValueError(f"{path.name}: line {line_number}: {text!r}") from error
    return Model(
        words, [_level(part, len(words) if n == 0 else None) for n, part in enumerate(rows)]
    )


def _parse(
    text: str, order: int, numbers: dict[str, int], words: list[str]
) -> tuple[int, float, float]:
    log, ngram, *backoff = text.split("\t")
    parts = ngram.split(" ")
    if len(parts) != order:
        raise ValueError(f"{len(parts)} words")
    if order == 1 and parts[0] not in numbers:
        numbers[parts[0]] = len(words)
        words.append(parts[0])
    key = 0
    for part in parts:
        key = key << BITS | numbers[part]
    return key, float(log), float(backoff[0]) if backoff else 0.0


def _level(rows: list[tuple[int, float, float]], size: int | None) -> Level:
    rows.sort()
    keys = np.array([row[0] for row in rows], np.uint64)
    if size is not None and len(keys) != size:
        raise ValueError(f"1-grams: {len(keys)} words, with {', '.join(_SPECIAL)} {size}")
    p = np.array([0.0 if row[1] <= _ZERO else math.pow(10.0, row[1]) for row in rows])
    backoff = np.array([math.pow(10.0, row[2]) for row in rows])
    return Level(keys, p, backoff, np.zeros(len(rows)))
