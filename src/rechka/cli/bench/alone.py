"""What each recording says when nobody else speaks."""

from collections.abc import Callable, Sequence

from rechka.audio.samples import to_pcm16
from rechka.cli.bench.sessions import Progress, Target, run_all
from rechka.cli.bench.speech import Clip, Part, Talk
from rechka.errors import ErrorCode, UnavailableError

__all__ = ["hear_alone"]


async def hear_alone(
    target: Target, clips: Sequence[Clip], *, gap_s: float, watch: Callable[[Progress], None]
) -> dict[str, str]:
    """Return the text of each clip that nothing else disturbs, two at a time, by its name.

    Args:
        target: The server.
        clips: At the rate of the target's settings.
        gap_s: Silence before and after each clip.
        watch: Told how far it is.

    Raises:
        UnavailableError: A session ended with an error.
    """
    rate_hz = target.spec.sample_rate_hz
    gap = bytes(2 * int(gap_s * rate_hz))
    texts = {}
    for at in range(0, len(clips), 2):
        talks = [
            Talk(
                gap + to_pcm16(clip.samples) + gap,
                (Part(clip, gap_s, gap_s + len(clip.samples) / rate_hz),),
            )
            for clip in clips[at : at + 2]
        ]
        for outcome in await run_all(target, talks, spread_s=0.0, watch=watch):
            (answer,) = outcome.answers
            name = answer.part.clip.name
            if outcome.error is not None:
                raise UnavailableError(
                    ErrorCode.UNAVAILABLE,
                    f"{name} could not be recognized alone: {outcome.error}",
                )
            texts[name] = answer.text
    return texts
