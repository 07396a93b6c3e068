"""Which of a frame's candidates survive."""

import math

import numpy as np
import numpy.typing as npt

from rechka.compiled import compiled
from rechka.recognition.engines.ctc.arrays import (
    ARRAYS,
    BEAM,
    HISTORY,
    HOT,
    LAST,
    LM,
    NODE,
    SCORE,
    SCORE_BEAM,
    SETTINGS,
    Arrays,
    Settings,
)
from rechka.recognition.engines.ctc.candidates import MIX

__all__ = ["GROUPS", "Groups", "merge", "new_groups"]

Numbers = npt.NDArray[np.int32]

# Room for groups of candidates that have the same future: the rows below; their scores;
# and a table to find them in, a power of two long.
Groups = tuple[Numbers, npt.NDArray[np.float64], Numbers]
GROUPS = "Tuple((i4[:, ::1], f8[::1], i4[::1]))"
# Of a candidate its group, -1 for a dropped one; of a group its best candidate, how many
# candidates it has, and its place among the next hypotheses, -1 if it does not survive.
GROUP, WINNER, SIZE, PLACE = range(4)

# The score of what is too small for single precision.
_LOWEST_LOG = math.log(1e-37)


@compiled(f"{GROUPS}(i8)")
def new_groups(candidates: int) -> Groups:
    """Return room for so many candidates."""
    slots = 1
    while slots < 2 * candidates:
        slots *= 2
    return (
        np.empty((4, candidates), np.int32),
        np.empty(candidates, np.float64),
        np.empty(slots, np.int32),
    )


@compiled("b1(i8[:, ::1], i8, i8)")
def _is_same(whole: npt.NDArray[np.int64], one: int, other: int) -> bool:
    """Return whether two candidates have the same future."""
    return bool(
        whole[NODE, one] == whole[NODE, other]
        and whole[LAST, one] == whole[LAST, other]
        and whole[LM, one] == whole[LM, other]
        and whole[HOT, one] == whole[HOT, other]
    )


@compiled(f"i8({ARRAYS}, i8, f4, {GROUPS})")
def _group(found: Arrays, count: int, lowest: np.float32, groups: Groups) -> int:
    """Put candidates into groups with the same future; return how many groups there are."""
    whole, real = found
    table, _, slots = groups
    slots[:] = -1
    together = 0
    for at in range(count):
        table[GROUP, at] = -1
        if real[SCORE, at] < lowest:
            continue
        mixed = ((whole[NODE, at] * MIX ^ whole[LAST, at]) * MIX ^ whole[LM, at]) * MIX
        mixed = (mixed ^ whole[HOT, at]) * MIX
        slot = (mixed ^ (mixed >> 32)) & (len(slots) - 1)
        while slots[slot] >= 0 and not _is_same(whole, table[WINNER, slots[slot]], at):
            slot = (slot + 1) & (len(slots) - 1)
        group = slots[slot]
        if group < 0:
            group = slots[slot] = together
            table[WINNER, group] = at
            table[SIZE, group] = 0
            together += 1
        elif real[SCORE, at] > real[SCORE, table[WINNER, group]]:
            table[WINNER, group] = at
        table[GROUP, at] = group
        table[SIZE, group] += 1
    return together


@compiled("i8(f8[::1], i8, f8)")
def _count(scores: npt.NDArray[np.float64], together: int, lowest: float) -> int:
    """Return how many of the first scores are no lower."""
    count = 0
    for group in range(together):
        count += scores[group] >= lowest
    return count


@compiled("f8(f8[::1], i8, f8, f8, i8)")
def _bound(
    scores: npt.NDArray[np.float64], together: int, low: float, high: float, most: int
) -> float:
    """Return the bound that `most` scores reach, and more only where they are equal.

    By halving, which is compiled in a tenth of the time that a library's selection takes.
    """
    middle = (low + high) / 2
    while low < middle < high:
        count = _count(scores, together, middle)
        if count == most:
            return middle
        if count > most:
            low = middle
        else:
            high = middle
        middle = (low + high) / 2
    return low


@compiled(f"i8(i8, {SETTINGS}, {GROUPS})")
def _choose(together: int, settings: Settings, groups: Groups) -> int:
    """Give the best groups their places; return how many there are."""
    table, scores, _ = groups
    most = settings[0][BEAM]
    best = scores[0]
    for group in range(together):
        best = max(best, scores[group])
    lowest = best - settings[1][SCORE_BEAM]
    if _count(scores, together, lowest) > most:
        lowest = _bound(scores, together, lowest, best, most)
    chosen = 0
    for group in range(together):
        table[PLACE, group] = -1
        if scores[group] >= lowest and chosen < most:
            table[PLACE, group] = chosen
            chosen += 1
    return chosen


@compiled(f"i8({ARRAYS}, i8, {SETTINGS}, {GROUPS})")
def merge(found: Arrays, count: int, settings: Settings, groups: Groups) -> int:
    """Merge candidates with the same future and choose the best.

    Ways with the same words add up their probabilities; of different words the best
    goes on, and the others are told apart.

    Args:
        found: The candidates.
        count: How many there are, at least one.
        settings: Of the search.
        groups: What comes out: groups of candidates, with scores less that of the best
            candidate.

    Returns:
        How many groups survive.
    """
    table, scores, _ = groups
    best = found[1][SCORE, :count].max()
    together = _group(found, count, best - settings[1][SCORE_BEAM], groups)
    for group in range(together):
        is_alone = table[SIZE, group] == 1
        scores[group] = found[1][SCORE, table[WINNER, group]] - best if is_alone else 0.0
    for at in range(count):
        group = table[GROUP, at]
        if group < 0 or table[SIZE, group] == 1:
            continue
        if found[0][HISTORY, at] == found[0][HISTORY, table[WINNER, group]]:
            scores[group] += math.exp(found[1][SCORE, at] - best)
    for group in range(together):
        if table[SIZE, group] > 1:
            scores[group] = math.log(scores[group]) if scores[group] > 1e-37 else _LOWEST_LOG
    return _choose(together, settings, groups)
