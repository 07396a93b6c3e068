"""Which candidates survive: the best, and no more than the beam is wide."""

import numpy as np
import pytest

from rechka.recognition.engines.ctc.merging import _bound


@pytest.mark.parametrize("most", [1, 7, 99])
@pytest.mark.parametrize("levels", [0, 1, 5])
def test_the_bound_is_reached_by_the_best_and_by_more_only_where_they_are_equal(
    most: int, levels: int
) -> None:
    rng = np.random.default_rng(most)
    scores = rng.normal(0.0, 3.0, 100)
    if levels:
        # Many are equal.
        scores = np.floor(rng.random(100) * levels)
    low, high = float(scores.min()) - 1.0, float(scores.max())
    reached = scores[scores >= _bound(scores, len(scores), low, high, most)]
    best = np.sort(scores)[::-1][:most]
    assert len(reached) >= most
    assert (np.sort(reached)[::-1][:most] == best).all()
    assert (reached >= best[-1]).all()
