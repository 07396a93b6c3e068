"""Reads what a graph is compiled from: an ARPA language model and a lexicon."""

import gzip
import io
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rechka.recognition.model_folders import refuse_file

__all__ = ["Arpa", "count_ngrams", "read_arpa", "read_lexicon"]

_HIGHEST_ORDER = 3
_LN_10 = math.log(10.0)
# Beyond it, and for infinities, values of one graph would have no levels between them.
_LARGEST_LOG = 1e6


@dataclass(slots=True)
class Arpa:
    """A language model as it stands in its file.

    Attributes:
        orders: For the order n at n - 1, its n-grams: the words, to the natural
            logarithms of probability and of back-off weight; at most 3 orders.
        beyond: How many n-grams there are of each higher order; they are left out,
            and the rest backs off as if they had never been there.
    """

    orders: list[dict[tuple[str, ...], tuple[float, float]]] = field(default_factory=list)
    beyond: list[int] = field(default_factory=list)

    @property
    def counts(self) -> list[int]:
        """How many n-grams there are of each order, from 1 on."""
        return [*map(len, self.orders), *self.beyond]


def read_arpa(path: Path) -> Arpa:
    """Read the n-grams of order 1 to 3 of a model, plain or gzipped.

    Raises:
        RequestError: The file cannot be read; the message names the line.
    """
    arpa = Arpa()
    announced: dict[int, int] = {}
    is_whole = False
    for number, line in _lines(path):
        if line == "\\end\\":
            is_whole = True
            break
        try:
            _read_line(arpa, announced, line)
        except (ValueError, IndexError):
            raise refuse_file(path, f"line {number}: got {line!r}; {_accepted(arpa)}") from None
    if not is_whole or not arpa.orders or not arpa.orders[0]:
        raise refuse_file(path, "it ends without \\end\\, or has no n-grams")
    for order, count in announced.items():
        got = arpa.counts[order - 1] if order <= len(arpa.counts) else 0
        if got != count:
            raise refuse_file(path, f"got {got} {order}-grams; its head says {count}")
    return arpa


def count_ngrams(path: Path) -> int:
    """Return how many n-grams of order 1 to 3 a model's head announces.

    Raises:
        RequestError: The file cannot be read, or its head is malformed.
    """
    arpa = Arpa()
    announced: dict[int, int] = {}
    for number, line in _lines(path):
        try:
            _read_line(arpa, announced, line)
        except (ValueError, IndexError):
            raise refuse_file(path, f"line {number}: got {line!r}; {_accepted(arpa)}") from None
        if arpa.orders:
            break
    return sum(count for order, count in announced.items() if order <= _HIGHEST_ORDER)


def _read_line(arpa: Arpa, announced: dict[int, int], line: str) -> None:
    """Take a line; raise ValueError or IndexError for one that is malformed."""
    if line.startswith("ngram ") and not arpa.orders:
        order, _, count = line[6:].partition("=")
        if int(order) < 1:
            raise ValueError
        announced[int(order)] = int(count)
    elif line.startswith("\\") and line.endswith("-grams:"):
        order_next = int(line[1:-7])
        if order_next != len(arpa.counts) + 1:
            raise ValueError
        if order_next > _HIGHEST_ORDER:
            arpa.beyond.append(0)
        else:
            arpa.orders.append({})
    elif arpa.orders and line:
        order_now = len(arpa.counts)
        fields = line.split()
        log_prob = _log_value(fields[0])
        backoff = _log_value(fields[order_now + 1]) if len(fields) > order_now + 1 else 0.0
        words = tuple(fields[1 : order_now + 1])
        if len(words) != order_now:
            raise ValueError
        if arpa.beyond:
            arpa.beyond[-1] += 1
        else:
            arpa.orders[-1][words] = (log_prob, backoff)


def _log_value(text: str) -> float:
    """Return the natural logarithm for one to base 10; raise ValueError for what is none."""
    value = float(text) * _LN_10
    if not abs(value) <= _LARGEST_LOG:
        raise ValueError
    return value


def _accepted(arpa: Arpa) -> str:
    order = len(arpa.counts)
    return (
        f"accepted: a log-probability, {order} words and a back-off weight, or the head of the "
        "next order"
        if order
        else "accepted: the head of an ARPA file and its 1-grams"
    )


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
            raise refuse_file(path, f"line {number}: accepted: a word, a tab, tokens")
        entries.append((word.strip(), tuple(tokens.split())))
    if not entries:
        raise refuse_file(path, "it has no words")
    return entries


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rb") as raw, io.TextIOWrapper(raw, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                yield number, line.rstrip("\r\n").strip(" ")
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise refuse_file(path, str(error)) from None
