"""What each talk says when nobody else speaks."""

from collections.abc import Callable, Sequence

from rechka.cli.bench.sessions import Progress, Target, run_all
from rechka.cli.bench.speech import Talk
from rechka.errors import ErrorCode, UnavailableError

__all__ = ["hear_alone"]


async def hear_alone(
    target: Target, talks: Sequence[Talk], *, watch: Callable[[Progress], None]
) -> list[tuple[str, ...]]:
    """Return the texts of each talk's clips, one talk after another at the speed of speech.

    A clip by itself would be no fair measure: what was said before it, and how long ago,
    changes what is known of the noise, and so where its utterance begins and ends.

    Args:
        target: The server.
        talks: At the rate of the target's settings.
        watch: Told how far it is.

    Raises:
        UnavailableError: A session ended with an error.
    """
    texts = []
    for number, talk in enumerate(talks):
        (outcome,) = await run_all(target, [talk], spread_s=0.0, watch=watch)
        if outcome.error is not None:
            raise UnavailableError(
                ErrorCode.UNAVAILABLE,
                f"talk {number + 1} could not be recognized alone: {outcome.error}",
            )
        texts.append(tuple(answer.text for answer in outcome.answers))
    return texts
