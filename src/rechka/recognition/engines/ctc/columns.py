"""A table that grows: named columns of numbers, rows appended many at a time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Columns"]

_SMALLEST = 1024


class Columns:
    """A table; `table["name"]` is a column, a view as long as there are rows.

    Args:
        whole: Names of the columns of whole numbers.
        real: Name of the column of others.

    Attributes:
        whole: The columns, each a row of an array with room to grow.
        real: The last column, likewise.
        count: Rows in use.
    """

    def __init__(self, whole: Sequence[str], real: str) -> None:
        self._rows = {name: number for number, name in enumerate(whole)}
        self._real = real
        self.whole = np.zeros((len(whole), _SMALLEST), dtype=np.int64)
        self.real = np.zeros(_SMALLEST, dtype=np.float32)
        self.count = 0

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        column = self.real if name == self._real else self.whole[self._rows[name]]
        return column[: self.count]

    @property
    def bytes(self) -> int:
        """Memory held."""
        return int(self.whole.nbytes + self.real.nbytes)

    def reserve(self, rows: int) -> None:
        """Make room for so many rows more."""
        if self.count + rows > len(self.real):
            self._resize(max(2 * len(self.real), self.count + rows))

    def keep(self, kept: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        """Drop all other rows.

        Returns:
            The new number of each old row, -1 where dropped, and one -1 more at the end,
            so that -1 as an index gives -1.
        """
        numbers = np.append(np.where(kept, np.cumsum(kept) - 1, -1), -1)
        self.whole = self.whole[:, : self.count][:, kept]
        self.real = self.real[: self.count][kept]
        self.count = len(self.real)
        self._resize(max(_SMALLEST, self.count))
        return numbers

    def _resize(self, rows: int) -> None:
        whole = np.zeros((len(self.whole), rows), dtype=np.int64)
        real = np.zeros(rows, dtype=np.float32)
        whole[:, : self.count] = self.whole[:, : self.count]
        real[: self.count] = self.real[: self.count]
        self.whole, self.real = whole, real
