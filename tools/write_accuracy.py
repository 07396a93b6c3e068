"""Measures the served models with `rechka evaluate` and writes the tables of docs/accuracy.md.

    python tools/write_accuracy.py real SPEECH           # SPEECH/{ru,en,tr}/manifest.tsv
    python tools/write_accuracy.py synthesized TEST      # TEST/*/manifest.tsv

A test folder's name begins with its language, such as `ru-irina`; the first line of its
`README` says what it is. A table stands between two comments with its name.
"""

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "accuracy.md"
LANGUAGES = {"ru": ("ru-RU", "Russian"), "tr": ("tr-TR", "Turkish"), "en": ("en-US", "English")}
_Row = dict[str, Any]


def measure(manifest: Path, language: str, *options: str) -> list[_Row]:
    """Return the sets of a manifest, the sum of all last."""
    command = [sys.executable, "-m", "rechka", "evaluate", str(manifest), "--json"]
    result = subprocess.run(
        [*command, "--lang", language, *options], check=True, stdout=subprocess.PIPE, text=True
    )
    rows: list[_Row] = json.loads(result.stdout)
    return rows


def percent(value: float) -> str:
    """Return a share as the page writes it."""
    return f"{value * 100:.1f} %"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def real_people(folder: Path) -> str:
    """Return the table of real clips, a column a language."""
    columns = []
    for short, (language, name) in LANGUAGES.items():
        manifest = folder / short / "manifest.tsv"
        # Two at once leave two cores room enough for the delays to be those of one.
        *sets, everything = measure(manifest, language, "--pace", "realtime", "--sessions", "2")
        by_source = ", ".join(f"{row['set']} {percent(row['wer'])}" for row in sets)
        columns.append(
            [
                name,
                str(everything["clips"]),
                percent(everything["wer"]),
                by_source or "–",
                percent(everything["cer"]),
                str(everything["empty"]),
                f"{everything['first_partial_ms_p50']} ms",
                f"{everything['first_partial_ms_p95']} ms",
            ]
        )
    labels = [
        "real people",
        "clips",
        "word error rate",
        "by source",
        "character error rate",
        "clips without a result",
        "first partial after the end of the first word, median",
        "the same, 95th percentile",
    ]
    head, *rows = [
        [label, *values] for label, values in zip(labels, zip(*columns, strict=True), strict=True)
    ]
    return table(head, rows)


def synthesized(folder: Path) -> str:
    """Return the table of synthesized voices, a row a test set."""
    rows = []
    for manifest in sorted(folder.glob("*/manifest.tsv")):
        language, name = LANGUAGES[manifest.parent.name[:2]]
        what = (manifest.parent / "README").read_text(encoding="utf-8").splitlines()[0]
        everything = measure(manifest, language, "--sessions", "2")[-1]
        rows.append(
            [f"{name}: {what}", str(everything["clips"]), percent(everything["wer"]),
             percent(everything["cer"])]
        )  # fmt: skip
    head = ["voices that were never trained on", "clips", "word error rate", "character error rate"]
    return table(head, rows)


def write(name: str, content: str) -> None:
    """Put a table in its place on the page."""
    begin, end = f"<!-- {name}: written by tools/write_accuracy.py -->", f"<!-- end of {name} -->"
    page = PAGE.read_text(encoding="utf-8")
    pattern = re.escape(begin) + ".*?" + re.escape(end)
    written, count = re.subn(pattern, lambda _: f"{begin}\n{content}\n{end}", page, flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"{PAGE}: has {count} places for {name}; accepted: one")
    PAGE.write_text(written, encoding="utf-8")


def main() -> None:
    """Run from the command line."""
    tables: Mapping[str, Callable[[Path], str]] = {"real": real_people, "synthesized": synthesized}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", choices=tables)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    write(arguments.table, tables[arguments.table](arguments.folder))


if __name__ == "__main__":
    main()
