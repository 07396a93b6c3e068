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

__all__ = ["DEAD", "NONE", "TABLES", "Tables", "Traces"]

NONE = -1
"""The trace before the first word, or the note before the first one."""

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

# Columns of words and their qualities; columns of notes and their deltas; counts.
Tables = tuple[Integers, Floats, Integers, Floats, Integers]
TABLES = "Tuple((i8[:, ::1], f4[::1], i8[:, ::1], f4[::1], i8[::1]))"
"""What `Tables` are in a signature of a compiled function."""
_WORD_COLUMNS = ("parent", "word", "start", "previous_end", "note", "history")
PARENT, SPOKEN, BEGAN, ENDED_BEFORE, NOTED, SO_FAR = range(6)
_NOTE_COLUMNS = ("previous", "trace", "note")
PREVIOUS, NOTED_TRACE, NOTED_NOTE = range(3)
# Counts: words and notes in use, frames so far, rows that the next frame may need.
WORDS, NOTES, FRAME, MISSING = range(4)

DEAD = -2
"""The trace of a note that is of no use any more."""
_COLLECT_AT = 4096


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
        self.words = Columns(_WORD_COLUMNS, "quality")
        self.notes = Columns(_NOTE_COLUMNS, "delta")
        self._counts = np.zeros(4, dtype=np.int64)
        self._collect_at = _COLLECT_AT

    @property
    def is_due(self) -> bool:
        """Whether there is so much that `collect` is worth its time."""
        return self.words.count + self.notes.count >= self._collect_at

    @property
    def bytes(self) -> int:
        """Memory held."""
        return self.words.bytes + self.notes.bytes

    @property
    def frame(self) -> int:
        """Frames so far."""
        return int(self._counts[FRAME])

    def tables(self) -> Tables:
        """Return what a compiled function writes into; `refresh` must follow it."""
        words, notes = self.words, self.notes
        self._counts[[WORDS, NOTES]] = words.count, notes.count
        return words.whole, words.real, notes.whole, notes.real, self._counts

    def refresh(self) -> None:
        """Take over what was written, and make room for what the next frame may need."""
        words, notes, _, missing = self._counts.tolist()
        self.words.count, self.notes.count = words, notes
        self.words.reserve(missing)
        self.notes.reserve(missing)

    def chain(self, trace: int) -> list[int]:
        """Return a trace and those before it, the first word's first."""
        parent = self.words["parent"]
        numbers = []
        while trace != NONE:
            numbers.append(trace)
            trace = int(parent[trace])
        return numbers[::-1]

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
        notes["trace"][~self._is_below(root)[notes["trace"]]] = DEAD
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
        is_dead = table["trace"] == DEAD
        table["trace"][:] = np.where(is_dead, DEAD, word_numbers[table["trace"]])
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
        parent = np.append(self.words["parent"], [DEAD, NONE])
        is_below = np.zeros(len(parent), dtype=np.bool_)
        is_below[root] = True
        while True:
            grown = is_below | is_below[parent]
            grown[-2:] = False
            if (grown == is_below).all():
                return is_below
            is_below = grown
