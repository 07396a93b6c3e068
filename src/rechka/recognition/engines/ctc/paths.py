"""Tells more than one reading out of the words and notes of a search."""

import heapq
from itertools import count as counter

from rechka.recognition.engines.ctc.traces import DEAD, NONE, Traces

__all__ = ["End", "Path", "best_paths"]

# A path: its score, and its traces in order.
Path = tuple[float, list[int]]
# An end of paths: its score, its last trace and the latest note on it.
End = tuple[float, int, int]

# Paths looked at for each reading wanted: some have the words of another.
_TRIES = 8


def best_paths(traces: Traces, ends: list[End], count: int) -> list[Path]:
    """Return paths in order of score, best first, each with other words; one may be empty.

    A path leads from an end to the first word. Between its words it may turn off to what
    was noted there, which costs as much as that was behind.
    """
    # Single numbers are read much faster from lists than from arrays.
    words = {name: traces.words[name].tolist() for name in ("word", "parent", "note")}
    notes = {name: traces.notes[name].tolist() for name in ("previous", "trace", "note", "delta")}
    ties = counter()
    # Score less than zero, a number that is never equal, trace and note where turning off
    # begins, and the traces behind, last one first.
    queue: list[tuple[float, int, int, int, tuple[int, ...]]] = [
        (-score, next(ties), trace, note, ()) for score, trace, note in ends
    ]
    heapq.heapify(queue)
    seen: set[tuple[int, ...]] = set()
    paths: list[Path] = []
    for _ in range(_TRIES * count):
        if not queue or len(paths) == count:
            break
        cost, _, trace, note, behind = heapq.heappop(queue)
        chain = [*_chain(words["parent"], trace)[::-1], *behind[::-1]]
        spoken = tuple(words["word"][number] for number in chain)
        if spoken not in seen:
            seen.add(spoken)
            paths.append((-cost, chain))
        while True:
            for number in _chain(notes["previous"], note):
                other, delta = notes["trace"][number], notes["delta"][number]
                if other != DEAD:
                    turn = (cost - delta, next(ties), other, notes["note"][number], behind)
                    heapq.heappush(queue, turn)
            if trace == NONE:
                break
            behind = (*behind, trace)
            note, trace = words["note"][trace], words["parent"][trace]
    return paths


def _chain(before: list[int], number: int) -> list[int]:
    """Return a number and all those before it, the last one first."""
    chain = []
    while number != NONE:
        chain.append(number)
        number = before[number]
    return chain
