"""Precision, recall and F1 of the shipped models on the held-out text.

Counts marks after words and capitals of words, over the whole pipeline stage as
it is used: the last word of an utterance always gets a mark, the first of a
sentence always a capital. The baseline is the majority: no mark but a full stop
at the end, no capital but the first.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from corpus import Utterance, read_split, utterances

from rechka.text.punctuation import punctuator_for
from rechka.text.tokens import Token

NAMES = {1: "comma", 2: "full stop", 3: "question mark"}
_SIGNS = {",": 1, ".": 2, "?": 3}


def predicted(utterance: Utterance, language: str) -> tuple[list[int], list[bool]]:
    """Return the mark after each word and whether it has a capital."""
    tokens = [Token(word, index, index) for index, word in enumerate(utterance.words)]
    written = punctuator_for(language).punctuate(tokens)
    marks = [_SIGNS.get(token.text[-1], 0) for token in written]
    return marks, [token.text != token.text.lower() for token in written]


def baseline(utterance: Utterance) -> tuple[list[int], list[bool]]:
    """Return what the majority of words has."""
    count = len(utterance.words)
    return [0] * (count - 1) + [2], [True] + [False] * (count - 1)


def report(data: Sequence[Utterance], language: str) -> None:
    """Print a line for each mark and for capitals, model and baseline."""
    counts: dict[str, Counter[tuple[str, str]]] = {"model": Counter(), "baseline": Counter()}
    for utterance in data:
        true_capitals = [case > 0 for case in utterance.cases]
        for who, (marks, capitals) in (
            ("model", predicted(utterance, language)),
            ("baseline", baseline(utterance)),
        ):
            tally = counts[who]
            for mark, name in NAMES.items():
                _count(
                    tally, name, [m == mark for m in marks], [m == mark for m in utterance.marks]
                )
            _count(tally, "capitals", capitals, true_capitals)
            inner = [at for at in range(1, len(utterance.words)) if utterance.marks[at - 1] < 2]
            _count(
                tally,
                "capitals in sentences",
                [capitals[at] for at in inner],
                [true_capitals[at] for at in inner],
            )
            last = len(utterance.words) - 1
            _count(
                tally,
                "full stop inside",
                [m == 2 for m in marks[:last]],
                [m == 2 for m in utterance.marks[:last]],
            )
    print(f"| {language} | precision | recall | F1 | baseline F1 |\n|---|---|---|---|---|")
    for name in (*NAMES.values(), "full stop inside", "capitals", "capitals in sentences"):
        precision, recall, f1 = _scores(counts["model"], name)
        base = _scores(counts["baseline"], name)[2]
        print(f"| {name} | {precision:.3f} | {recall:.3f} | {f1:.3f} | {base:.3f} |")


def _count(
    tally: Counter[tuple[str, str]], name: str, got: Sequence[bool], true: Sequence[bool]
) -> None:
    tally[name, "hit"] += sum(a and b for a, b in zip(got, true, strict=True))
    tally[name, "got"] += sum(got)
    tally[name, "true"] += sum(true)


def _scores(tally: Counter[tuple[str, str]], name: str) -> tuple[float, float, float]:
    hit = tally[name, "hit"]
    precision = hit / max(1, tally[name, "got"])
    recall = hit / max(1, tally[name, "true"])
    return precision, recall, 2 * precision * recall / max(1e-9, precision + recall)


def main() -> None:
    """Read the arguments and print a table a language."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("languages", nargs="*", default=["ru", "en", "tr"])
    parser.add_argument("--text", type=Path, required=True, help="folder of <language>.txt.xz")
    arguments = parser.parse_args()
    for language in arguments.languages:
        _, held_out = read_split(arguments.text / f"{language}.txt.xz")
        data = utterances(held_out, language, seed=2)
        print(f"\n{language}: {len(data)} utterances, {sum(len(u.words) for u in data)} words\n")
        report(data, language)


if __name__ == "__main__":
    main()
