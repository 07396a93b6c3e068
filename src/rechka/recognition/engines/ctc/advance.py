"""Frame by frame through the beam search, with the words on the way written down."""

import numpy as np
import numpy.typing as npt

from rechka.compiled import compiled
from rechka.recognition.engines.ctc.arrays import (
    ALTERNATIVES_BEAM,
    ARRAYS,
    BLANK,
    BLANK_PENALTY,
    FIT,
    HISTORY,
    LAST,
    LAST_FRAME,
    LOOKAHEAD,
    NODE,
    NOTE,
    PREVIOUS_END,
    SCORE,
    SETTINGS,
    SOURCE,
    SPACE,
    START,
    TRACE,
    WORD,
    Arrays,
    Settings,
)
from rechka.recognition.engines.ctc.candidates import MODEL, Model, expand
from rechka.recognition.engines.ctc.merging import (
    GROUP,
    GROUPS,
    PLACE,
    SIZE,
    WINNER,
    Groups,
    merge,
    new_groups,
)
from rechka.recognition.engines.ctc.traces import (
    BEGAN,
    ENDED_BEFORE,
    FRAME,
    MISSING,
    NONE,
    NOTED,
    NOTED_NOTE,
    NOTED_TRACE,
    NOTES,
    PARENT,
    PREVIOUS,
    SO_FAR,
    SPOKEN,
    TABLES,
    WORDS,
    Tables,
)

__all__ = ["go_on"]

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

# Below this a token's probability in a frame counts as zero.
_LOWEST_LOG = np.float32(-80.0)
_CANDIDATES = 1024


@compiled(f"f4[::1](f4[::1], {SETTINGS})")
def _weigh(row: Floats, settings: Settings) -> Floats:
    """Return the log-ratio of each token of a frame to the best one."""
    weighted = row.copy()
    weighted[settings[0][BLANK]] -= settings[1][BLANK_PENALTY]
    best = weighted.max()
    for token in range(len(weighted)):
        weighted[token] = max(weighted[token] - best, _LOWEST_LOG)
    return weighted


@compiled(f"Tuple((i8, i8, f4))({ARRAYS}, {ARRAYS}, i8, f4[::1], i8)")
def _place(
    beam: Arrays, found: Arrays, at: int, weighted: Floats, frame: int
) -> tuple[int, int, np.float32]:
    """Return start, end of the word before and fit of the word that a candidate is in."""
    whole, real = beam
    source = found[0][SOURCE, at]
    fit = weighted[found[0][LAST, at]]
    is_within = found[0][NODE, at] != 0 or found[0][WORD, at] >= 0
    if whole[NODE, source] == 0 and is_within:
        return frame, whole[LAST_FRAME, source] + 1, fit
    return whole[START, source], whole[PREVIOUS_END, source], real[FIT, source] + fit


@compiled(f"Tuple((i8, i8))({ARRAYS}, {ARRAYS}, i8, i8, i8, f4, {TABLES})")
def _trace(
    beam: Arrays,
    found: Arrays,
    at: int,
    start: int,
    previous_end: int,
    fit: np.float32,
    tables: Tables,
) -> tuple[int, int]:
    """Return a candidate's trace and latest note; write its word down if it completes one."""
    words, qualities, _, _, counts = tables
    source = found[0][SOURCE, at]
    trace, note = beam[0][TRACE, source], beam[0][NOTE, source]
    if found[0][WORD, at] < 0:
        return trace, note
    number = counts[WORDS]
    words[PARENT, number], words[SPOKEN, number] = trace, found[0][WORD, at]
    words[BEGAN, number], words[ENDED_BEFORE, number] = start, previous_end
    words[NOTED, number], words[SO_FAR, number] = note, found[0][HISTORY, at]
    qualities[number] = fit / np.float32(counts[FRAME] - start + 1)
    counts[WORDS] += 1
    return number, NONE


@compiled(f"void({ARRAYS}, {ARRAYS}, i8, f4[::1], {SETTINGS}, {GROUPS}, {TABLES}, {ARRAYS})")
def _win(
    beam: Arrays,
    found: Arrays,
    count: int,
    weighted: Floats,
    settings: Settings,
    groups: Groups,
    tables: Tables,
    after: Arrays,
) -> None:
    """Make hypotheses of the candidates that survive."""
    blank, space = settings[0][BLANK], settings[0][SPACE]
    table, scores, _ = groups
    whole, real = after
    frame = tables[4][FRAME]
    for at in range(count):
        group = table[GROUP, at]
        if group < 0 or table[PLACE, group] < 0 or table[WINNER, group] != at:
            continue
        place = table[PLACE, group]
        for row in range(HISTORY + 1):
            whole[row, place] = found[0][row, at]
        source, last = found[0][SOURCE, at], found[0][LAST, at]
        is_token = last != blank and (found[0][NODE, at] != 0 or last != space)
        whole[LAST_FRAME, place] = frame if is_token else beam[0][LAST_FRAME, source]
        start, previous_end, fit = _place(beam, found, at, weighted, frame)
        whole[START, place], whole[PREVIOUS_END, place] = start, previous_end
        whole[TRACE, place], whole[NOTE, place] = _trace(
            beam, found, at, start, previous_end, fit, tables
        )
        real[SCORE, place], real[FIT, place] = scores[group], fit
        real[LOOKAHEAD, place] = found[1][LOOKAHEAD, at]
    best = real[SCORE, 0]
    for place in range(real.shape[1]):
        best = max(best, real[SCORE, place])
    for place in range(real.shape[1]):
        real[SCORE, place] -= best


@compiled(f"void({ARRAYS}, {ARRAYS}, i8, f4[::1], {GROUPS}, {SETTINGS}, {TABLES}, {ARRAYS})")
def _lose(
    beam: Arrays,
    found: Arrays,
    count: int,
    weighted: Floats,
    groups: Groups,
    settings: Settings,
    tables: Tables,
    after: Arrays,
) -> None:
    """Note the candidates with other words that were merged into a hypothesis."""
    table, scores, _ = groups
    _, _, notes, deltas, counts = tables
    best = found[1][SCORE, :count].max()
    for at in range(count):
        group = table[GROUP, at]
        if group < 0 or table[PLACE, group] < 0 or table[SIZE, group] == 1:
            continue
        winner, place = table[WINNER, group], table[PLACE, group]
        behind = found[1][SCORE, winner] - found[1][SCORE, at]
        is_same = found[0][HISTORY, at] == found[0][HISTORY, winner]
        if is_same or behind > settings[1][ALTERNATIVES_BEAM]:
            continue
        start, previous_end, fit = _place(beam, found, at, weighted, counts[FRAME])
        trace, note = _trace(beam, found, at, start, previous_end, fit, tables)
        number = counts[NOTES]
        notes[PREVIOUS, number] = after[0][NOTE, place]
        notes[NOTED_TRACE, number], notes[NOTED_NOTE, number] = trace, note
        deltas[number] = min(0.0, found[1][SCORE, at] - best - scores[group])
        after[0][NOTE, place] = number
        counts[NOTES] += 1


@compiled(f"{ARRAYS}(f4[:, ::1], {ARRAYS}, {MODEL}, {SETTINGS}, {TABLES})")
def go_on(
    log_probs: Floats, beam: Arrays, model: Model, settings: Settings, tables: Tables
) -> Arrays:
    """Go on by some frames, or by fewer if a table is short of room.

    Args:
        log_probs: Natural log-probabilities, shape (frames, tokens).
        beam: The hypotheses, shapes (10, n) and (3, n); it stays as it is.
        model: What there is to say.
        settings: Of the search.
        tables: Take the words that are complete and the notes on merged hypotheses.

    Returns:
        The hypotheses after the last of the frames.
    """
    words, _, notes, _, counts = tables
    room = _CANDIDATES
    found = (np.empty((WORD + 1, room), np.int64), np.empty((2, room), np.float32))
    groups = new_groups(room)
    for number in range(len(log_probs)):
        weighted = _weigh(log_probs[number], settings)
        count = expand(beam, weighted, model, settings, found)
        while count < 0:
            room = max(2 * room, -count)
            found = (np.empty((WORD + 1, room), np.int64), np.empty((2, room), np.float32))
            groups = new_groups(room)
            count = expand(beam, weighted, model, settings, found)
        counts[MISSING] = count
        if counts[WORDS] + count > words.shape[1] or counts[NOTES] + count > notes.shape[1]:
            break
        chosen = merge(found, count, settings, groups)
        after = (np.empty((len(beam[0]), chosen), np.int64), np.empty((3, chosen), np.float32))
        _win(beam, found, count, weighted, settings, groups, tables, after)
        _lose(beam, found, count, weighted, groups, settings, tables, after)
        beam = after
        counts[FRAME] += 1
    return beam
