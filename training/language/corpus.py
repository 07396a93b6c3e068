"""The text of a language: its sources, what of each is held out, and its groups."""

import csv
import lzma
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from language.clean import words_of

__all__ = ["Plan", "Sentence", "Source", "group_sources", "join_hyphens", "read_sources"]

Sentence = tuple[str, ...]

BLOCK_LINES: Final = 20
HELD_OUT_EVERY: Final = 100
_PARTICLES: Final = ("-то", "-нибудь", "-либо", "-ка", "-таки")
_PREFIXES: Final = ("кое-", "по-")
_KEPT_COMPOUND: Final = 3


@dataclass(slots=True)
class Source:
    """Sentences of one source in their order, without repetitions.

    Attributes:
        training: What models are estimated from.
        tuning: About 1 % in blocks of consecutive lines, to choose weights by.
        report: Another 1 % in such blocks, for figures alone.
    """

    name: str
    training: list[Sentence] = field(default_factory=list)
    tuning: list[Sentence] = field(default_factory=list)
    report: list[Sentence] = field(default_factory=list)


def read_sources(folder: Path, language: str) -> list[Source]:
    """Return the sources of `<language>.txt.xz`, cut by the line counts of `SOURCES.tsv`.

    Without `SOURCES.tsv` all lines are one source "text". A sentence is kept once; where
    a held-out sentence occurs elsewhere too, it is taken out of training.

    Raises:
        ValueError: The counts do not add up to the lines of the text.
    """
    with lzma.open(folder / f"{language}.txt.xz", "rt", encoding="utf-8") as file:
        lines = file.read().splitlines()
    sources = []
    at = 0
    for name, count in _counts(folder, language, len(lines)):
        sources.append(_split(name, lines[at : at + count], language))
        at += count
    if at != len(lines):
        raise ValueError(f"SOURCES.tsv: {at} lines for {language}, the text has {len(lines)}")
    seen: set[Sentence] = set()
    for role in ("report", "tuning", "training"):
        for source in sources:
            kept = list(dict.fromkeys(line for line in getattr(source, role) if line not in seen))
            seen.update(kept)
            setattr(source, role, kept)
    return sources


def _counts(folder: Path, language: str, total: int) -> Iterator[tuple[str, int]]:
    table = folder / "SOURCES.tsv"
    if not table.exists():
        yield "text", total
        return
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["language"] == language and row["in_main_file"] == "yes":
                yield row["repo"], int(row["lines"])


def _split(name: str, lines: Sequence[str], language: str) -> Source:
    """Hold out the first and the 51st of every 100 blocks.

    Of a source of 2 to 50 blocks the last block is the one for reports.
    """
    source = Source(name)
    blocks = [lines[at : at + BLOCK_LINES] for at in range(0, len(lines), BLOCK_LINES)]
    last = len(blocks) - 1 if 2 <= len(blocks) <= HELD_OUT_EVERY // 2 else -1
    for number, block in enumerate(blocks):
        sentences = [words for line in block if (words := words_of(line, language))]
        if number == last or number % HELD_OUT_EVERY == HELD_OUT_EVERY // 2:
            source.report += sentences
        elif number % HELD_OUT_EVERY == 0 and len(blocks) > 1:
            source.tuning += sentences
        else:
            source.training += sentences
    return source


def join_hyphens(sources: Iterable[Source]) -> None:
    """Cut words at their hyphens but for particles and compounds that are often in training."""
    sources = list(sources)
    counts = Counter(
        word for source in sources for line in source.training for word in line if "-" in word
    )

    def parts(word: str) -> Sequence[str]:
        if word.endswith(_PARTICLES) or word.startswith(_PREFIXES):
            return (word,)
        return (word,) if counts[word] >= _KEPT_COMPOUND else word.split("-")

    for source in sources:
        for lines in (source.training, source.tuning, source.report):
            for index, line in enumerate(lines):
                if any("-" in word for word in line):
                    lines[index] = tuple(part for word in line for part in parts(word))


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done with the sources of a language; the keys of `sources.toml`.

    Attributes:
        groups: Sources that speak alike, by the name of the group.
        spoken: Sources whose held-out sentences the weights of groups suit.
        strange: Sources that the weights suit as if they were not in the text.
    """

    groups: dict[str, list[Source]]
    spoken: list[Source]
    strange: list[Source]


def group_sources(sources: Sequence[Source], table: Path, language: str) -> Plan:
    """Return the plan of a language; a text without `SOURCES.tsv` is a group of its own.

    Raises:
        ValueError: A source is in no group, a name is unknown, or a group would be
            empty without its strange sources.
    """
    if [source.name for source in sources] == ["text"]:
        return Plan({"text": list(sources)}, list(sources), [])
    names = {source.name: source for source in sources}
    entry = tomllib.loads(table.read_text(encoding="utf-8"))[language]
    groups, spoken, strange = entry["groups"], entry["spoken"], entry["strange"]
    listed = {name for group in groups.values() for name in group}
    if wrong := (listed | set(spoken) | set(strange)) ^ set(names):
        raise ValueError(f"{table.name}: {language}: without a group or unknown: {sorted(wrong)}")
    for group, members in groups.items():
        if set(members) <= set(strange):
            raise ValueError(f"{table.name}: {language}: {group}: all its sources are strange")
    return Plan(
        {group: [names[name] for name in members] for group, members in groups.items()},
        [names[name] for name in spoken],
        [names[name] for name in strange],
    )
