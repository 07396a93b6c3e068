"""Looks up word n-grams with back-off.

A state stands for the words before: 0 for none, 1 + w for the word w, and beyond
those for a bigram that 3-grams begin with. A state that no n-gram goes on from is
replaced by a shorter one, so that hypotheses that can never differ again are one.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from rechka.compiled import compiled
from rechka.recognition.engines.ctc.finding import Numbers, find
from rechka.recognition.engines.ctc.graph_file import whole_numbers

__all__ = ["NGRAMS", "NGrams", "Tables", "next_word"]

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

# Of words: log-probability, back-off weight, state behind it, first bigram that it
# begins; of bigrams: second word, log-probability, back-off weight, state behind it,
# first 3-gram that it begins; of 3-grams: third word, log-probability.
Tables = tuple[
    Floats, Floats, Numbers, Numbers, Numbers, Floats, Floats, Numbers, Numbers, Numbers, Floats
]
NGRAMS = (
    "Tuple((f4[::1], f4[::1], i4[::1], i4[::1], i4[::1], f4[::1], f4[::1], i4[::1], i4[::1], "
    "i4[::1], f4[::1]))"
)
"""What `Tables` are in a signature of a compiled function."""


class NGrams:
    """A back-off model of order 1 to 3.

    Args:
        words: How many words there are; two more stand for `<s>` and `</s>`.
        arrays: Those of the graph.

    Attributes:
        tables: What `next_word` takes.

    Raises:
        ValueError: The arrays do not fit together.
    """

    def __init__(self, words: int, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        size = words + 2
        self._size = size
        unigram_backoff = _values(arrays, "unigram_backoff", size)
        followers = whole_numbers(arrays, "unigram_followers")
        bigram_word = _words(arrays, "bigram_word", size)
        bigrams = len(bigram_word)
        bigram_backoff = _values(arrays, "bigram_backoff", bigrams)
        bigram_followers = whole_numbers(arrays, "bigram_followers")
        trigram_word = _words(arrays, "trigram_word", size)
        if len(followers) != size or len(bigram_followers) != bigrams:
            raise ValueError("the n-grams' counts of followers are short")
        if followers.sum() != bigrams or bigram_followers.sum() != len(trigram_word):
            raise ValueError("the n-grams' counts of followers do not add up")
        for begins, followed in (
            (np.repeat(np.arange(size), followers), bigram_word),
            (np.repeat(np.arange(bigrams), bigram_followers), trigram_word),
        ):
            if (np.diff(begins * size + followed) <= 0).any():
                raise ValueError("the n-grams are not sorted")
        unigram_state = np.where((followers > 0) | (unigram_backoff != 0), np.arange(size) + 1, 0)
        bigram_state = np.where(
            (bigram_followers > 0) | (bigram_backoff != 0),
            np.arange(bigrams) + 1 + size,
            unigram_state[bigram_word],
        )
        self.tables: Tables = (
            _values(arrays, "unigram", size),
            unigram_backoff,
            unigram_state.astype(np.int32),
            _begins(followers),
            bigram_word.astype(np.int32),
            _values(arrays, "bigram", bigrams),
            bigram_backoff,
            bigram_state.astype(np.int32),
            _begins(bigram_followers),
            trigram_word.astype(np.int32),
            _values(arrays, "trigram", len(trigram_word)),
        )

    @property
    def begin(self) -> int:
        """State at the beginning of a sentence."""
        return int(self.tables[2][self._size - 2])

    @property
    def end(self) -> int:
        """The word that ends a sentence."""
        return self._size - 1

    @property
    def states(self) -> int:
        """One more than the largest state."""
        return 1 + self._size + len(self.tables[4])

    def score(self, states: Integers, words: Integers) -> tuple[Floats, Integers]:
        """Return the natural log-probability of each word after its state, and the next state."""
        scores = np.empty(len(words), dtype=np.float32)
        following = np.empty(len(words), dtype=np.int64)
        _next_words(self.tables, states, words, scores, following)
        return scores, following


@compiled(f"Tuple((f4, i8))({NGRAMS}, i8, i8)")
def next_word(tables: Tables, state: int, word: int) -> tuple[np.float32, int]:
    """Return the natural log-probability of a word after a state, and the next state."""
    unigram, backoff, unigram_state, first, second, bigram, _, bigram_state, _, _, _ = tables
    if state == 0:
        return unigram[word], int(unigram_state[word])
    pair = state - 1 - len(unigram)
    last = second[pair] if pair >= 0 else state - 1
    at = find(second, first[last], first[last + 1], word)
    if at >= 0:
        score, following = bigram[at], int(bigram_state[at])
    else:
        score, following = unigram[word] + backoff[last], int(unigram_state[word])
    if pair >= 0:
        _, _, _, _, _, _, pair_backoff, _, first_third, third, trigram = tables
        at = find(third, first_third[pair], first_third[pair + 1], word)
        score = trigram[at] if at >= 0 else score + pair_backoff[pair]
    return score, following


@compiled(f"void({NGRAMS}, i8[::1], i8[::1], f4[::1], i8[::1])")
def _next_words(
    tables: Tables, states: Integers, words: Integers, scores: Floats, following: Integers
) -> None:
    for index in range(len(words)):
        scores[index], following[index] = next_word(tables, states[index], words[index])


def _begins(counts: Integers) -> Numbers:
    """Return where the followers of each begin, and where the last ones end."""
    return np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(counts))).astype(np.int32)


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
