"""Reads what a graph is compiled from: an ARPA language model and a lexicon."""

import gzip
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rechka.recognition.engines.ctc.graph_file import refuse

__all__ = ["Arpa", "read_arpa", "read_lexicon"]

_HIGHEST_ORDER = 3
_LN_10 = math.log(10.0)


@dataclass(slots=True)
class Arpa:
    """A language model as it stands in its file.

    Attributes:
        orders: For the order n at n - 1, its n-grams: the words, to the natural
            logarithms of probability and of back-off weight.
    """

    orders: list[dict[tuple[str, ...], tuple[float, float]]] = field(default_factory=list)


def read_arpa(path: Path) -> Arpa:
    """Read a model of order 1 to 3, plain or gzipped.

    Raises:
        RequestError: The file cannot be read; the message names the line.
    """
    arpa = Arpa()
    announced: dict[int, int] = {}
    order = 0
    for number, line in _lines(path):
        if line.startswith("ngram "):
            name, _, count = line[6:].partition("=")
            announced[int(name)] = int(count)
        elif line.startswith("\\") and line.endswith("-grams:"):
            order = int(line[1:-7])
            if order != len(arpa.orders) + 1 or order > _HIGHEST_ORDER:
                raise refuse(path, f"line {number}: got {line!r}; accepted: 1- to 3-grams in order")
            arpa.orders.append({})
        elif line == "\\end\\":
            break
        elif order and line:
            try:
                fields = line.split()
                backoff = float(fields[order + 1]) if len(fields) > order + 1 else 0.0
                value = (float(fields[0]) * _LN_10, backoff * _LN_10)
                arpa.orders[-1][tuple(fields[1 : order + 1])] = value
            except (ValueError, IndexError):
                raise refuse(path, f"line {number}: not a {order}-gram") from None
    else:
        raise refuse(path, "it ends without \\end\\")
    for order, count in announced.items():
        got = len(arpa.orders[order - 1]) if order <= len(arpa.orders) else 0
        if got != count:
            raise refuse(path, f"got {got} {order}-grams; its head says {count}")
    if not arpa.orders:
        raise refuse(path, "it has no n-grams")
    return arpa


def read_lexicon(path: Path) -> list[tuple[str, tuple[str, ...]]]:
    """Read lines of a word, a tab and its tokens with spaces between; plain or gzipped.

    Raises:
        RequestError: The file cannot be read; the message names the line.
    """
    entries = []
    for number, line in _lines(path):
        if not line:
            continue
        word, tab, tokens = line.partition("\t")
        if not tab or not word.strip() or not tokens.split():
            raise refuse(path, f"line {number}: accepted: a word, a tab, tokens")
        entries.append((word.strip(), tuple(tokens.split())))
    if not entries:
        raise refuse(path, "it has no words")
    return entries


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        raw = gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")
        with raw, io.TextIOWrapper(raw, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                yield number, line.rstrip("\r\n").strip(" ")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise refuse(path, str(error)) from None
