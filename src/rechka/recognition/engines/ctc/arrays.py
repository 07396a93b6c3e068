"""What the functions of the compiled search pass to each other."""

import numpy as np
import numpy.typing as npt

__all__ = ["ARRAYS", "SETTINGS", "Arrays", "Settings"]

Floats = npt.NDArray[np.float32]

# Whole numbers and others, each a row; of hypotheses, or of candidates.
Arrays = tuple[npt.NDArray[np.int64], Floats]
ARRAYS = "Tuple((i8[:, ::1], f4[:, ::1]))"
"""What `Arrays` are in a signature of a compiled function."""
# Rows of the whole numbers, and of the others.
NODE, LAST, LM, HOT, HISTORY, TRACE, NOTE, START, LAST_FRAME, PREVIOUS_END = range(10)
SCORE, LOOKAHEAD, FIT = range(3)
# A candidate has the rows of a hypothesis from NODE to HISTORY, SCORE and LOOKAHEAD, and
# these: the hypothesis that it goes on from, and the word that it completes, -1 for none.
SOURCE, WORD = HISTORY + 1, HISTORY + 2

# Numbers that stay the same for a stream.
Settings = tuple[npt.NDArray[np.int64], Floats]
SETTINGS = "Tuple((i8[::1], f4[::1]))"
"""What `Settings` are in a signature of a compiled function."""
BLANK, SPACE, ENDED, END_NODE, BEAM = range(5)
LM_WEIGHT, WORD_BONUS, BLANK_PENALTY, SCORE_BEAM, ALTERNATIVES_BEAM, MOST_AHEAD = range(6)
