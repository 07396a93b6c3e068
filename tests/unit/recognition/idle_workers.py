"""Workers without a process that live until a test ends them."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from rechka.audio.samples import Samples
from rechka.errors import ErrorCode, RechkaError, UnavailableError
from rechka.recognition.measures import Measures
from rechka.recognition.port import Finished, Heard, ModelInfo, StreamOptions

__all__ = ["ENGLISH", "IdleLauncher", "IdleStream", "IdleWorker"]

ENGLISH = ModelInfo(
    name="english",
    engine="fake",
    language="en-US",
    tags=("general",),
    sample_rates_hz=(8_000,),
    max_streams=2,
)


def lost() -> UnavailableError:
    return UnavailableError(ErrorCode.WORKER_LOST, "the worker is gone")


class IdleStream:
    """A stream that hears nothing, and notices when its worker ends."""

    def __init__(self) -> None:
        self.closed = 0
        self.is_lost = asyncio.Event()

    async def send(self, samples: Samples) -> None:
        if self.is_lost.is_set():
            raise lost()

    async def hurry(self, *, finish_at_silence_ms: int | None = None) -> None:
        if self.is_lost.is_set():
            raise lost()

    async def finish(self) -> None:
        if self.is_lost.is_set():
            raise lost()

    async def events(self) -> AsyncIterator[Heard | Finished]:
        await self.is_lost.wait()
        raise lost()
        yield Finished(0, ())

    async def close(self) -> None:
        self.closed += 1


class IdleWorker:
    """A worker that lives until the test ends it."""

    def __init__(self, pid: int, models: Sequence[ModelInfo]) -> None:
        self.pid = pid
        self.models = models
        self.exit_code: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.opened: list[IdleStream] = []
        self.refuses_with: RechkaError | None = None
        self.fails_to_measure: RechkaError | None = None
        self.measured = 0
        self.has_been_measured = asyncio.Event()
        self.stops = 0
        self.is_stopped = asyncio.Event()

    async def open(self, options: StreamOptions) -> IdleStream:
        if self.refuses_with is not None:
            raise self.refuses_with
        self.opened.append(IdleStream())
        return self.opened[-1]

    async def measure(self) -> Measures:
        self.measured += 1
        self.has_been_measured.set()
        if self.fails_to_measure is not None:
            raise self.fails_to_measure
        return Measures(
            streams=len(self.opened),
            waiting=0,
            load=0.5,
            busy_s=1.0,
            decoded_s=10.0,
            steps=3,
            batched=4,
            resident_bytes=1,
        )

    async def wait_until_measured(self, count: int) -> None:
        """Wait until it was asked so many times more."""
        count += self.measured
        while self.measured < count:
            self.has_been_measured.clear()
            await self.has_been_measured.wait()

    async def wait(self) -> int:
        return await asyncio.shield(self.exit_code)

    async def stop(self) -> None:
        self.stops += 1
        self.is_stopped.set()
        if not self.exit_code.done():
            self.exit_code.set_result(-9)
        for stream in self.opened:
            stream.is_lost.set()


class IdleLauncher:
    """Launches `IdleWorker`s while its gate is open; planned outcomes come first."""

    def __init__(
        self, *planned: Exception | Sequence[ModelInfo], serves: Sequence[ModelInfo] = (ENGLISH,)
    ) -> None:
        self.workers: list[IdleWorker] = []
        self.attempts = 0
        self._planned = list(planned)
        self._serves = serves
        self._has_launched = asyncio.Event()
        self._has_begun = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def launch(self) -> IdleWorker:
        self.attempts += 1
        self._has_begun.set()
        await self.gate.wait()
        outcome = self._planned.pop(0) if self._planned else self._serves
        if isinstance(outcome, Exception):
            raise outcome
        self.workers.append(IdleWorker(100 + self.attempts, outcome))
        self._has_launched.set()
        return self.workers[-1]

    async def wait_for_attempts(self, count: int) -> None:
        """Wait until so many launches have begun since the beginning."""
        while self.attempts < count:
            self._has_begun.clear()
            await self._has_begun.wait()

    async def wait_for_launches(self, count: int) -> None:
        """Wait until so many workers were launched since the beginning."""
        while len(self.workers) < count:
            self._has_launched.clear()
            await self._has_launched.wait()
