"""Small vocabularies and language models, written as the files that graphs are made of."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rechka.recognition.engines.ctc.compile import compile_graph
from rechka.recognition.engines.ctc.graph import Graph, read_graph
from rechka.recognition.engines.ctc.tokens import Tokens, read_tokens

NGrams = dict[tuple[str, ...], tuple[float, float]]


def random_ngrams(words: Sequence[str], order: int, rng: np.random.Generator) -> NGrams:
    """Return n-grams with base-10 logarithms: all 1-grams, and half of the longer ones.

    Prefixes of an n-gram are always there; values are few, so that they survive
    quantization as they are.
    """
    table: NGrams = {
        ("<s>",): (-99.0, _value(rng) if order > 1 else 0.0),
        ("</s>",): (_value(rng), 0.0),
    }
    table |= {(word,): (_value(rng), _value(rng) if order > 1 else 0.0) for word in words}
    for length in range(2, order + 1):
        before = [key for key in table if len(key) == length - 1 and key[-1] != "</s>"]
        for prefix, word in itertools.product(before, [*words, "</s>"]):
            if rng.random() < 0.5:
                backoff = _value(rng) if length < order and word != "</s>" else 0.0
                table[*prefix, word] = (_value(rng), backoff)
    return table


def write_arpa(path: Path, table: NGrams) -> None:
    """Write n-grams as an ARPA file."""
    order = max(map(len, table))
    groups = [
        {key: value for key, value in table.items() if len(key) == length}
        for length in range(1, order + 1)
    ]
    lines = ["\\data\\", *(f"ngram {n}={len(group)}" for n, group in enumerate(groups, 1)), ""]
    for length, group in enumerate(groups, 1):
        lines.append(f"\\{length}-grams:")
        lines += [f"{p:.2f}\t{' '.join(key)}\t{b:.2f}" for key, (p, b) in group.items()]
        lines.append("")
    path.write_text("\n".join([*lines, "\\end\\"]) + "\n", encoding="utf-8")


def write_kenlm(path: Path, table: NGrams) -> None:
    """Write n-grams as KenLM wants them: order 2 at least, and with the ends of each.

    What is added says what backing off would have said. KenLM tells an ARPA file from a
    binary one by what is in it, whatever its name is.
    """
    whole = {("<unk>",): (-3.0, 0.0)} | dict(table)
    whole.setdefault(("<s>", "</s>"), (log_prob(table, ["<s>"], "</s>"), 0.0))
    for key in list(table):
        for begin in range(1, len(key) - 1):
            end = key[begin:]
            whole.setdefault(end, (log_prob(table, end[:-1], end[-1]), 0.0))
    write_arpa(path, whole)


def log_prob(table: NGrams, context: Sequence[str], word: str) -> float:
    """Return the base-10 log-probability of a word after others, by the definition."""
    order = max(map(len, table))
    context = tuple(context)[-(order - 1) :] if order > 1 else ()
    if (*context, word) in table:
        return table[*context, word][0]
    if not context:
        raise KeyError(word)
    backoff = table[context][1] if context in table else 0.0
    return backoff + log_prob(table, context[1:], word)


def build(
    folder: Path, lexicon: Sequence[tuple[str, str]], table: NGrams, tokens: Sequence[str]
) -> tuple[Graph, Tokens]:
    """Compile a graph of words, their tokens with spaces between, and n-grams."""
    paths = {name: folder / name for name in ("lm.arpa", "lexicon.txt", "tokens.txt", "graph.bin")}
    write_arpa(paths["lm.arpa"], table)
    text = "".join(f"{word}\t{spelling}\n" for word, spelling in lexicon)
    paths["lexicon.txt"].write_text(text, encoding="utf-8")
    text = "".join(f"{token} {number}\n" for number, token in enumerate(tokens))
    paths["tokens.txt"].write_text(text, encoding="utf-8")
    compile_graph(
        arpa=paths["lm.arpa"],
        lexicon=paths["lexicon.txt"],
        tokens=paths["tokens.txt"],
        output=paths["graph.bin"],
    )
    inventory = read_tokens(paths["tokens.txt"])
    return read_graph(paths["graph.bin"], inventory.texts), inventory


def _value(rng: np.random.Generator) -> float:
    return -0.05 * float(rng.integers(1, 40))
