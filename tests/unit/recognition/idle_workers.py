"""Workers without a process that live until a test ends them."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from rechka.audio.samples import Samples
from rechka.errors import RechkaError
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


class IdleStream:
    """A stream that hears nothing."""

    def __init__(self) -> None:
        self.closed = 0

    async def send(self, samples: Samples) -> None:
        pass

    async def finish(self) -> None:
        pass

    async def events(self) -> AsyncIterator[Heard | Finished]:
        return
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
        self.stops = 0
        self.is_stopped = asyncio.Event()

    async def open(self, options: StreamOptions) -> IdleStream:
        if self.refuses_with is not None:
            raise self.refuses_with
        self.opened.append(IdleStream())
        return self.opened[-1]

    async def wait(self) -> int:
        return await asyncio.shield(self.exit_code)

    async def stop(self) -> None:
        self.stops += 1
        self.is_stopped.set()


class IdleLauncher:
    """Launches `IdleWorker`s; the outcomes that a test plans come first."""

    def __init__(self, *planned: RechkaError | Sequence[ModelInfo]) -> None:
        self.workers: list[IdleWorker] = []
        self.attempts = 0
        self._planned = list(planned)
        self._has_launched = asyncio.Event()

    async def launch(self) -> IdleWorker:
        self.attempts += 1
        outcome = self._planned.pop(0) if self._planned else (ENGLISH,)
        if isinstance(outcome, RechkaError):
            raise outcome
        self.workers.append(IdleWorker(100 + self.attempts, outcome))
        self._has_launched.set()
        return self.workers[-1]

    async def wait_for_launches(self, count: int) -> None:
        """Wait until so many workers were launched since the beginning."""
        while len(self.workers) < count:
            self._has_launched.clear()
            await self._has_launched.wait()
