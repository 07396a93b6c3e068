"""Finds numbers among sorted ones, for compiled functions."""

import numpy as np
import numpy.typing as npt

from rechka.compiled import compiled

__all__ = ["Numbers", "find"]

Numbers = npt.NDArray[np.int32]


@compiled("i8(i4[::1], i8, i8, i8)")
def find(numbers: Numbers, begin: int, end: int, number: int) -> int:
    """Return where a number stands among the sorted ones from `begin` to `end`, -1 if nowhere."""
    stop = end
    while begin < end:
        middle = (begin + end) >> 1
        if numbers[middle] < number:
            begin = middle + 1
        else:
            end = middle
    return begin if begin < stop and numbers[begin] == number else -1
