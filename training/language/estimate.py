"""Modified Kneser-Ney estimation with interpolation (Chen and Goodman 1998).

The lowest order is also interpolated with word frequencies from elsewhere, so that a
word that the text lacks is as likely as it is in general.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from language.corpus import Sentence
from language.model import BEGIN, BITS, END, UNKNOWN, Level, Model, histories, suffixes

__all__ = ["Counts", "count", "encode", "estimate"]

# Discounts when a text is too small to have n-grams that occur once to four times.
_FALLBACK: Final = (0.5, 1.0, 1.5)
_UNKNOWN_P: Final = 1e-7


@dataclass(slots=True)
class Counts:
    """The n-grams of a text by length: ascending keys and how often each occurs."""

    keys: list[NDArray[np.uint64]]
    counts: list[NDArray[np.int64]]
    total: int


def encode(sentences: Sequence[Sentence], numbers: dict[str, int]) -> NDArray[np.uint64]:
    """Return all sentences as one row of word numbers with `<s>` and `</s>` around each."""
    flat = []
    for sentence in sentences:
        flat.append(BEGIN)
        flat.extend(numbers.get(word, UNKNOWN) for word in sentence)
        flat.append(END)
    return np.array(flat, dtype=np.uint64)


def windows(text: NDArray[np.uint64], order: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the keys of all n-grams of `order` words and where their last words are.

    N-grams across sentences, with an unknown word, or of `<s>` alone are left out.
    """
    length = max(0, len(text) - order + 1)
    keys = np.zeros(length, np.uint64)
    valid = np.ones(length, bool)
    for offset in range(order):
        part = text[offset : offset + length]
        keys = (keys << np.uint64(BITS)) | part
        valid &= part != UNKNOWN
        if offset > 0 or order == 1:
            valid &= part != BEGIN
        if offset < order - 1:
            valid &= part != END
    return keys[valid], np.flatnonzero(valid) + order - 1


def count(text: NDArray[np.uint64], order: int) -> Counts:
    """Count the n-grams of 1 to `order` words of an encoded text."""
    found = [np.unique(windows(text, n)[0], return_counts=True) for n in range(1, order + 1)]
    total = int(found[0][1].sum())
    return Counts([keys for keys, _ in found], [counts for _, counts in found], total)


def estimate(
    counts: Counts, words: list[str], general: NDArray[np.float64], *, trust: float
) -> Model:
    """Return an interpolated Kneser-Ney model of the counted orders.

    Args:
        counts: Of a text encoded by the places of `words`.
        words: `<s>`, `</s>`, `<unk>` and the vocabulary.
        general: Frequencies of words elsewhere, [words], positive for the vocabulary.
        trust: How many different words before a word these frequencies are worth.
    """
    adjusted = [_continuations(counts, n) for n in range(1, len(counts.keys))]
    adjusted.append(counts.counts[-1])
    model = Model(words, [_unigrams(counts, adjusted[0], len(words), general, trust)])
    for order in range(2, len(counts.keys) + 1):
        keys = counts.keys[order - 1]
        lower = model.levels[-1]
        at, _ = lower.find(histories(keys))
        discounts = _discounts(adjusted[order - 1])
        taken = discounts[np.minimum(adjusted[order - 1], 3)]
        totals = np.bincount(at, adjusted[order - 1], len(lower.keys))
        free = np.bincount(at, taken, len(lower.keys)) / np.maximum(totals, 1)
        lower.backoff = np.where(totals > 0, free, 1.0)
        shorter = model.probability(suffixes(keys, order), order - 1)
        p = (adjusted[order - 1] - taken) / totals[at] + free[at] * shorter
        mass = counts.counts[order - 1] / counts.total
        model.levels.append(Level(keys, p, np.ones(len(keys)), mass))
    return model


def _continuations(counts: Counts, order: int) -> NDArray[np.int64]:
    """Return before how many different words each n-gram stands.

    N-grams that begin a sentence have nothing before them and keep their counts; those
    that only follow unknown words count once.
    """
    keys, longer = counts.keys[order - 1], counts.keys[order]
    ends, preceding = np.unique(suffixes(longer, order + 1), return_counts=True)
    result = np.ones(len(keys), np.int64)
    result[np.searchsorted(keys, ends)] = preceding
    if order > 1:
        first = keys >> np.uint64(BITS * (order - 1))
        result = np.where(first == BEGIN, counts.counts[order - 1], result)
    return result


def _discounts(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return what to take off counts of 0, 1, 2, and 3 or more (Chen and Goodman, eq. 17)."""
    once, twice, thrice, four = (int((counts == n).sum()) for n in (1, 2, 3, 4))
    found = _FALLBACK
    if min(once, twice, thrice, four) > 0:
        ratio = once / (once + 2 * twice)
        exact = (
            1 - 2 * ratio * twice / once,
            2 - 3 * ratio * thrice / twice,
            3 - 4 * ratio * four / thrice,
        )
        if all(0 < discount < n for n, discount in enumerate(exact, start=1)):
            found = exact
    return np.array((0.0, *found))


def _unigrams(
    counts: Counts,
    adjusted: NDArray[np.int64],
    size: int,
    general: NDArray[np.float64],
    trust: float,
) -> Level:
    present = counts.keys[0].astype(np.int64)
    seen = np.zeros(size)
    seen[present] = adjusted
    discounts = _discounts(adjusted)
    taken = np.zeros(size)
    taken[present] = discounts[np.minimum(adjusted, 3)]
    total = seen.sum()
    # What discounting frees goes to the general frequencies, and so does their own weight.
    base = general.copy()
    base[[BEGIN, END, UNKNOWN]] = 0.0
    base /= base.sum()
    end = seen[END] / total
    base *= 1.0 - end
    base[END] = end
    p = (seen - taken + (taken.sum() + trust) * base) / (total + trust)
    p *= 1.0 - _UNKNOWN_P
    p[UNKNOWN] = _UNKNOWN_P
    mass = np.zeros(size)
    mass[present] = counts.counts[0] / counts.total
    # Every sentence has one beginning and one end.
    mass[BEGIN] = mass[END]
    return Level(np.arange(size, dtype=np.uint64), p, np.ones(size), mass)
