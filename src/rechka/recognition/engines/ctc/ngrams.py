"""Looks up word n-grams with back-off, many at a time.

A state stands for the words before: 0 for none, 1 + w for the word w, and beyond
those for a bigram that 3-grams begin with. A state that no n-gram goes on from is
replaced by a shorter one, so that hypotheses that can never differ again are one.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from rechka.recognition.engines.ctc.graph_file import whole_numbers

__all__ = ["NGrams"]

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


class NGrams:
    """A back-off model of order 1 to 3.

    Args:
        words: How many words there are; two more stand for `<s>` and `</s>`.
        arrays: Those of the graph.

    Raises:
        ValueError: The arrays do not fit together.
    """

    def __init__(self, words: int, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        size = words + 2
        self._size = size
        self._unigram = _values(arrays, "unigram", size)
        self._unigram_backoff = _values(arrays, "unigram_backoff", size)
        followers = whole_numbers(arrays, "unigram_followers")
        bigram_word = _words(arrays, "bigram_word", size)
        bigrams = len(bigram_word)
        self._bigram = _values(arrays, "bigram", bigrams)
        self._bigram_backoff = _values(arrays, "bigram_backoff", bigrams)
        bigram_followers = whole_numbers(arrays, "bigram_followers")
        trigram_word = _words(arrays, "trigram_word", size)
        self._trigram = _values(arrays, "trigram", len(trigram_word))
        if len(followers) != size or len(bigram_followers) != bigrams:
            raise ValueError("the n-grams' counts of followers are short")
        if followers.sum() != bigrams or bigram_followers.sum() != len(trigram_word):
            raise ValueError("the n-grams' counts of followers do not add up")
        # One sorted key for each n-gram: a search is then one call for all queries.
        self._bigram_keys = np.repeat(np.arange(size), followers) * size + bigram_word
        self._trigram_keys = np.repeat(np.arange(bigrams), bigram_followers) * size + trigram_word
        for keys in (self._bigram_keys, self._trigram_keys):
            if (np.diff(keys) <= 0).any():
                raise ValueError("the n-grams are not sorted")
        self._unigram_state = np.where(
            (followers > 0) | (self._unigram_backoff != 0), np.arange(size) + 1, 0
        )
        self._bigram_state = np.where(
            (bigram_followers > 0) | (self._bigram_backoff != 0),
            np.arange(bigrams) + 1 + size,
            self._unigram_state[bigram_word],
        ).astype(np.int32)

    @property
    def begin(self) -> int:
        """State at the beginning of a sentence."""
        return int(self._unigram_state[self._size - 2])

    @property
    def end(self) -> int:
        """The word that ends a sentence."""
        return self._size - 1

    @property
    def states(self) -> int:
        """One more than the largest state."""
        return 1 + self._size + len(self._bigram_keys)

    def score(self, states: Integers, words: Integers) -> tuple[Floats, Integers]:
        """Return the natural log-probability of each word after its state, and the next state."""
        pair = states - (1 + self._size)
        after_pair = pair >= 0
        # The last word of the state; the first word where there is none, and then unused.
        last = np.where(after_pair, 0, np.maximum(states - 1, 0))
        if after_pair.any():
            last[after_pair] = self._bigram_keys[pair[after_pair]] % self._size
        scores = self._unigram[words]
        following = self._unigram_state[words]
        at, is_known = _find(self._bigram_keys, last * self._size + words)
        is_known &= states > 0
        scores = np.where(states > 0, scores + self._unigram_backoff[last], scores)
        scores[is_known] = self._bigram[at[is_known]]
        following[is_known] = self._bigram_state[at[is_known]]
        if after_pair.any():
            at, is_triple = _find(
                self._trigram_keys, pair[after_pair] * self._size + words[after_pair]
            )
            longer = scores[after_pair] + self._bigram_backoff[pair[after_pair]]
            longer[is_triple] = self._trigram[at[is_triple]]
            scores[after_pair] = longer
        return scores, following


def _find(keys: Integers, wanted: Integers) -> tuple[Integers, npt.NDArray[np.bool_]]:
    """Return where each wanted key would stand, and whether it does."""
    if not len(keys):
        return np.zeros(len(wanted), dtype=np.int64), np.zeros(len(wanted), dtype=np.bool_)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return at, keys[at] == wanted


def _values(arrays: Mapping[str, npt.NDArray[Any]], name: str, count: int) -> Floats:
    codes, levels = arrays[name], arrays[f"{name}_levels"]
    if len(codes) != count or (count and int(codes.max()) >= len(levels)):
        raise ValueError(f"array {name} does not fit")
    values: Floats = levels.astype(np.float32)[codes]
    if not np.isfinite(values).all():
        raise ValueError(f"array {name} has values that are no numbers")
    return values


def _words(arrays: Mapping[str, npt.NDArray[Any]], name: str, size: int) -> Integers:
    words: Integers = whole_numbers(arrays, f"{name}_low")
    words += whole_numbers(arrays, f"{name}_high") << 16
    if len(words) and int(words.max()) >= size:
        raise ValueError(f"array {name} names words that are not there")
    return words
