"""Where one session may end and the next begin, judged by the times of words."""

from dataclasses import replace

from rechka.results import Final, Hypothesis, Partial, Result

__all__ = ["divide", "later", "rests_ms", "resume_ms"]

# An utterance ends after a pause, and the servers that are known call a gap of
# 150 ms and more a pause. The next session begins inside it: late enough not to
# hear the last word's end again, early enough to hear the next one's beginning.
_INTO_PAUSE_MS = 100.0
# A longer utterance may have been ended for its length, with speech right after it.
_LONG_UTTERANCE_MS = 15_000
# Soft consonants come before what a recognizer takes for the start of a word.
_BEFORE_WORD_MS = 250.0


def later(result: Result, offset_ms: float) -> Result:
    """Return a result of a session with its times counted from the source's start."""
    start_ms = None if result.start_ms is None else round(result.start_ms + offset_ms)
    end_ms = None if result.end_ms is None else round(result.end_ms + offset_ms)
    if isinstance(result, Partial):
        return Partial(result.hypothesis.shifted(offset_ms), start_ms=start_ms, end_ms=end_ms)
    alternatives = tuple(item.shifted(offset_ms) for item in result.alternatives)
    return replace(result, alternatives=alternatives, start_ms=start_ms, end_ms=end_ms)


def rests_ms(final: Final) -> float | None:
    """Return where the audio after a final begins, None if its words have no times."""
    if not final.end_ms or final.start_ms is None:
        return None
    is_long = final.end_ms - final.start_ms >= _LONG_UTTERANCE_MS
    has_pause = final.end_of_utterance and not is_long
    return final.end_ms + (_INTO_PAUSE_MS if has_pause else 0.0)


def resume_ms(final: Final) -> float:
    """Return where a session begins that hears the whole final again."""
    return max(0.0, (final.start_ms or 0) - _BEFORE_WORD_MS)


def divide(final: Final, whole_until_ms: float) -> tuple[Final, float] | None:
    """Divide a final before the first word that may be cut.

    Args:
        final: Its words have times.
        whole_until_ms: Words that end after this may be cut.

    Returns:
        The part before with its best reading only, and the position in the gap
        after it; None if no word is surely whole.
    """
    best = final.alternatives[0]
    count = sum(1 for word in best.words if word.end_ms <= whole_until_ms)
    if count == 0:
        return None
    words = best.words[:count]
    # The text may hold punctuation that the words do not.
    written = best.text.split()
    if len(written) != len(best.words):
        written = [word.text for word in best.words]
    part = Hypothesis(" ".join(written[:count]), words=words, confidence=best.confidence)
    end_ms = words[-1].end_ms
    position_ms = end_ms + _INTO_PAUSE_MS
    if count < len(best.words):
        position_ms = min(position_ms, (end_ms + max(end_ms, best.words[count].start_ms)) / 2)
    return Final((part,), start_ms=words[0].start_ms, end_ms=end_ms), position_ms
