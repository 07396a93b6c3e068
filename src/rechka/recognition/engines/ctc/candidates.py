"""How hypotheses go on by one frame: all ways, before it is known which survive."""

import numpy as np
import numpy.typing as npt

from rechka.compiled import compiled
from rechka.recognition.engines.ctc.arrays import (
    ARRAYS,
    BLANK,
    END_NODE,
    ENDED,
    HISTORY,
    HOT,
    LAST,
    LM,
    LM_WEIGHT,
    LOOKAHEAD,
    MOST_AHEAD,
    NODE,
    SCORE,
    SCORE_BEAM,
    SETTINGS,
    SOURCE,
    SPACE,
    WORD,
    WORD_BONUS,
    Arrays,
    Settings,
)
from rechka.recognition.engines.ctc.graph import TREE, Tree
from rechka.recognition.engines.ctc.ngrams import NGRAMS, Tables, next_word
from rechka.recognition.engines.ctc.phrases import PHRASES, Machine, boosted, next_phrase

__all__ = ["MIX", "MODEL", "Model", "expand"]

Floats = npt.NDArray[np.float32]
Model = tuple[Tree, Tables, Machine]
MODEL = f"Tuple(({TREE}, {NGRAMS}, {PHRASES}))"
"""What a `Model` is in a signature of a compiled function."""

# An odd multiplier with well-mixed bits: that of the 64-bit golden ratio.
MIX = np.int64(-7046029254386353131)


@compiled(f"i8({ARRAYS}, {TREE})")
def _most_inside(beam: Arrays, tree: Tree) -> int:
    """Return the most candidates that complete no word."""
    nodes = beam[0][NODE]
    total = 3 * len(nodes)
    for node in nodes:
        total += tree[1][node + 1] - tree[1][node]
    return total


@compiled(f"i8({ARRAYS}, i8, {ARRAYS}, i8)")
def _put(beam: Arrays, source: int, found: Arrays, count: int) -> int:
    """Write down a candidate that is as its hypothesis; return the count with it."""
    for row in range(HISTORY + 1):
        found[0][row, count] = beam[0][row, source]
    found[0][SOURCE, count] = source
    found[0][WORD, count] = -1
    found[1][LOOKAHEAD, count] = beam[1][LOOKAHEAD, source]
    return count + 1


@compiled(f"i8({ARRAYS}, f4[::1], {SETTINGS}, {ARRAYS})")
def _stay(beam: Arrays, weighted: Floats, settings: Settings, found: Arrays) -> int:
    """Write down the ways that stay where they are, or pass the space behind a word."""
    whole, real = beam
    blank, space, end_node = settings[0][BLANK], settings[0][SPACE], settings[0][END_NODE]
    count = 0
    for source in range(whole.shape[1]):
        node, last, score = whole[NODE, source], whole[LAST, source], real[SCORE, source]
        found[1][SCORE, count] = score + weighted[blank]
        count = _put(beam, source, found, count)
        found[0][LAST, count - 1] = blank
        if last != blank:
            found[1][SCORE, count] = score + weighted[last]
            count = _put(beam, source, found, count)
        if space >= 0 and last != space and node in (0, end_node):
            found[1][SCORE, count] = score + weighted[space]
            count = _put(beam, source, found, count)
            found[0][LAST, count - 1] = space
            found[0][NODE, count - 1] = 0
    return count


@compiled(f"i8({ARRAYS}, f4[::1], {MODEL}, {SETTINGS}, {ARRAYS}, i8)")
def _enter_children(
    beam: Arrays,
    weighted: Floats,
    model: Model,
    settings: Settings,
    found: Arrays,
    count: int,
) -> int:
    """Write down the ways into child nodes, behind those already there."""
    whole, real = beam
    node_token, first_child, lookaheads = model[0][:3]
    phrases, weights = model[2], settings[1]
    ahead = weights[MOST_AHEAD]
    lowest = found[1][SCORE, :count].max() - weights[SCORE_BEAM]
    loudest = np.float32(-np.inf)
    for token in range(len(weighted)):
        if token != settings[0][BLANK]:
            loudest = max(loudest, weighted[token])
    for source in range(whole.shape[1]):
        score, last = real[SCORE, source], whole[LAST, source]
        if score + loudest + ahead < lowest:
            continue
        node = whole[NODE, source]
        for child in range(first_child[node], first_child[node + 1]):
            token = node_token[child]
            total = score + weighted[token]
            if total + ahead < lowest or token == last:
                continue
            lookahead = boosted(phrases, child, lookaheads[child] * weights[LM_WEIGHT])
            total += lookahead - real[LOOKAHEAD, source]
            if total < lowest:
                continue
            count = _put(beam, source, found, count)
            found[0][NODE, count - 1] = child
            found[0][LAST, count - 1] = token
            found[1][SCORE, count - 1] = total
            found[1][LOOKAHEAD, count - 1] = lookahead
    return count


@compiled(f"b1({ARRAYS}, {ARRAYS}, i8, f4)")
def _is_hopeful(beam: Arrays, found: Arrays, at: int, lowest: np.float32) -> bool:
    """Return whether words that end where a candidate stands are worth a look.

    A word is completed with its last token, and not again while that lasts.
    """
    is_new = found[0][NODE, at] != beam[0][NODE, found[0][SOURCE, at]]
    return bool(is_new and found[1][SCORE, at] >= lowest)


@compiled(f"i8({ARRAYS}, {TREE}, {ARRAYS}, i8, f4)")
def _count_words(beam: Arrays, tree: Tree, found: Arrays, inside: int, lowest: np.float32) -> int:
    """Return how many words are completed by the ways so far."""
    words = 0
    for at in range(inside):
        if _is_hopeful(beam, found, at, lowest):
            node = found[0][NODE, at]
            words += tree[3][node + 1] - tree[3][node]
    return words


@compiled(f"i8({ARRAYS}, {MODEL}, {SETTINGS}, {ARRAYS}, i8, f4)")
def _complete_words(
    beam: Arrays,
    model: Model,
    settings: Settings,
    found: Arrays,
    inside: int,
    lowest: np.float32,
) -> int:
    """Write down the ways that complete a word and stand behind it; return the new count."""
    whole, real = found
    weights = settings[1]
    first_entry, entry_word = model[0][3], model[0][4]
    count = inside
    for at in range(inside):
        if not _is_hopeful(beam, found, at, lowest):
            continue
        node = whole[NODE, at]
        for entry in range(first_entry[node], first_entry[node + 1]):
            word = int(entry_word[entry])
            score, lm = next_word(model[1], whole[LM, at], word)
            hot, gain = next_phrase(model[2], whole[HOT, at], word)
            count = _put(beam, whole[SOURCE, at], found, count)
            new = count - 1
            whole[NODE, new], whole[LAST, new] = settings[0][ENDED], whole[LAST, at]
            whole[LM, new], whole[HOT, new], whole[WORD, new] = lm, hot, word
            mixed = (whole[HISTORY, at] ^ (word + 1)) * MIX
            whole[HISTORY, new] = mixed ^ (mixed >> 29)
            real[LOOKAHEAD, new] = 0
            real[SCORE, new] = (
                real[SCORE, at]
                - real[LOOKAHEAD, at]
                + weights[LM_WEIGHT] * score
                + weights[WORD_BONUS]
                + gain
            )
    return count


@compiled(f"i8({ARRAYS}, f4[::1], {MODEL}, {SETTINGS}, {ARRAYS})")
def expand(beam: Arrays, weighted: Floats, model: Model, settings: Settings, found: Arrays) -> int:
    """Write down all ways by which a beam can go on, but hopeless ones.

    Args:
        beam: The hypotheses.
        weighted: Log-ratio of each token to the best one of the frame.
        model: What there is to say.
        settings: Of the search.
        found: Takes the candidates.

    Returns:
        How many there are; below 0, how many need room, negative, if there is too little.
    """
    room = found[0].shape[1]
    most = _most_inside(beam, model[0])
    if most > room:
        return -most
    inside = _enter_children(
        beam, weighted, model, settings, found, _stay(beam, weighted, settings, found)
    )
    lowest = found[1][SCORE, :inside].max() - settings[1][SCORE_BEAM]
    most = inside + _count_words(beam, model[0], found, inside, lowest)
    if most > room:
        return -most
    return _complete_words(beam, model, settings, found, inside, lowest)
