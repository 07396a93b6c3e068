"""Sentences to labeled utterances, and the split into training and held-out text."""

import csv
import lzma
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rechka.text.languages import fold

__all__ = ["Utterance", "read_split", "utterances"]

HELD_OUT_SHARE = 10
GAP_SHARE = 50
MAX_WORDS = 60
_STRIPPED = "\"'«»“”„‘’()[]{}*_—–-<>"
_MARKS = {",": 1, ":": 1, ".": 2, "!": 2, ";": 2, "…": 2, "?": 3}
_ABBREVIATIONS = frozenset({"mr", "mrs", "ms", "dr", "st", "vs", "etc", "prof", "av", "no"})


class Utterance(NamedTuple):
    """Words in lower case with, for each, the mark after it and its capitals.

    Attributes:
        words: Without marks, folded.
        marks: 0 none, 1 comma, 2 full stop, 3 question mark.
        cases: 0 lower, 1 first capital, 2 all capitals.
    """

    words: tuple[str, ...]
    marks: tuple[int, ...]
    cases: tuple[int, ...]


def read_split(path: Path) -> tuple[list[list[str]], list[list[str]]]:
    """Return the training and the held-out sentences, each a list a source.

    The last tenth of every source is held out as one piece, so that no document
    is in both: the lines of a source come document by document. The document that
    the border cuts is left out of training by a gap of a fiftieth of the source,
    and sentences that are held out somewhere are taken out of training everywhere.

    Raises:
        ValueError: SOURCES.tsv does not say where every line comes from.
    """
    with lzma.open(path, "rt", encoding="utf-8") as file:
        lines = [line.strip() for line in file]
    counts = _source_lines(path)
    if sum(counts) != len(lines):
        message = f"{path}: {len(lines)} lines, but SOURCES.tsv beside it names {sum(counts)}"
        raise ValueError(message)
    training, held_out, start = [], [], 0
    for count in counts:
        source = lines[start : start + count]
        start += count
        border = count - count // HELD_OUT_SHARE
        training.append(source[: border - count // GAP_SHARE])
        held_out.append(source[border:])
    known = {line for source in held_out for line in source}
    return [[line for line in source if line not in known] for source in training], held_out


def _source_lines(path: Path) -> list[int]:
    """Return how many lines of a text each source has, in their order."""
    with (path.parent / "SOURCES.tsv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t")
        language = path.name.partition(".")[0]
        return [
            int(row["lines"])
            for row in rows
            if row["language"] == language and row["in_main_file"] == "yes"
        ]


def utterances(sources: Sequence[Sequence[str]], language: str, *, seed: int) -> list[Utterance]:
    """Return utterances of one to three neighboring sentences."""
    chance = random.Random(seed)
    result = []
    for source in sources:
        sentences = [sentence for line in source if (sentence := _labeled(line, language))]
        at = 0
        while at < len(sentences):
            count = chance.choices((1, 2, 3), (45, 30, 25))[0]
            joined = Utterance(
                *(sum(parts, ()) for parts in zip(*sentences[at : at + count], strict=True))
            )
            at += count
            if len(joined.words) <= MAX_WORDS:
                result.append(joined)
    return result


def _labeled(line: str, language: str) -> Utterance | None:
    """Return a line as a labeled utterance; None if it is no whole sentence."""
    labeled = list(_words(line.split(), language))
    letters = [character for character in line if character.isalpha()]
    if not labeled or labeled[-1][1] < 2 or not letters or not letters[0].isupper():
        return None
    words, marks, cases = zip(*labeled, strict=True)
    return Utterance(words, marks, cases)


def _words(parts: Sequence[str], language: str) -> Iterator[tuple[str, int, int]]:
    for index, part in enumerate(parts):
        bare = part.strip(_STRIPPED)
        core = bare.rstrip("".join(_MARKS) + _STRIPPED)
        if not any(character.isalnum() for character in core):
            continue
        mark = max((_MARKS.get(character, 0) for character in bare[len(core) :]), default=0)
        following = parts[index + 1].strip(_STRIPPED) if index + 1 < len(parts) else ""
        if mark == 2 and following:
            starts_lower = following[:1].islower()
            if starts_lower or fold(core, language) in _ABBREVIATIONS or len(core) == 1:
                mark = 0
        yield fold(core, language), mark, _case(core)


def _case(core: str) -> int:
    if not core[0].isupper():
        return 0
    return 2 if len(core) > 1 and core.isupper() else 1
