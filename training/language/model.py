"""A back-off n-gram model in arrays.

Words are numbered; an n-gram is one 64-bit key of 18 bits a word, the newest word in the
lowest bits, so that its history is the key without them and its shorter form the key
without the highest.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["BEGIN", "BITS", "END", "UNKNOWN", "Level", "Model", "histories", "suffixes"]

BEGIN: Final = 0
END: Final = 1
UNKNOWN: Final = 2
BITS: Final = 18
MAX_WORDS: Final = 1 << BITS

_LEAST: Final = 1e-12


@dataclass(slots=True)
class Level:
    """The n-grams of one length, in ascending order of keys.

    Attributes:
        keys: uint64 [n].
        p: Probability of the last word after the others, float64 [n]; of an n-gram
            that only serves as a history (`<s>`) 0.
        backoff: Factor of the shorter history when a word is not found after this
            n-gram as history, float64 [n].
        mass: How often the n-gram was the end of what was read so far, relative to all
            words of the text, float64 [n]; judges what pruning costs.
    """

    keys: NDArray[np.uint64]
    p: NDArray[np.float64]
    backoff: NDArray[np.float64]
    mass: NDArray[np.float64]

    def find(self, keys: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return where `keys` are and which of them are there at all."""
        at = np.searchsorted(self.keys, keys)
        at[at == len(self.keys)] = 0
        return at, (self.keys[at] == keys) if len(self.keys) else np.zeros(len(keys), bool)

    def select(self, kept: NDArray[np.bool_]) -> "Level":
        """Return the level with the marked n-grams alone."""
        return Level(self.keys[kept], self.p[kept], self.backoff[kept], self.mass[kept])


@dataclass(slots=True)
class Model:
    """A model of orders 1 to `len(levels)`.

    Attributes:
        words: By number: `<s>`, `</s>`, `<unk>`, then the vocabulary. All of them are
            in the first level.
    """

    words: list[str]
    levels: list[Level]

    def probability(self, keys: NDArray[np.uint64], order: int) -> NDArray[np.float64]:
        """Return p(last word | words before) of n-grams of one length, backing off."""
        if order == 1:
            return self.levels[0].p[keys.astype(np.int64)]
        level = self.levels[order - 1]
        at, found = level.find(keys)
        result = np.empty(len(keys))
        result[found] = level.p[at[found]]
        missing = keys[~found]
        if len(missing):
            shorter = self.probability(suffixes(missing, order), order - 1)
            result[~found] = shorter * self.backoff(histories(missing), order - 1)
        return result

    def backoff(self, keys: NDArray[np.uint64], order: int) -> NDArray[np.float64]:
        """Return the back-off factor of histories of one length; 1 of unknown ones."""
        level = self.levels[order - 1]
        at, found = level.find(keys)
        return np.where(found, level.backoff[at] if len(level.keys) else 1.0, 1.0)

    def normalize(self) -> None:
        """Set all back-off factors so that the words after each history sum to one."""
        self.levels[-1].backoff[:] = 1.0
        for order in range(2, len(self.levels) + 1):
            lower = self.levels[order - 2]
            explicit, shorter = self.sums(order)
            free, shorter_free = 1.0 - explicit, 1.0 - shorter
            # Where the explicit words are all words, rounding leaves nothing to share.
            lower.backoff = np.where(
                (free > _LEAST) & (shorter_free > _LEAST),
                np.maximum(free, _LEAST) / np.maximum(shorter_free, _LEAST),
                1.0,
            )

    def sums(self, order: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return for each history of `order` - 1 words two sums over its explicit words.

        The first is of their probabilities, the second of those after the shorter
        history; both [histories], 0 where there are none.

        Raises:
            ValueError: An n-gram's history is not among the n-grams.
        """
        level, lower = self.levels[order - 1], self.levels[order - 2]
        at, found = lower.find(histories(level.keys))
        if not found.all():
            raise ValueError(f"order {order}: {int((~found).sum())} n-grams without their history")
        shorter = self.probability(suffixes(level.keys, order), order - 1)
        count = len(lower.keys)
        return (
            np.bincount(at, level.p, count).astype(np.float64),
            np.bincount(at, shorter, count).astype(np.float64),
        )


def histories(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the n-grams without their last word."""
    return keys >> np.uint64(BITS)


def suffixes(keys: NDArray[np.uint64], order: int) -> NDArray[np.uint64]:
    """Return the n-grams of `order` words without their first word."""
    return keys & np.uint64((1 << BITS * (order - 1)) - 1)
