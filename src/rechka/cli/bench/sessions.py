"""Sessions that speak at the speed of speech and note when they are answered."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rechka.cli.bench.speech import Part, Talk
from rechka.client import AsyncClient
from rechka.errors import RechkaError
from rechka.results import Final, Partial
from rechka.spec import RecognitionSpec

__all__ = ["Answer", "Outcome", "Progress", "Target", "run_all"]


@dataclass(frozen=True, slots=True)
class Target:
    """What is measured: the client of a server, and the settings of every session.

    Attributes:
        client: Of the server.
        spec: Settings.
        pause_s: Pause that ends an utterance there.
        chunk_ms: Audio of each message.
    """

    client: AsyncClient
    spec: RecognitionSpec
    pause_s: float
    chunk_ms: int


@dataclass(frozen=True, slots=True)
class Answer:
    """How one clip of a talk was answered.

    Attributes:
        part: The clip, and where it lay.
        text: The finals of it, joined.
        final_delay_s: From the end of speech and the pause after it to the last final;
            None without one.
        first_partial_delay_s: From the end of the first word, by the times of the
            final, to the first partial; None without one.
        partial_gaps_s: Between one partial and the next.
    """

    part: Part
    text: str
    final_delay_s: float | None
    first_partial_delay_s: float | None
    partial_gaps_s: tuple[float, ...]


@dataclass(slots=True)
class Outcome:
    """What became of a session: its answers, and its error if there was one.

    Attributes:
        answers: One for each clip of its talk.
        error: Stable code of the error, None without one.
        retry_after_s: What the error says about another try, None if nothing.
        sent_s: Seconds of audio that were sent.
    """

    answers: list[Answer] = field(default_factory=list)
    error: str | None = None
    retry_after_s: float | None = None
    sent_s: float = 0.0


@dataclass(slots=True)
class Progress:
    """The whole run so far, for whoever watches."""

    running: int = 0
    ended: int = 0
    refused: int = 0
    final_delays_s: list[float] = field(default_factory=list)


@dataclass(slots=True)
class _Heard:
    """Results of one clip with the times at which they came."""

    partials_s: list[float] = field(default_factory=list)
    finals: list[tuple[float, Final]] = field(default_factory=list)


async def _run_session(target: Target, talk: Talk, progress: Progress) -> Outcome:
    """Send a talk as it would be spoken, and note the answers. Errors are noted, not raised."""
    loop = asyncio.get_running_loop()
    rate_hz = target.spec.sample_rate_hz
    outcome = Outcome()
    heard = [_Heard() for _ in talk.parts]
    started_s = loop.time()

    async def chunks() -> AsyncIterator[bytes]:
        step = rate_hz * target.chunk_ms // 1000 * 2
        for start in range(0, len(talk.pcm), step):
            # A chunk can be sent when its last sample has been spoken.
            spoken_s = min(start + step, len(talk.pcm)) / 2 / rate_hz
            await asyncio.sleep(started_s + spoken_s - loop.time())
            outcome.sent_s = spoken_s
            yield talk.pcm[start : start + step]

    progress.running += 1
    try:
        async for result in target.client.stream(chunks(), target.spec):
            now_s = loop.time() - started_s
            number = _part_of(talk.parts, result, now_s)
            if number is None:
                continue
            if isinstance(result, Partial):
                heard[number].partials_s.append(now_s)
            else:
                heard[number].finals.append((now_s, result))
                delay_s = now_s - talk.parts[number].end_s - target.pause_s
                progress.final_delays_s.append(delay_s)
    except RechkaError as error:
        outcome.error = error.code.value
        outcome.retry_after_s = error.retry_after_s
        progress.refused += 1
    finally:
        progress.running -= 1
        progress.ended += 1
    outcome.answers = [
        _answer(part, of, target.pause_s) for part, of in zip(talk.parts, heard, strict=True)
    ]
    return outcome


def _part_of(parts: Sequence[Part], result: Any, now_s: float) -> int | None:
    """Return which clip a result is about: by its own time, else by when it came."""
    at_s = now_s if result.start_ms is None else result.start_ms / 1000
    begun = [number for number, part in enumerate(parts) if part.start_s <= at_s + 0.3]
    return begun[-1] if begun else None


def _answer(part: Part, heard: _Heard, pause_s: float) -> Answer:
    texts = [final.text for _, final in heard.finals]
    words = [word for _, final in heard.finals for word in final.alternatives[0].words]
    first_s = None
    if heard.partials_s and words:
        first_s = heard.partials_s[0] - words[0].end_ms / 1000
    gaps = [b - a for a, b in zip(heard.partials_s, heard.partials_s[1:], strict=False)]
    return Answer(
        part,
        text=" ".join(text for text in texts if text),
        final_delay_s=heard.finals[-1][0] - part.end_s - pause_s if heard.finals else None,
        first_partial_delay_s=first_s,
        partial_gaps_s=tuple(gaps),
    )


async def run_all(
    target: Target,
    talks: Sequence[Talk],
    *,
    spread_s: float,
    watch: Callable[[Progress], None],
) -> list[Outcome]:
    """Run sessions side by side, begun evenly over `spread_s`."""
    progress = Progress()

    async def one(number: int, talk: Talk) -> Outcome:
        await asyncio.sleep(spread_s * number / len(talks))
        return await _run_session(target, talk, progress)

    async def tell() -> None:
        while True:
            watch(progress)
            await asyncio.sleep(0.5)

    telling = asyncio.create_task(tell())
    try:
        return list(await asyncio.gather(*(one(n, talk) for n, talk in enumerate(talks))))
    finally:
        telling.cancel()
        watch(progress)
