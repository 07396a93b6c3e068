"""Word histories of the beam, and what was merged into them.

A trace is one word and the trace of the words before it. Where hypotheses with
different words meet in one state of the search, the better one goes on, and takes
along a note of the other: its trace and how far it was behind. Notes are chained like
traces: a hypothesis knows the latest one since its last word was complete, and the
trace that it makes of the next word keeps that. The words of a hypothesis and all of
its notes together are a lattice, out of which more than one reading can be told.
"""

import numpy as np
import numpy.typing as npt

from rechka.recognition.engines.ctc.columns import Columns

__all__ = ["NONE", "Traces", "extend_history"]

NONE = -1
"""The trace before the first word, or the note before the first one."""

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

# A note whose trace is of no use any more.
_DEAD = -2
# An odd multiplier with well-mixed bits: that of the 64-bit golden ratio.
_MIX = np.int64(-7046029254386353131)
_COLLECT_AT = 4096


def extend_history(histories: Integers, words: Integers) -> Integers:
    """Return the numbers of histories that each got one more word."""
    mixed = (histories ^ (words + 1)) * _MIX
    return mixed ^ (mixed >> 29)


class Traces:
    """All traces and notes of one utterance that are still of use.

    Attributes:
        words: The traces. `parent`: trace of the words before; `word`: its number;
            `start`: frame of its first token; `previous_end`: frame after the last token
            of the word before; `quality`: mean log-ratio of its tokens to the best tokens
            of their frames; `note`: latest note on the words before it; `history`: number
            of the words up to and with it.
        notes: `previous`: the note before; `trace` and `note`: those of the hypothesis
            that was merged; `delta`: its score less that of the one that went on.
    """

    def __init__(self) -> None:
        self.words = Columns(
            {
                "parent": np.int64,
                "word": np.int64,
                "start": np.int64,
                "previous_end": np.int64,
                "quality": np.float32,
                "note": np.int64,
                "history": np.int64,
            }
        )
        self.notes = Columns(
            {"previous": np.int64, "trace": np.int64, "note": np.int64, "delta": np.float32}
        )
        self._collect_at = _COLLECT_AT

    @property
    def is_due(self) -> bool:
        """Whether there is so much that `collect` is worth its time."""
        return self.words.count + self.notes.count >= self._collect_at

    @property
    def bytes(self) -> int:
        """Memory held."""
        return self.words.bytes + self.notes.bytes

    def note(
        self,
        holders: Integers,
        latest: Integers,
        *,
        traces: Integers,
        notes: Integers,
        deltas: Floats,
    ) -> Integers:
        """Note hypotheses that were merged into others.

        Args:
            holders: For each, the number of the hypothesis that went on; ascending.
            latest: Latest note of each hypothesis that may go on.
            traces: Their traces.
            notes: Their latest notes.
            deltas: Their scores less those of the ones that went on.

        Returns:
            `latest`, brought up to date.
        """
        numbers = np.arange(self.notes.count, self.notes.count + len(holders))
        is_first = np.ones(len(holders), dtype=np.bool_)
        is_first[1:] = holders[1:] != holders[:-1]
        previous = np.where(is_first, latest[holders], numbers - 1)
        self.notes.add(previous=previous, trace=traces, note=notes, delta=deltas)
        after = latest.copy()
        # Of several notes of one hypothesis the last one counts.
        after[holders] = numbers
        return after

    def chain(self, trace: int) -> list[int]:
        """Return a trace and those before it, the first word's first."""
        parent = self.words["parent"]
        numbers = []
        while trace != NONE:
            numbers.append(trace)
            trace = int(parent[trace])
        return numbers[::-1]

    def noted(self, note: int) -> list[tuple[int, int, float]]:
        """Return trace, latest note and delta of a note and those before it."""
        previous, traces = self.notes["previous"], self.notes["trace"]
        chain = []
        while note != NONE:
            chain.append(note)
            note = int(previous[note])
        chain = [number for number in chain if traces[number] != _DEAD]
        columns = (self.notes[name][chain].tolist() for name in ("trace", "note", "delta"))
        return list(zip(*columns, strict=True))

    def shared(self, live: Integers) -> int:
        """Return the last trace that all live ones have in common, or `NONE`."""
        parent = self.words["parent"]
        front = set(live.tolist())
        while len(front) > 1:
            last = max(front)
            front.remove(last)
            front.add(int(parent[last]))
        return front.pop() if front else NONE

    def cut(self, root: int) -> None:
        """Forget a trace and what is before it; what followed it becomes the beginning.

        Notes of readings with other words before are dead then.
        """
        words, notes = self.words, self.notes
        notes["trace"][~self._is_below(root)[notes["trace"]]] = _DEAD
        notes["trace"][notes["trace"] == root] = NONE
        follows = words["parent"] == root
        words["note"][follows] = NONE
        words["parent"][follows] = NONE

    def collect(self, traces: Integers, notes: Integers, *, most: int) -> tuple[Integers, Integers]:
        """Forget what nothing leads to any more.

        Args:
            traces: Those in use.
            notes: Those in use.
            most: With more traces than this all notes are forgotten too.

        Returns:
            The new numbers of all traces and of all notes, as of `Columns.keep`.
        """
        kept_words, kept_notes = self._reachable(traces, notes)
        if int(kept_words.sum()) > most:
            self.words["note"][:] = NONE
            kept_words, kept_notes = self._reachable(traces, notes[:0])
        words, table = self.words, self.notes
        word_numbers = words.keep(kept_words)
        note_numbers = table.keep(kept_notes)
        words["parent"][:] = word_numbers[words["parent"]]
        words["note"][:] = note_numbers[words["note"]]
        is_dead = table["trace"] == _DEAD
        table["trace"][:] = np.where(is_dead, _DEAD, word_numbers[table["trace"]])
        table["note"][:] = note_numbers[table["note"]]
        table["previous"][:] = note_numbers[table["previous"]]
        self._collect_at = 2 * (words.count + table.count) + _COLLECT_AT
        return word_numbers, note_numbers

    def _reachable(
        self, traces: Integers, notes: Integers
    ) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        words, table = self.words, self.notes
        kept_words = np.zeros(words.count, dtype=np.bool_)
        kept_notes = np.zeros(table.count, dtype=np.bool_)
        while len(traces) or len(notes):
            traces = np.unique(traces)
            traces = traces[(traces >= 0) & ~kept_words[traces]]
            notes = np.unique(notes)
            notes = notes[(notes >= 0) & ~kept_notes[notes]]
            kept_words[traces] = True
            kept_notes[notes] = True
            # A dead note stays only for the chain through it.
            traces, notes = (
                np.concatenate([words["parent"][traces], table["trace"][notes]]),
                np.concatenate(
                    [words["note"][traces], table["note"][notes], table["previous"][notes]]
                ),
            )
            traces, notes = traces[traces >= 0], notes[notes >= 0]
        return kept_words, kept_notes

    def _is_below(self, root: int) -> npt.NDArray[np.bool_]:
        """Return which traces are the root or follow on it; two more at the end for none."""
        parent = np.append(self.words["parent"], [_DEAD, NONE])
        is_below = np.zeros(len(parent), dtype=np.bool_)
        is_below[root] = True
        while True:
            grown = is_below | is_below[parent]
            grown[-2:] = False
            if (grown == is_below).all():
                return is_below
            is_below = grown
