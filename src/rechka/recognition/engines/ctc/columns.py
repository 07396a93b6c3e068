"""A table that grows: named columns of numbers, rows appended many at a time."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Columns"]

_SMALLEST = 1024


class Columns:
    """A table; `table["name"]` is a column, a view as long as there are rows.

    Args:
        kinds: The type of each column.
    """

    def __init__(self, kinds: Mapping[str, type[np.generic]]) -> None:
        self._data = {name: np.zeros(_SMALLEST, dtype=kind) for name, kind in kinds.items()}
        self.count = 0

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self._data[name][: self.count]

    @property
    def bytes(self) -> int:
        """Memory held."""
        return sum(int(column.nbytes) for column in self._data.values())

    def add(self, **columns: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Append rows, given column by column; return their numbers."""
        begin = self.count
        self.count += len(next(iter(columns.values())))
        for name, values in columns.items():
            column = self._data[name]
            if self.count > len(column):
                grown = np.zeros(max(2 * len(column), self.count), dtype=column.dtype)
                grown[:begin] = column[:begin]
                self._data[name] = column = grown
            column[begin : self.count] = values
        return np.arange(begin, self.count)

    def keep(self, kept: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """Drop all other rows.

        Returns:
            The new number of each old row, -1 where dropped, and one -1 more at the end,
            so that -1 as an index gives -1.
        """
        numbers = np.append(np.where(kept, np.cumsum(kept) - 1, -1), -1)
        self._data = {name: self[name][kept] for name in self._data}
        self.count = int(kept.sum())
        return numbers
