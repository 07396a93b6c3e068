"""One run at a given load, or several until answers are late."""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

from rechka.cli.bench.alone import hear_alone
from rechka.cli.bench.figures import Figures, summarize
from rechka.cli.bench.server import OwnServer
from rechka.cli.bench.sessions import Progress, Target, run_all
from rechka.cli.bench.speech import Clip, Talk, make_talk
from rechka.client import AsyncClient, RetryPolicy
from rechka.spec import RecognitionSpec

__all__ = ["Demand", "Run", "Runner"]

# The search for the capacity ends when it is known to this share.
_PRECISION = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What is to be measured, and where.

    Attributes:
        endpoint: Address of the server.
        token: IAM token, None without one.
        folder_id: "" sends none.
        sessions: How many at once; where a search begins.
        duration_s: Least length of what each says.
        gap_s: Silence before and after each recording.
        chunk_ms: Audio of each message.
        check: Whether texts are compared with those that were heard alone.
        talks: With `check`: different talks that are heard alone.
        find_capacity: Whether to search for the most sessions that are answered in time.
        max_final_delay_ms: What is in time: the 95th percentile of the finals.
        most_sessions: Where a search ends.
    """

    endpoint: str
    token: str | None = None
    folder_id: str = ""
    sessions: int = 10
    duration_s: float = 60.0
    gap_s: float = 1.5
    chunk_ms: int = 100
    check: bool = False
    talks: int = 4
    find_capacity: bool = False
    max_final_delay_ms: float = 300.0
    most_sessions: int = 4_096


@dataclass(frozen=True, slots=True)
class Run:
    """One load and what it showed.

    Attributes:
        load: Sessions at once.
        figures: Of all of them.
        final_delays_s: Each final's, for a plot.
        elapsed_s: How long the run took.
        server_s: Processor time of the server's own process; None if it is not ours.
        worker_s: Processor time of its workers.
        memory_bytes: What they all held while every session ran.
        load_s: Processor time of this process, which made the load.
        is_late: Whether it was more than the capacity; None if that was not asked.
    """

    load: int
    figures: Figures
    final_delays_s: tuple[float, ...]
    elapsed_s: float
    server_s: float | None = None
    worker_s: float | None = None
    memory_bytes: int | None = None
    load_s: float = 0.0
    is_late: bool | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "sessions_at_once": self.load,
            **self.figures.as_dict(),
            "elapsed_s": round(self.elapsed_s, 2),
            "server_processor_s": self.server_s,
            "worker_processor_s": self.worker_s,
            "memory_bytes": self.memory_bytes,
            "load_processor_s": round(self.load_s, 2),
            "is_late": self.is_late,
        }


class Runner:
    """Runs loads against one server.

    Args:
        clips: What people say.
        spec: Settings of every session.
        pause_s: Pause that ends an utterance there.
        server: The server, if it is our own.
        demand: What is asked of the runs.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        spec: RecognitionSpec,
        *,
        pause_s: float,
        server: OwnServer | None,
        demand: Demand,
    ) -> None:
        self._clips = clips
        self._spec = spec
        self._pause_s = pause_s
        self._server = server
        self._demand = demand
        self._alone: list[tuple[str, ...]] | None = None

    async def run(self, watch: Callable[[Progress], None]) -> list[Run]:
        """Return the run that is asked for, or all of a search with the capacity last."""
        demand = self._demand
        async with AsyncClient(
            demand.endpoint,
            token=demand.token,
            folder_id=demand.folder_id,
            # A refusal is to be seen, not tried again.
            retries=RetryPolicy(first_attempts=1, attempts=1),
        ) as client:
            target = Target(client, self._spec, self._pause_s, demand.chunk_ms)
            if demand.check:
                talks = self._talks(demand.talks)
                self._alone = await hear_alone(target, talks, watch=watch)
            if demand.find_capacity:
                return await self._search(target, watch)
            return [await self._load(target, demand.sessions, watch)]

    async def _search(self, target: Target, watch: Callable[[Progress], None]) -> list[Run]:
        """Double the load until answers are late, then halve the doubt."""
        runs: list[Run] = []
        most = self._demand.most_sessions
        good, bad = 0, most + 1
        load = min(self._demand.sessions, most)
        while bad - good > max(1, math.ceil(_PRECISION * good)):
            run = await self._load(target, load, watch)
            runs.append(run)
            if run.is_late:
                bad = min(bad, load)
            else:
                good = max(good, load)
            load = min(load * 2, most) if bad > most else (good + bad) // 2
            if not load:
                break
        return sorted(runs, key=lambda run: (bool(run.is_late), run.load))

    async def _load(self, target: Target, load: int, watch: Callable[[Progress], None]) -> Run:
        # With a check few talks, which many sessions share: all were heard alone before.
        known = load if self._alone is None else len(self._alone)
        talks = list(islice(cycle(self._talks(known)), load))
        alone = None if self._alone is None else list(islice(cycle(self._alone), load))
        server, spread_s = self._server, min(5.0, self._demand.duration_s / 2)
        before = None if server is None else server.processor_s()
        loop = asyncio.get_running_loop()
        began_s, load_began_s = loop.time(), time.process_time()
        weighing = asyncio.create_task(_weigh(server, after_s=spread_s))
        try:
            outcomes = await run_all(target, talks, spread_s=spread_s, watch=watch)
            # Not known of sessions that were all refused at once.
            memory_bytes = weighing.result() if weighing.done() else None
        finally:
            weighing.cancel()
        elapsed_s, load_s = loop.time() - began_s, time.process_time() - load_began_s
        server_s = worker_s = None
        if server is not None and before is not None:
            after = server.processor_s()
            server_s, worker_s = (round(b - a, 2) for a, b in zip(before, after, strict=True))
        figures = summarize(outcomes, alone)
        return Run(
            load,
            figures,
            final_delays_s=tuple(
                answer.final_delay_s
                for outcome in outcomes
                for answer in outcome.answers
                if answer.final_delay_s is not None
            ),
            elapsed_s=elapsed_s,
            server_s=server_s,
            worker_s=worker_s,
            memory_bytes=memory_bytes,
            load_s=load_s,
            is_late=self._is_late(figures) if self._demand.find_capacity else None,
        )

    def _talks(self, count: int) -> list[Talk]:
        return [
            make_talk(
                self._clips,
                rate_hz=self._spec.sample_rate_hz,
                lasting_s=self._demand.duration_s,
                gap_s=self._demand.gap_s,
                seed=number,
            )
            for number in range(count)
        ]

    def _is_late(self, figures: Figures) -> bool:
        return bool(
            figures.errors
            or figures.unanswered > 0.02 * figures.answers
            or figures.final.p95_ms is None
            or figures.final.p95_ms > self._demand.max_final_delay_ms
        )


async def _weigh(server: OwnServer | None, *, after_s: float) -> int | None:
    """Return the memory of a server of our own once all sessions have begun."""
    if server is None:
        return None
    await asyncio.sleep(after_s)
    # The kernel walks through all pages meanwhile; the load goes on.
    return await asyncio.to_thread(server.memory_bytes)
