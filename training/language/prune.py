"""Entropy pruning (Stolcke 1998): take out what changes the model least."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from language.model import Level, Model, histories, suffixes

__all__ = ["prune"]

_LEAST: Final = 1e-12
_STEPS: Final = 60


def prune(model: Model, size: int) -> Model:
    """Return the model with about `size` n-grams of two words and more, never more.

    Each n-gram costs the divergence between the model with and without it, weighted by
    how often its history occurs in the text. (The model's own lower orders would be the
    wrong weight: Kneser-Ney makes them for backing off, not as marginals.) The longest
    go first; an n-gram stays as long as it is the history of another.
    """
    costs = [_costs(model, order) for order in range(2, len(model.levels) + 1)]
    logs = np.log(np.maximum(np.concatenate(costs), 1e-300))
    low, high = float(logs.min()) - 1.0, float(logs.max()) + 1.0
    kept = [np.ones(len(cost), bool) for cost in costs]
    if sum(map(len, costs)) > size:
        for _ in range(_STEPS):
            middle = (low + high) / 2
            if sum(int(k.sum()) for k in _kept(model, costs, np.exp(middle))) > size:
                low = middle
            else:
                high = middle
        kept = _kept(model, costs, np.exp(high))
    return _select(model, kept)


def _select(model: Model, kept: list[NDArray[np.bool_]]) -> Model:
    first = model.levels[0]
    unigrams = Level(first.keys, first.p, first.backoff.copy(), first.mass)
    levels = [level.select(k) for level, k in zip(model.levels[1:], kept, strict=True)]
    result = Model(model.words, [unigrams, *levels])
    result.normalize()
    return result


def _kept(
    model: Model, costs: list[NDArray[np.float64]], threshold: float
) -> list[NDArray[np.bool_]]:
    """Return what is worth keeping, and the histories of what is kept, from the longest on."""
    kept = [cost >= threshold for cost in costs]
    for order in range(len(model.levels), 2, -1):
        level, lower = model.levels[order - 1], model.levels[order - 2]
        at, _ = lower.find(np.unique(histories(level.keys[kept[order - 2]])))
        kept[order - 3][at] = True
    return kept


def _costs(model: Model, order: int) -> NDArray[np.float64]:
    """Return for each n-gram of `order` words the divergence that leaving it out causes.

    D = -P(h) (p(w|h) (log p(w|h') + log a' - log p(w|h)) + (1 - sum) (log a' - log a)),
    with h' the shorter history, a and a' the back-off factors before and after.
    """
    level, lower = model.levels[order - 1], model.levels[order - 2]
    at, _ = lower.find(histories(level.keys))
    explicit, shorter = (sums[at] for sums in model.sums(order))
    backed_off = model.probability(suffixes(level.keys, order), order - 1)
    free = np.maximum(1.0 - explicit, _LEAST)
    before = free / np.maximum(1.0 - shorter, _LEAST)
    after = (free + level.p) / np.maximum(1.0 - shorter + backed_off, _LEAST)
    change = np.log(after) - np.log(before)
    kept = np.log(np.maximum(backed_off, 1e-300)) + np.log(after) - np.log(level.p)
    cost: NDArray[np.float64] = -lower.mass[at] * (level.p * kept + free * change)
    return cost
