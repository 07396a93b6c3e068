"""The phrases of one stream as the compiled search walks through them."""

import numpy as np
import numpy.typing as npt

from rechka.compiled import compiled
from rechka.recognition.engines.ctc.finding import Numbers, find

__all__ = ["NO_PHRASES", "PHRASES", "Machine", "boosted", "next_phrase"]

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

# Nodes on the way to a phrase's words, sorted, and their look-ahead; words of phrases,
# sorted; next state and gain for each state and word, and in the last column for others.
Machine = tuple[Numbers, Floats, Numbers, Integers, Floats]
PHRASES = "Tuple((i4[::1], f4[::1], i4[::1], i8[:, ::1], f4[:, ::1]))"
"""What a `Machine` is in a signature of a compiled function."""

NO_PHRASES: Machine = (
    np.zeros(0, dtype=np.int32),
    np.zeros(0, dtype=np.float32),
    np.zeros(0, dtype=np.int32),
    np.zeros((1, 1), dtype=np.int64),
    np.zeros((1, 1), dtype=np.float32),
)
"""The machine of a stream without phrases."""


@compiled(f"Tuple((i8, f4))({PHRASES}, i8, i8)")
def next_phrase(machine: Machine, state: int, word: int) -> tuple[int, np.float32]:
    """Return the state after a word, and what it adds to the score."""
    _, _, words, following, gain = machine
    at = find(words, 0, len(words), word)
    column = len(words) if at < 0 else at
    return following[state, column], gain[state, column]


@compiled(f"f4({PHRASES}, i8, f4)")
def boosted(machine: Machine, node: int, lookahead: np.float32) -> np.float32:
    """Return the weighted look-ahead of a node, raised where a phrase's word lies below."""
    nodes, values, _, _, _ = machine
    at = find(nodes, 0, len(nodes), node)
    return lookahead if at < 0 else max(lookahead, values[at])
