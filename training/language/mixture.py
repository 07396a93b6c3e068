"""Several models to one: each n-gram gets the weighted mean of its probabilities."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from language.model import Level, Model

__all__ = ["fit_weights", "mix"]

_ROUNDS: Final = 50


def fit_weights(
    probabilities: NDArray[np.float64], importance: NDArray[np.float64], *, rounds: int = _ROUNDS
) -> NDArray[np.float64]:
    """Return the weights of models under which words are most likely, [models].

    Expectation maximization from equal weights; every round makes them likelier.

    Args:
        probabilities: Of each word by each model, [models, words].
        importance: How much each word counts, [words].
        rounds: How often the weights are improved.
    """
    weights = np.full(len(probabilities), 1 / len(probabilities))
    for _ in range(rounds):
        shares = weights[:, None] * probabilities
        weights = (shares / shares.sum(axis=0)) @ (importance / importance.sum())
    return weights


def mix(models: Sequence[Model], weights: Sequence[float]) -> Model:
    """Return one back-off model of all n-grams of `models`, which share their words.

    For an n-gram that a model lacks, its back-off estimate is taken. After histories
    that all models know, this is the mean itself; elsewhere the back-off factors make
    it sum to one.
    """
    levels = []
    for order in range(1, len(models[0].levels) + 1):
        keys = np.unique(np.concatenate([model.levels[order - 1].keys for model in models]))
        p = np.zeros(len(keys))
        mass = np.zeros(len(keys))
        for model, weight in zip(models, weights, strict=True):
            p += weight * model.probability(keys, order)
            at, found = model.levels[order - 1].find(keys)
            mass[found] += weight * model.levels[order - 1].mass[at[found]]
        levels.append(Level(keys, p, np.ones(len(keys)), mass))
    result = Model(models[0].words, levels)
    result.normalize()
    return result
