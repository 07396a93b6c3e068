"""Word histories of the beam, and what was merged into them.

A trace is one word and the trace of the words before it. Where two histories meet in
one state of the search, the better one goes on and the other is noted as an
alternative to it, so that more than one reading can be told at the end. Alternatives
belong to a history's words, whatever frames these were found at, so they are noted
under a number made of the words.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["NO_TRACE", "Traces", "extend_history"]

NO_TRACE = -1
"""The trace before the first word."""

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

# An odd multiplier with well-mixed bits: that of the 64-bit golden ratio.
_MIX = np.int64(-7046029254386353131)
_SMALLEST = 1024
# Alternatives kept of one history.
_ALTERNATIVES = 6


def extend_history(histories: Integers, words: Integers) -> Integers:
    """Return the numbers of histories that each got one more word."""
    mixed = (histories ^ (words + 1)) * _MIX
    return mixed ^ (mixed >> 29)


class Traces:
    """All traces of one utterance that are still of use."""

    def __init__(self) -> None:
        self.count = 0
        self.parent = np.zeros(_SMALLEST, dtype=np.int64)
        self.word = np.zeros(_SMALLEST, dtype=np.int64)
        # Frame of the word's first token.
        self.start = np.zeros(_SMALLEST, dtype=np.int64)
        # Frame after the last token of the word before.
        self.previous_end = np.zeros(_SMALLEST, dtype=np.int64)
        # Mean log-ratio of the word's tokens to the best tokens of its frames.
        self.quality = np.zeros(_SMALLEST, dtype=np.float32)
        self.history = np.zeros(_SMALLEST, dtype=np.int64)
        self._notes: list[tuple[Integers, Integers, Floats]] = []
        self._collect_at = 4 * _SMALLEST

    @property
    def is_due(self) -> bool:
        """Whether there are so many that `collect` is worth its time."""
        return self.count >= self._collect_at

    @property
    def bytes(self) -> int:
        """Memory held."""
        columns = sum(int(getattr(self, name).nbytes) for name in _COLUMNS)
        return columns + sum(int(array.nbytes) for note in self._notes for array in note)

    def add(self, **columns: npt.NDArray[Any]) -> Integers:
        """Add traces, given column by column; return their numbers."""
        added = len(columns["word"])
        if self.count + added > len(self.parent):
            size = max(2 * len(self.parent), self.count + added)
            for name in _COLUMNS:
                old = getattr(self, name)
                setattr(self, name, np.concatenate([old, np.zeros(size - len(old), old.dtype)]))
        numbers = np.arange(self.count, self.count + added)
        for name in _COLUMNS:
            getattr(self, name)[self.count : self.count + added] = columns[name]
        self.count += added
        return numbers

    def note(self, histories: Integers, others: Integers, deltas: Floats) -> None:
        """Note traces that were merged into histories.

        Args:
            histories: Whose state the others came to.
            others: Traces, which are in use from now on.
            deltas: Their scores less the histories', at that frame.
        """
        self._notes.append((histories, others, deltas))

    def alternatives(self) -> dict[int, list[tuple[int, float]]]:
        """Return for each history the traces that were merged into it, the best first."""
        table: dict[int, list[tuple[int, float]]] = {}
        for history, other, delta in zip(*self._merged_notes(), strict=True):
            table.setdefault(int(history), []).append((int(other), float(delta)))
        return table

    def chain(self, trace: int) -> list[int]:
        """Return a trace and those before it, the first word's first."""
        numbers = []
        while trace != NO_TRACE:
            numbers.append(trace)
            trace = int(self.parent[trace])
        return numbers[::-1]

    def shared(self, live: Integers) -> int:
        """Return the last trace that all live ones have in common, or `NO_TRACE`."""
        front = set(live.tolist())
        while len(front) > 1:
            last = max(front)
            front.remove(last)
            front.add(int(self.parent[last]))
        return front.pop() if front else NO_TRACE

    def collect(self, live: Integers, *, root: int = NO_TRACE, most: int = 50_000) -> Integers:
        """Forget what nothing leads to any more.

        Args:
            live: Traces in use.
            root: Trace whose words were settled: it and what is before it is forgotten,
                and what followed it becomes the beginning.
            most: With more traces than this the alternatives are forgotten too.

        Returns:
            The new number of each old trace, `NO_TRACE` where forgotten; one more at
            the end for `NO_TRACE` itself, so that it can be indexed by it.
        """
        histories, others, deltas = self._merged_notes()
        if root != NO_TRACE:
            # An alternative to words before the root can no longer be told.
            is_below = self._below(root)[others]
            histories, others, deltas = histories[is_below], others[is_below], deltas[is_below]
            self.parent[: self.count][self.parent[: self.count] == root] = NO_TRACE
        kept = np.zeros(self.count, dtype=np.bool_)
        self._mark(live[live != root], kept)
        while True:
            is_useful = np.isin(histories, self.history[: self.count][kept]) & ~kept[others]
            if not is_useful.any():
                break
            self._mark(others[is_useful], kept)
            if int(kept.sum()) > most:
                kept[:] = False
                self._mark(live[live != root], kept)
                histories, others, deltas = histories[:0], others[:0], deltas[:0]
                break
        numbers = np.append(np.where(kept, np.cumsum(kept) - 1, NO_TRACE), NO_TRACE)
        is_kept = kept[others] & np.isin(histories, self.history[: self.count][kept])
        self._notes = [(histories[is_kept], numbers[others[is_kept]], deltas[is_kept])]
        for name in _COLUMNS:
            setattr(self, name, getattr(self, name)[: self.count][kept])
        self.parent = numbers[self.parent]
        self.count = int(kept.sum())
        self._collect_at = 2 * self.count + 4 * _SMALLEST
        return numbers

    def _below(self, root: int) -> npt.NDArray[np.bool_]:
        """Return which traces follow on the root, directly or not."""
        parent = np.append(self.parent[: self.count], NO_TRACE)
        is_below = np.zeros(self.count + 1, dtype=np.bool_)
        is_new = parent == root
        while is_new.any():
            is_below |= is_new
            is_new = is_below[parent] & ~is_below
        return is_below[:-1]

    def _mark(self, traces: Integers, kept: npt.NDArray[np.bool_]) -> None:
        front = np.unique(traces)
        while len(front):
            front = front[front != NO_TRACE]
            front = front[~kept[front]]
            kept[front] = True
            front = np.unique(self.parent[front])

    def _merged_notes(self) -> tuple[Integers, Integers, Floats]:
        """Return the notes, each pair of histories once, the best first and few of each."""
        if not self._notes:
            empty = np.zeros(0, dtype=np.int64)
            return empty, empty, np.zeros(0, dtype=np.float32)
        histories, others, deltas = (
            np.concatenate(part) for part in zip(*self._notes, strict=True)
        )
        words = self.history[others]
        order = np.lexsort((-deltas, words, histories))
        is_first = np.ones(len(order), dtype=np.bool_)
        is_first[1:] = (np.diff(histories[order]) != 0) | (np.diff(words[order]) != 0)
        order = order[is_first]
        order = order[np.lexsort((-deltas[order], histories[order]))]
        begins = np.ones(len(order), dtype=np.bool_)
        begins[1:] = np.diff(histories[order]) != 0
        position = np.arange(len(order))
        rank = position - np.maximum.accumulate(np.where(begins, position, 0))
        order = order[rank < _ALTERNATIVES]
        self._notes = [(histories[order], others[order], deltas[order])]
        return self._notes[0]


_COLUMNS = ("parent", "word", "start", "previous_end", "quality", "history")
