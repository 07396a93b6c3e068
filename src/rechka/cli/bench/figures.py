"""From answers to figures."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from rechka.cli.bench.sessions import Answer, Outcome

__all__ = ["Delays", "Figures", "summarize"]


@dataclass(frozen=True, slots=True)
class Delays:
    """Percentiles in milliseconds; None where there is nothing."""

    count: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None

    @classmethod
    def of(cls, values_s: Sequence[float]) -> "Delays":
        """Return the percentiles of some delays."""
        if not values_s:
            return cls(0, None, None, None)
        p50, p95, p99 = np.percentile(np.array(values_s) * 1000, (50, 95, 99))
        return cls(len(values_s), *(round(float(value), 1) for value in (p50, p95, p99)))


@dataclass(frozen=True, slots=True)
class Figures:
    """What a run showed.

    Attributes:
        sessions: Sessions of the run.
        errors: How many ended with which error.
        audio_s: Audio sent by all.
        final: From the end of speech and the pause after it to the last final of a clip.
        first_partial: From the end of a clip's first word to its first partial.
        partial_gap: Between one partial of a clip and the next.
        unanswered: Clips of sessions without an error that got no final.
        changed: Clips whose text differs from that of the same clip of the same talk when
            nobody else speaks; None if that was not looked at.
        answers: Clips in sessions without an error.
    """

    sessions: int
    errors: Mapping[str, int]
    audio_s: float
    final: Delays
    first_partial: Delays
    partial_gap: Delays
    unanswered: int
    changed: int | None
    answers: int

    def as_dict(self) -> dict[str, object]:
        """Return plain values for JSON."""
        return asdict(self)


def summarize(outcomes: Sequence[Outcome], alone: Sequence[Sequence[str]] | None) -> Figures:
    """Return the figures of a run.

    Args:
        outcomes: Of its sessions.
        alone: Of each session the texts of its clips when nobody else speaks; None: not
            compared.
    """
    answers: list[Answer] = [
        answer for outcome in outcomes if outcome.error is None for answer in outcome.answers
    ]
    changed = None
    if alone is not None:
        changed = sum(
            answer.text != text
            for outcome, texts in zip(outcomes, alone, strict=True)
            if outcome.error is None
            for answer, text in zip(outcome.answers, texts, strict=True)
        )
    return Figures(
        sessions=len(outcomes),
        errors=dict(Counter(outcome.error for outcome in outcomes if outcome.error)),
        audio_s=round(sum(outcome.sent_s for outcome in outcomes), 1),
        final=Delays.of([a.final_delay_s for a in answers if a.final_delay_s is not None]),
        first_partial=Delays.of(
            [a.first_partial_delay_s for a in answers if a.first_partial_delay_s is not None]
        ),
        partial_gap=Delays.of([gap for a in answers for gap in a.partial_gaps_s]),
        unanswered=sum(answer.final_delay_s is None for answer in answers),
        changed=changed,
        answers=len(answers),
    )
