"""Cost of writing text: time of finals and partials, memory, and flicker of partials.

    python bench/text_pipeline.py [--text FOLDER]

With a folder of <language>.txt.xz it also measures, on every 1000th line, the
share of partial updates that change a word that was already shown.
"""

import argparse
import lzma
import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from rechka.results import Hypothesis, Word
from rechka.text import TextOptions, TextPipeline

UTTERANCES = {
    "ru-RU": "двадцать пятого мая две тысячи пятого года я заплатил пятьсот рублей и сказал что"
    " больше не приду потому что",
    "en-US": "on may fifth nineteen eighty four i paid twenty five dollars and said that i would"
    " not come back because",
    "tr-TR": "yirmi dokuz ekim bin dokuz yüz yirmi üç günü beş yüz lira verdim ve bir daha gelmem"
    " dedim çünkü ben",
}

NUMBER_WORDS = {"ru-RU": "сто", "en-US": "nineteen", "tr-TR": "milyon"}
"""A word of each language that, said again and again, is a number each time."""

_LETTERS = str.maketrans("0123456789", "abcdefghij")


def heard(words: list[str]) -> Hypothesis:
    return Hypothesis(
        " ".join(words),
        tuple(Word(word, 300 * at, 300 * at + 290) for at, word in enumerate(words)),
    )


def timed_ms(
    call: Callable[[Hypothesis], object], words: list[str], *, runs: int = 3000
) -> tuple[float, float]:
    """Return the median and the 99th percentile of the processor time of a call.

    The last word is another one each time, as in partials that grow, so that
    nothing that was remembered of the whole utterance is of use.
    """
    times = []
    for run in range(runs):
        last = words[-1] + f"{run:04}".translate(_LETTERS)
        hypothesis = heard([*words[:-1], last])
        started = time.thread_time()
        call(hypothesis)
        times.append((time.thread_time() - started) * 1000)
    return statistics.median(times), statistics.quantiles(times, n=100)[98]


def flicker(pipeline: TextPipeline, lines: list[str]) -> dict[str, float]:
    """Return shares of updates that change a shown word, by what changed of it."""
    updates = letters = written = 0
    for line in lines:
        words = [word for word in re.sub(r"[^\w\s'’-]", " ", line.lower()).split() if word != "-"]
        shown: list[str] = []
        for count in range(1, min(len(words), 40) + 1):
            now = pipeline.partial(heard(words[:count])).text.split()
            if shown:
                updates += 1
                written += now[: len(shown)] != shown
                letters += [bare(w) for w in now[: len(shown)]] != [bare(w) for w in shown]
            shown = now
    return {"the word itself": letters / updates, "word, mark or capital": written / updates}


def bare(word: str) -> str:
    return word.strip(".,?").lower()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--text", type=Path)
    folder: Path | None = parser.parse_args().text
    process = psutil.Process()
    before_bytes = process.memory_info().rss
    pipelines = {
        language: TextPipeline(
            TextOptions(
                language=language,
                literature_text=True,
                profanity_filter=True,
                normalize_partials=True,
            )
        )
        for language in UTTERANCES
    }
    for language, text in UTTERANCES.items():
        pipelines[language].final([heard(text.split())])
    grown_mb = (process.memory_info().rss - before_bytes) / 1e6
    print(f"memory of all three languages: {grown_mb:.1f} MB")
    for language, text in UTTERANCES.items():
        words = text.split()
        pipeline = pipelines[language]
        final = timed_ms(lambda hypothesis, p=pipeline: p.final([hypothesis]), words)  # type: ignore[misc]
        partial = timed_ms(pipeline.partial, words)
        print(
            f"{language}: {len(words)} words: final {final[0]:.3f} ms (p99 {final[1]:.3f}),"
            f" partial {partial[0]:.3f} ms (p99 {partial[1]:.3f})"
        )
        # Numbers only: what an engine gives that has lost its way holds up no other session.
        numbers = [NUMBER_WORDS[language]] * 1000
        final = timed_ms(lambda hypothesis, p=pipeline: p.final([hypothesis]), numbers, runs=50)  # type: ignore[misc]
        print(f"  {len(numbers)} number words: final {final[0]:.1f} ms (p99 {final[1]:.1f})")
        if folder:
            with lzma.open(folder / f"{language[:2]}.txt.xz", "rt", encoding="utf-8") as file:
                lines = [line for number, line in enumerate(file) if number % 1000 == 0]
            for what, share in flicker(pipeline, lines).items():
                print(f"  partial updates that change a shown word ({what}): {share:.2%}")
            bare_pipeline = TextPipeline(TextOptions(language=language, normalize_partials=True))
            share = flicker(bare_pipeline, lines)["the word itself"]
            print(f"  the same without punctuation: {share:.2%}")


if __name__ == "__main__":
    main()
