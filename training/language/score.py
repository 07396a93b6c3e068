"""How well a model foresees sentences: perplexity and unknown words."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from language.corpus import Sentence
from language.estimate import encode, windows
from language.model import END, UNKNOWN, Model

__all__ = ["Score", "score", "word_probabilities"]


class Score(NamedTuple):
    """Figures on some sentences.

    Attributes:
        words: Words without the ends of sentences.
        unknown: How many of these are not in the vocabulary.
        perplexity: Over known words and ends of sentences.
    """

    words: int
    unknown: int
    perplexity: float


def word_probabilities(model: Model, text: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return p of each known word and end of a sentence of an encoded text, in order.

    The history is what precedes in the sentence, back to the last unknown word.
    """
    result = np.full(len(text), np.nan)
    for order in range(1, len(model.levels) + 1):
        keys, ends = windows(text, order)
        result[ends] = model.probability(keys, order)
    known: NDArray[np.float64] = result[~np.isnan(result)]
    return known


def score(model: Model, sentences: Sequence[Sentence]) -> Score:
    """Return the figures of a model on sentences."""
    text = encode(sentences, {word: number for number, word in enumerate(model.words)})
    p = word_probabilities(model, text)
    return Score(
        words=int((text >= UNKNOWN).sum()),
        unknown=int((text == UNKNOWN).sum()),
        perplexity=float(np.exp(-np.log(p).mean())) if (text == END).any() else float("nan"),
    )
