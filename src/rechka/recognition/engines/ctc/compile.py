"""Compiles an ARPA language model and a lexicon into the `graph.bin` of a model folder.

    python -m rechka.recognition.engines.ctc.compile --arpa lm.arpa --lexicon lexicon.txt \
        --tokens tokens.txt --output graph.bin

Words outside the lexicon cannot be recognized, so n-grams with them are left out, and
those of more than three words too. Without a lexicon the words of the language model are
spelled: that is for models whose tokens are letters.
"""

import argparse
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rechka.errors import RequestError
from rechka.recognition.engines.ctc.arpa import Arpa, read_arpa, read_lexicon
from rechka.recognition.engines.ctc.graph_file import write_arrays
from rechka.recognition.engines.ctc.prefix_tree import build_tree
from rechka.recognition.engines.ctc.tokens import WORD_START, Tokens, read_tokens
from rechka.recognition.model_folders import refuse_file

__all__ = ["compile_graph"]

_LEVELS = 256
# Rounds of moving each level to the mean of the values nearest to it.
_ROUNDS = 20
_BEGIN, _END, _UNKNOWN = "<s>", "</s>", "<unk>"

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]


def compile_graph(
    *, arpa: Path, tokens: Path, output: Path, lexicon: Path | None = None
) -> dict[str, int]:
    """Write a graph.

    Args:
        arpa: Language model.
        tokens: `tokens.txt` of the acoustic model.
        output: Where to.
        lexicon: Pronunciations; a word may have several. None: each word of the
            language model by its letters, but for words with others than the tokens'.

    Returns:
        What it holds: `words`, `nodes`, `ngrams_1` to `ngrams_3`, `bytes`.

    Raises:
        RequestError: A file cannot be read, or they do not fit together.
    """
    inventory = read_tokens(tokens)
    model = read_arpa(arpa)
    if lexicon is None:
        tree = build_tree(arpa, _spelled(arpa, model, inventory), inventory)
    else:
        tree = build_tree(lexicon, read_lexicon(lexicon), inventory)
    ids = {word: index for index, word in enumerate(tree.words)}
    unigrams, backoffs = _unigrams(model, ids)
    facts: dict[str, Any] = {"tokens": list(inventory.texts), "order": len(model.orders)}
    arrays: dict[str, npt.NDArray[Any]] = {
        "node_token": _narrow(tree.node_token),
        "node_children": _narrow(tree.node_children),
        "entry_node": tree.entry_node.astype("<u4"),
        "entry_word": tree.entry_word.astype("<u4"),
        "word_text": np.frombuffer(zlib.compress("\n".join(tree.words).encode(), 9), np.uint8),
    }
    arrays |= _quantized("node_lookahead", tree.lookahead(unigrams[: len(tree.words)]), linear=True)
    arrays |= _quantized("unigram", unigrams)
    arrays |= _quantized("unigram_backoff", backoffs)
    ids |= {_BEGIN: len(tree.words), _END: len(tree.words) + 1}
    higher = _higher_orders(arpa, model, ids)
    for name, array in higher.items():
        arrays |= _quantized(name, array) if array.dtype == np.float32 else {name: array}
    counts = {"words": len(tree.words), "nodes": len(tree.node_token)}
    counts |= {"ngrams_1": len(unigrams), "ngrams_2": len(higher["bigram"])}
    counts |= {"ngrams_3": len(higher["trigram"])}
    return counts | {"bytes": write_arrays(output, facts, arrays)}


def _spelled(path: Path, model: Arpa, inventory: Tokens) -> list[tuple[str, tuple[str, ...]]]:
    """Return the words of a language model with their letters for tokens."""
    if any(text.startswith(WORD_START) and text != WORD_START for text in inventory.texts):
        raise refuse_file(path, "the model's tokens are pieces of words; a lexicon is needed")
    special = {_BEGIN, _END, _UNKNOWN}
    between = {inventory.blank, inventory.space}
    letters = {text for number, text in enumerate(inventory.texts) if number not in between}
    words = [word for (word,) in model.orders[0] if word not in special]
    spelled = [(word, tuple(word)) for word in words if letters.issuperset(word)]
    if not spelled:
        raise refuse_file(
            path, f"none of its {len(words)} words is spelled with the tokens of the model"
        )
    return spelled


def _unigrams(model: Arpa, ids: dict[str, int]) -> tuple[Floats, Floats]:
    """Return log-probability and back-off of each word, then of `<s>` and `</s>`."""
    table = model.orders[0]
    words = [*ids, _BEGIN, _END]
    missing = sum((word,) not in table for word in ids)
    lowest = min(value[0] for value in table.values())
    # The mass of the unknown word is shared out among the words of the lexicon that
    # the model does not know.
    share = table.get((_UNKNOWN,), (lowest, 0.0))[0] - float(np.log(max(1, missing)))
    values = [table.get((word,), (share, 0.0)) for word in words]
    return (
        np.array([value[0] for value in values], dtype=np.float32),
        np.array([value[1] for value in values], dtype=np.float32),
    )


def _higher_orders(path: Path, model: Arpa, ids: dict[str, int]) -> dict[str, npt.NDArray[Any]]:
    """Return bigrams sorted by their words and, below each, its trigrams."""
    size = len(ids)
    keys2, values2 = _select(model, 2, ids, size)
    keys3, values3 = _select(model, 3, ids, size)
    contexts, words2 = keys2 // size, keys2 % size
    parents = np.searchsorted(keys2, keys3 // size)
    is_missing = parents == len(keys2)
    is_missing[~is_missing] = keys2[parents[~is_missing]] != keys3[~is_missing] // size
    if is_missing.any():
        raise refuse_file(path, f"{is_missing.sum()} 3-grams begin with words that are no 2-gram")
    bigram_followers = np.bincount(parents, minlength=len(keys2))
    if len(bigram_followers) and bigram_followers.max() > np.iinfo(np.uint16).max:
        raise refuse_file(path, "more than 65535 3-grams begin with the same two words")
    return {
        "unigram_followers": np.bincount(contexts, minlength=size).astype("<u4"),
        **_split("bigram_word", words2),
        "bigram": values2[:, 0],
        "bigram_backoff": values2[:, 1],
        "bigram_followers": _narrow(bigram_followers),
        **_split("trigram_word", keys3 % size),
        "trigram": values3[:, 0],
    }


def _select(model: Arpa, order: int, ids: dict[str, int], size: int) -> tuple[Integers, Floats]:
    """Return the n-grams of known words, sorted: their words as one number, their values."""
    table = model.orders[order - 1] if len(model.orders) >= order else {}
    keys, values = [], []
    for words, value in table.items():
        key = 0
        for word in words:
            known = ids.get(word)
            if known is None:
                break
            key = key * size + known
        else:
            keys.append(key)
            values.append(value)
    order_of_keys = np.argsort(np.array(keys, dtype=np.int64), kind="stable")
    return (
        np.array(keys, dtype=np.int64)[order_of_keys],
        np.array(values, dtype=np.float32).reshape(-1, 2)[order_of_keys],
    )


def _split(name: str, words: Integers) -> dict[str, npt.NDArray[Any]]:
    """Return words as three bytes each: the lower two and the upper one."""
    return {
        f"{name}_low": (words & 0xFFFF).astype("<u2"),
        f"{name}_high": (words >> 16).astype(np.uint8),
    }


def _narrow(values: Integers) -> npt.NDArray[Any]:
    """Return values of one byte each where they fit, else of two."""
    return values.astype(np.uint8 if int(values.max(initial=0)) <= 0xFF else "<u2")


def _quantized(name: str, values: Floats, *, linear: bool = False) -> dict[str, npt.NDArray[Any]]:
    """Return values as one byte each, and the levels that the bytes mean.

    Args:
        name: Of the array; `{name}_levels` is that of the levels.
        values: Any number of them.
        linear: Whether the levels stand at equal distances and round up, so that the
            order of the values is kept and none gets smaller.
    """
    if not len(values):
        levels = np.zeros(1, dtype=np.float32)
    elif linear:
        levels = np.linspace(values.min(), values.max(), _LEVELS, dtype=np.float32)
    else:
        levels = _levels(values)
    edges = levels[:-1] if linear else (levels[1:] + levels[:-1]) / 2
    return {
        name: np.searchsorted(edges, values).astype(np.uint8),
        f"{name}_levels": levels.astype("<f4"),
    }


def _levels(values: Floats) -> Floats:
    """Return at most 256 levels, ascending, with a small mean square error (Lloyd's way)."""
    ordered = np.sort(values.astype(np.float64))
    levels = np.unique(np.quantile(ordered, np.linspace(0, 1, _LEVELS)))
    distinct = np.unique(ordered)
    if len(distinct) <= _LEVELS:
        return distinct.astype(np.float32)
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    for _ in range(_ROUNDS):
        cuts = np.searchsorted(ordered, (levels[1:] + levels[:-1]) / 2)
        cuts = np.concatenate([[0], cuts, [len(ordered)]])
        counts = np.diff(cuts)
        means = (sums[cuts[1:]] - sums[cuts[:-1]]) / np.maximum(counts, 1)
        levels = np.unique(np.where(counts > 0, means, levels))
    return levels.astype(np.float32)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name in ("arpa", "tokens", "output"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--lexicon", type=Path)
    arguments = parser.parse_args()
    try:
        counts = compile_graph(**vars(arguments))
    except RequestError as error:
        parser.exit(1, f"{error.message}\n")
    sys.stdout.write("".join(f"{name:9} {count:>12,}\n" for name, count in counts.items()))


if __name__ == "__main__":
    main()
