"""Twice as many callers as a server can serve: do those inside notice the others?

    python bench/overload.py --audio RECORDINGS [--lang en-US] [--capacity N]
        [--duration 300] [--times 2.0] [--config FILE] [--models FOLDER] [--json]

Starts a server, finds its capacity N as `rechka bench --find-capacity` does, unless it is
given, and hears each of --talks different talks alone. Then 0.8 N callers speak for --duration
seconds, and after them 2 N. A caller holds one session of --session seconds, which is one of
the talks, after the other, at the speed of speech; one that is refused calls again when it
was told to, so that the pressure stays, or after --again seconds whatever it was told. The
settings of the recordings are those of `rechka bench` (docs/bench.md).

For both runs: calls, sessions that were admitted and refused, by reason, and that ended with
an error later; of the admitted the delays of finals and first partials, recordings without a
final, recordings whose text is not that of the same place of the same talk alone, and words
of the texts alone that are missing. Exits with 1 if a session that was admitted ended with an
error.
"""

import argparse
import asyncio
import json
import math
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from rechka.cli.bench.alone import hear_alone
from rechka.cli.bench.figures import Figures, summarize
from rechka.cli.bench.loop import run_load
from rechka.cli.bench.runs import Demand, Runner
from rechka.cli.bench.server import OwnServer, own_server
from rechka.cli.bench.sessions import Outcome, Progress, Target, run_all
from rechka.cli.bench.speech import Clip, Talk, make_talk, read_clips
from rechka.client import AsyncClient, RetryPolicy
from rechka.errors import ErrorCode
from rechka.observability.logs import configure_logging
from rechka.session.endpoint import EndpointParameters
from rechka.settings import load_settings
from rechka.spec import AudioEncoding, RecognitionSpec

REFUSALS = {ErrorCode.OVERLOADED, ErrorCode.QUOTA_EXCEEDED}
QUIET_SHARE = 0.8
CHUNK_MS = 100


@dataclass
class Calls:
    """What became of the calls of one run.

    Attributes:
        callers: Who wanted to speak at once.
        admitted: Sessions that were let in.
        alone: For each of these the texts of its talk's clips when nobody else speaks.
        refused: Calls that were not, by reason.
    """

    callers: int
    admitted: list[Outcome] = field(default_factory=list)
    alone: list[Sequence[str]] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)


def is_refusal(outcome: Outcome) -> bool:
    """Return whether a session was never let in."""
    return outcome.error in REFUSALS and not any(answer.text for answer in outcome.answers)


async def call_until_over(
    target: Target,
    known: Sequence[tuple[Talk, Sequence[str]]],
    calls: Calls,
    number: int,
    *,
    lasting_s: float,
    how: argparse.Namespace,
) -> None:
    """Be one caller: hold sessions until the time is over."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + lasting_s
    # Callers do not begin all at once.
    await asyncio.sleep(min(5.0, how.session) * number / calls.callers)
    talks = 0
    while loop.time() < until_s:
        talk, texts = known[(number + talks) % len(known)]
        (outcome,) = await run_all(target, [talk], spread_s=0.0, watch=unwatched)
        if is_refusal(outcome):
            calls.refused[str(outcome.error)] += 1
            await asyncio.sleep(how.again or outcome.retry_after_s or 1.0)
        else:
            calls.admitted.append(outcome)
            calls.alone.append(texts)
            talks += 1


def unwatched(_: Progress) -> None:
    """Watch nothing."""


async def load(
    target: Target,
    known: Sequence[tuple[Talk, Sequence[str]]],
    callers: int,
    *,
    lasting_s: float,
    how: argparse.Namespace,
) -> Calls:
    """Let so many callers speak."""
    print(f"{callers} callers for {lasting_s:g} s", file=sys.stderr, flush=True)
    calls = Calls(callers)
    await asyncio.gather(
        *(
            call_until_over(target, known, calls, number, lasting_s=lasting_s, how=how)
            for number in range(callers)
        )
    )
    return calls


def lost_words(calls: Calls) -> tuple[int, int]:
    """Return how many words of the texts alone are missing, and how many there are."""
    lost = total = 0
    for outcome, texts in zip(calls.admitted, calls.alone, strict=True):
        if outcome.error is not None:
            continue
        for answer, text in zip(outcome.answers, texts, strict=True):
            expected, got = text.split(), answer.text.split()
            matcher = SequenceMatcher(None, expected, got, autojunk=False)
            lost += len(expected) - sum(block.size for block in matcher.get_matching_blocks())
            total += len(expected)
    return lost, total


def facts_of(calls: Calls) -> dict[str, Any]:
    """Return the figures of a run as plain values."""
    figures: Figures = summarize(calls.admitted, calls.alone)
    lost, total = lost_words(calls)
    return {
        "callers": calls.callers,
        "calls": len(calls.admitted) + calls.refused.total(),
        "admitted": len(calls.admitted),
        "refused": dict(calls.refused),
        "ended_with_an_error": dict(figures.errors),
        "final": asdict(figures.final),
        "first_partial": asdict(figures.first_partial),
        "recordings": figures.answers,
        "without_a_final": figures.unanswered,
        "other_text_than_alone": figures.changed,
        "lost_words": lost,
        "words": total,
    }


def rows_of(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return the cells of a run by their labels."""

    def counts(values: Mapping[str, int]) -> str:
        return ", ".join(f"{count} {name}" for name, count in values.items()) or "0"

    def delay(kind: str, share: str) -> str:
        value = facts[kind][f"p{share}_ms"]
        return "–" if value is None else f"{value:.0f} ms"

    return {
        "callers at once": str(facts["callers"]),
        "calls": str(facts["calls"]),
        "admitted": str(facts["admitted"]),
        "refused": counts(facts["refused"]),
        "ended with an error": counts(facts["ended_with_an_error"]),
        **{f"final, {share} %": delay("final", share) for share in ("50", "95", "99")},
        **{
            f"first partial, {share} %": delay("first_partial", share)
            for share in ("50", "95", "99")
        },
        "recordings": str(facts["recordings"]),
        "without a final": str(facts["without_a_final"]),
        "other text than alone": str(facts["other_text_than_alone"]),
        "lost words": f"{facts['lost_words']} of {facts['words']}",
    }


async def find_capacity(
    clips: Sequence[Clip], spec: RecognitionSpec, server: OwnServer, how: argparse.Namespace
) -> int:
    """Return how many sessions at once are answered in time."""
    print("looking for the capacity", file=sys.stderr, flush=True)
    demand = Demand(
        endpoint=server.endpoint,
        token=server.token,
        sessions=how.sessions,
        duration_s=how.search_duration,
        gap_s=how.gap,
        chunk_ms=CHUNK_MS,
        find_capacity=True,
        max_final_delay_ms=how.max_final_delay_ms,
    )
    runner = Runner(clips, spec, pause_s=pause_of(how), server=server, demand=demand)
    good = [run.load for run in await runner.run(unwatched) if not run.is_late]
    if not good:
        raise SystemExit("not even one session was answered in time")
    return max(good)


def pause_of(how: argparse.Namespace) -> float:
    """Return the pause in seconds that ends an utterance on the server."""
    endpointing = load_settings(how.config).endpointing
    return EndpointParameters.from_settings(endpointing).pause_ms / 1000


async def overload(how: argparse.Namespace) -> dict[str, Any]:
    """Run it all; return the figures."""
    clips = read_clips(how.audio, rate_hz=how.rate, longest_s=how.longest)
    spec = RecognitionSpec(
        language=how.lang,
        model=how.model,
        encoding=AudioEncoding.LINEAR16_PCM,
        sample_rate_hz=how.rate,
        partial_results=True,
        raw_results=True,
    )
    with own_server(how.config, how.models) as server:
        capacity = how.capacity or await find_capacity(clips, spec, server, how)
        async with AsyncClient(
            server.endpoint,
            token=server.token,
            # A refusal is to be seen, not tried again by the client itself.
            retries=RetryPolicy(first_attempts=1, attempts=1),
        ) as client:
            target = Target(client, spec, pause_of(how), CHUNK_MS)
            talks = [
                make_talk(
                    clips, rate_hz=how.rate, lasting_s=how.session, gap_s=how.gap, seed=number
                )
                for number in range(how.talks)
            ]
            alone = await hear_alone(target, talks, watch=unwatched)
            known = list(zip(talks, alone, strict=True))
            loads = (
                (max(1, math.floor(QUIET_SHARE * capacity)), how.quiet_duration),
                (math.ceil(how.times * capacity), how.duration),
            )
            runs = [
                facts_of(await load(target, known, callers, lasting_s=lasting_s, how=how))
                for callers, lasting_s in loads
            ]
    return {"capacity": capacity, "below": runs[0], "beyond": runs[1]}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--audio", type=Path, required=True, help="folder of recordings")
    parser.add_argument("--lang", default="en-US")
    parser.add_argument("--model", default="general")
    parser.add_argument("--rate", type=int, default=16_000)
    parser.add_argument("--config", type=Path, help="settings of the server")
    parser.add_argument("--models", type=Path, help="folder of installed models")
    parser.add_argument("--capacity", type=int, help="sessions at once; looked for without it")
    parser.add_argument("--sessions", type=int, default=4, help="where the search begins")
    parser.add_argument("--search-duration", type=float, default=30.0)
    parser.add_argument("--max-final-delay-ms", type=float, default=300.0)
    parser.add_argument("--duration", type=float, default=300.0)
    parser.add_argument("--quiet-duration", type=float, default=60.0, help="of the first load")
    parser.add_argument("--times", type=float, default=2.0, help="callers over the capacity")
    parser.add_argument("--session", type=float, default=30.0, help="seconds of a session")
    parser.add_argument("--talks", type=int, default=8, help="different sessions")
    parser.add_argument("--again", type=float, help="seconds after a refusal")
    parser.add_argument("--gap", type=float, default=1.5)
    parser.add_argument("--longest", type=float, default=12.0)
    parser.add_argument("--json", action="store_true")
    how = parser.parse_args()
    configure_logging(level="warning")
    facts = run_load(overload(how))
    if how.json:
        print(json.dumps(facts))
    else:
        table = Table("", f"below the capacity of {facts['capacity']}", "beyond it")
        below, beyond = rows_of(facts["below"]), rows_of(facts["beyond"])
        for label, cell in below.items():
            table.add_row(label, cell, beyond[label])
        Console().print(table)
    if any(facts[run]["ended_with_an_error"] for run in ("below", "beyond")):
        sys.exit(1)


if __name__ == "__main__":
    main()
