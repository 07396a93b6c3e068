"""Text to a lexicon and an n-gram model: `python -m language.build ru --text … --out …`."""

import argparse
import csv
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from language.arpa import write_arpa
from language.clean import words_of
from language.corpus import Plan, Sentence, Source, group_sources, join_hyphens, read_sources
from language.estimate import Counts, count, encode, estimate
from language.mixture import fit_weights, mix
from language.model import Model
from language.prune import prune
from language.score import score, word_probabilities
from language.sentences import MAX_WORDS, MIN_WORDS, choose_sentences
from language.vocabulary import (
    choose_words,
    dictionary,
    general_frequencies,
    pronunciations,
    write_lexicon,
)

__all__ = ["main", "mixed_model"]

ORDER: Final = 3
_TRUSTS: Final = (1e5, 3e5, 1e6)
# What a group weighs at least: the tuning sentences say nothing of what they lack.
_LEAST_WEIGHT: Final = 0.05
# Of a word that no list of frequencies has.
_RAREST: Final = 3e-9


def mixed_model(
    plan: Plan, words: Sequence[str], general: Mapping[str, float]
) -> tuple[Model, dict[str, Any]]:
    """Return the unpruned model of all groups, and how it was mixed.

    The weights of the groups, and what the general frequencies are worth, are those
    under which two texts are most likely, each by half: the tuning sentences of the
    spoken sources, and the strange sources, judged by models without these.
    """
    everything = ["<s>", "</s>", "<unk>", *words]
    numbers = {word: number for number, word in enumerate(everything)}
    frequencies = np.array([max(_RAREST, general.get(word, 0.0)) for word in everything])

    def counted(strange: Sequence[Source]) -> list[Counts]:
        return [
            count(
                encode(
                    [s for part in group if part not in strange for s in part.training], numbers
                ),
                ORDER,
            )
            for group in plan.groups.values()
        ]

    seen = [encode(source.tuning, numbers) for source in plan.spoken if source.tuning]
    unseen = [encode(source.training, numbers) for source in plan.strange]
    full, blind = counted([]), counted(plan.strange) if unseen else []
    tried = []
    for trust in _TRUSTS:
        tables = [_table(full, seen, everything, frequencies, trust)]
        if unseen:
            tables.append(_table(blind, unseen, everything, frequencies, trust))
        tried.append((*_fit(tables), trust))
        print(
            f"trust {trust:.0f}: perplexity {tried[-1][0]:.1f}", tried[-1][1].round(3), flush=True
        )
    perplexity, weights, trust = min(tried, key=lambda entry: entry[0])
    models = [estimate(part, everything, frequencies, trust=trust) for part in full]
    return mix(models, weights.tolist()), {
        "trust": trust,
        "weights": dict(zip(plan.groups, weights.round(4).tolist(), strict=True)),
        "tuning_perplexity": round(perplexity, 1),
    }


def _table(
    counted: Sequence[Counts],
    texts: Sequence[NDArray[np.uint64]],
    words: list[str],
    general: NDArray[np.float64],
    trust: float,
) -> NDArray[np.float64]:
    """Return p of each word of the texts by each model, and below it the word's importance.

    [models + 1, words]. Each text counts by the root of its length: the large do not
    drown the small, and a few sentences do not decide. The importances sum to one.
    """
    rows = []
    for part in counted:
        model = estimate(part, words, general, trust=trust)
        rows.append([word_probabilities(model, text) for text in texts])
    importance = np.concatenate([np.full(len(part), len(part) ** -0.5) for part in rows[0]])
    return np.array([*(np.concatenate(row) for row in rows), importance / importance.sum()])


def _fit(tables: Sequence[NDArray[np.float64]]) -> tuple[float, NDArray[np.float64]]:
    table = np.concatenate(tables, axis=1)
    p, importance = table[:-1], table[-1]
    weights = np.maximum(fit_weights(p, importance), _LEAST_WEIGHT)
    weights /= weights.sum()
    mean = np.average(np.log(weights @ p), weights=importance)
    return float(np.exp(-mean)), weights


def _figures(model: Model, sets: Mapping[str, Sequence[Sentence]]) -> dict[str, Any]:
    result = {}
    for name, sentences in sets.items():
        if sentences:
            words, unknown, perplexity = score(model, sentences)
            result[name] = {
                "words": words,
                "unknown_percent": round(100 * unknown / max(1, words), 2),
                "perplexity": round(perplexity, 1),
            }
    return result


def _transcripts(path: Path, language: str) -> list[Sentence]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [words for row in rows if (words := words_of(row["transcript"], language))]


def _write_sentences(path: Path, sentences: Sequence[Sentence]) -> None:
    path.write_text("".join(f"{' '.join(sentence)}\n" for sentence in sentences), "utf-8")


def main() -> None:
    """Build one language."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("language", choices=("en", "ru", "tr"))
    parser.add_argument("--text", type=Path, required=True, help="folder of <language>.txt.xz")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--words", type=int, default=200_000, help="size of the vocabulary")
    parser.add_argument("--ngrams", type=int, default=1_100_000, help="of two and three words")
    parser.add_argument("--sentences", type=int, default=20_000, help="for synthesis; 0: none")
    parser.add_argument("--dictionary", type=Path, help="CMU dictionary, for English")
    parser.add_argument("--transcripts", type=Path, help="manifest.tsv to report figures on")
    given = parser.parse_args()
    if (given.language == "en") != (given.dictionary is not None):
        parser.error("--dictionary: needed for en, and for en alone")
    given.out.mkdir(parents=True, exist_ok=True)
    _run(given)


def _run(given: argparse.Namespace) -> None:
    started = time.monotonic()
    language = given.language
    sources = read_sources(given.text, language)
    join_hyphens(sources)
    plan = group_sources(sources, Path(__file__).with_name("sources.toml"), language)
    counts = Counter(word for source in sources for line in source.training for word in line)
    general = general_frequencies(language)
    known = dictionary(given.dictionary) if given.dictionary else None
    words = choose_words(counts, general, language, size=given.words, known=known)
    write_lexicon(given.out / "lexicon.txt", pronunciations(words, language, known))

    sets = {
        "report": [line for source in sources for line in source.report],
        "report of spoken": [line for source in plan.spoken for line in source.report],
    }
    if given.sentences:
        vocabulary = frozenset(words)
        pool = (line for source in sources for line in source.training)
        chosen = choose_sentences(pool, vocabulary, given.sentences)
        _write_sentences(given.out / "sentences.txt", chosen)
        held_out = [
            line
            for line in sets["report"]
            if MIN_WORDS <= len(line) <= MAX_WORDS and vocabulary.issuperset(line)
        ]
        _write_sentences(given.out / "heldout_sentences.txt", list(dict.fromkeys(held_out)))
    if given.transcripts:
        sets["transcripts"] = _transcripts(given.transcripts, language)

    full, facts = mixed_model(plan, words, general)
    facts["words_of_text"] = counts.total()
    facts["vocabulary"] = len(words)
    facts["before_pruning"] = _figures(full, sets) | {"ngrams": [len(n.keys) for n in full.levels]}
    pruned = prune(full, given.ngrams)
    facts["pruned"] = _figures(pruned, sets) | {"ngrams": [len(n.keys) for n in pruned.levels]}
    write_arpa(given.out / "words.arpa", pruned)
    facts["seconds"] = round(time.monotonic() - started)
    (given.out / "facts.json").write_text(json.dumps(facts, indent=1, ensure_ascii=False), "utf-8")
    print(json.dumps(facts, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
