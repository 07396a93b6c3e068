"""Recall of the profanity filter on known lists, and its false alarms on plain text.

    python bench/profanity.py --lists FOLDER --text FOLDER

The lists hold one entry a line in <language>.txt, the text one sentence a line
in <language>.txt.xz. Recall counts single-word entries, once by the entry alone
and once by the share of its inflected forms. An alarm is any word of the text
that the filter takes. The Russian text has jokes with real profanity in it, so
there `INNOCENT` names the alarms that are not profanity, or not always; `--show`
prints all others with their counts. In the other languages every alarm is false.
"""

import argparse
import lzma
import re
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from rechka.text import filter_profanity
from unit.text.inflections import inflected

INNOCENT = {
    "ru": re.compile(
        r"чурк.*|минет.*|хохл.*|фиг(а|у|и|ой|е)|муди.*|педераст.*|падл.*|сучк.*|хую|еб"
        r"|трахн.*|ниггер.*|пез.*|хуенкома|сучь.*"
    ),
    "en": re.compile(".*"),
    "tr": re.compile(".*"),
}


def found_share(entry: str, language: str) -> float:
    if filter_profanity(entry, language=language):
        return 0.0
    forms = inflected(entry, language)
    return sum(not filter_profanity(form, language=language) for form in forms) / len(forms)


def alarms(path: Path, language: str) -> tuple[Counter[str], int]:
    counts: Counter[str] = Counter()
    with lzma.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            counts.update(re.sub(r"^\W+|\W+$", "", word) for word in line.split())
    taken = {word for word in counts if word and not filter_profanity(word, language=language)}
    return Counter({word: counts[word] for word in taken}), counts.total()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lists", type=Path, required=True)
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--show", action="store_true", help="print what counts as no false alarm")
    arguments = parser.parse_args()
    for language in ("ru", "en", "tr"):
        lines = (arguments.lists / f"{language}.txt").read_text(encoding="utf-8").splitlines()
        entries = sorted(
            {line.strip() for line in lines if line.strip() and " " not in line.strip()}
        )
        shares = [found_share(entry, language) for entry in entries]
        forms = sum(len(inflected(entry, language)) for entry in entries)
        alone, inflections = sum(s > 0 for s in shares) / len(shares), sum(shares) / len(shares)
        print(
            f"{language}: recall of {len(entries)} entries {alone:.1%},"
            f" in their {forms} forms {inflections:.1%}"
        )
        taken, words = alarms(arguments.text / f"{language}.txt.xz", language)
        false = sum(n for word, n in taken.items() if INNOCENT[language].fullmatch(word.lower()))
        if arguments.show:
            rest = (
                w for w, _ in taken.most_common() if not INNOCENT[language].fullmatch(w.lower())
            )
            print("   ", ", ".join(f"{word} {taken[word]}" for word in rest))
        print(
            f"    {words} words of text: alarms {taken.total() / words * 10_000:.2f},"
            f" false alarms {false / words * 10_000:.2f} in 10,000 words"
        )


if __name__ == "__main__":
    main()
