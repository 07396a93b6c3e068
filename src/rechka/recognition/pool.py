"""The workers that serve now, and those that only finish what they began."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from fractions import Fraction

import structlog

from rechka.recognition.generation import Generation, WorkerLauncher
from rechka.recognition.measures import Measures
from rechka.recognition.pooled_stream import PooledStream
from rechka.recognition.port import ModelInfo, StreamOptions

__all__ = ["WorkerPool"]

_log = structlog.get_logger()


class WorkerPool:
    """A `Recognizer` over several workers, which can be replaced while streams run.

    Args:
        launcher: Starts the workers.
        workers: How many there are.
        streams_per_worker: Most streams of a worker at once; 0 means what its
            models advise.
        retire_timeout_s: Time that the streams of replaced workers have to finish.
        sleep: Waits so many seconds; None is the event loop's time.
    """

    def __init__(
        self,
        launcher: WorkerLauncher,
        *,
        workers: int,
        streams_per_worker: int = 0,
        retire_timeout_s: float = 600.0,
        sleep: Callable[[float], Awaitable[object]] | None = None,
    ) -> None:
        self._workers = workers
        self._streams_per_worker = streams_per_worker
        self._retire_timeout_s = retire_timeout_s
        self._sleep = sleep or asyncio.sleep
        self._has_changed = asyncio.Event()
        self._current = self._generation(launcher)
        self._retiring: dict[Generation, asyncio.Task[None]] = {}

    @property
    def models(self) -> Sequence[ModelInfo]:
        """What a new stream can have, each model once; empty while no worker is warm."""
        return self._current.models

    @property
    def pids(self) -> Sequence[int]:
        """Process ids of the running workers that take new streams."""
        return self._current.pids

    @property
    def retiring_pids(self) -> Sequence[int]:
        """Process ids of the replaced workers that still finish streams."""
        return [pid for generation in self._retiring for pid in generation.pids]

    @property
    def restarts(self) -> int:
        """How many of the present workers were started in the place of one that had ended."""
        return self._current.restarts

    async def measure(self) -> dict[int, Measures]:
        """Return what the workers that take new streams measure, by their numbers."""
        return await self._current.measure()

    async def start(self) -> None:
        """Start all workers; return when the first one is warm.

        Raises:
            RequestError: The settings do not fit this machine.
        """
        await self._current.start(is_whole=False)

    async def replace(
        self,
        launcher: WorkerLauncher,
        *,
        prepare: Callable[[Sequence[ModelInfo]], Awaitable[None]],
    ) -> None:
        """Put other workers in the place of the present ones.

        New streams go to them once all of them are warm. The replaced workers finish
        their streams and end; until then both are in memory.

        Args:
            launcher: Starts the new workers.
            prepare: Called with the new models before new streams get them.

        Raises:
            RequestError: The new workers' settings do not fit this machine.
            UnavailableError: A new worker failed too often.

        Cancellation: as errors, leaves the present workers in service, and takes effect
            when the new ones have ended.
        """
        successor = self._generation(launcher)
        await successor.start(is_whole=True)
        try:
            await prepare(successor.models)
        except BaseException:
            await successor.close()
            raise
        replaced, self._current = self._current, successor
        self._retiring[replaced] = asyncio.create_task(self._retire(replaced))
        self._has_changed.set()

    async def wait_for_workers(self, count: int) -> None:
        """Wait until so many workers take new streams. Cancellation: safe."""
        while len(self.pids) < count:
            self._has_changed.clear()
            await self._has_changed.wait()

    async def wait_for_retired(self) -> None:
        """Wait until no replaced worker runs. Cancellation: safe."""
        while self._retiring:
            await asyncio.wait(list(self._retiring.values()))

    async def open(self, options: StreamOptions) -> PooledStream:
        """Return a fresh stream of the least loaded worker that serves the model.

        Raises:
            RequestError: No worker serves what is asked for.
            CapacityError: Every worker is full.
            UnavailableError: No worker runs.
        """
        # The cores that replaced workers still use are not free for others.
        in_use = sum((generation.taken for generation in self._retiring), Fraction(0))
        return await self._current.open(options, room=self._workers - in_use)

    async def close(self) -> None:
        """End all workers and, with an error, their streams."""
        retiring = dict(self._retiring)
        await asyncio.gather(self._current.close(), *(item.close() for item in retiring))
        await asyncio.gather(*retiring.values())

    def _generation(self, launcher: WorkerLauncher) -> Generation:
        return Generation(
            launcher,
            workers=self._workers,
            streams_per_worker=self._streams_per_worker,
            on_change=self._has_changed.set,
        )

    async def _retire(self, generation: Generation) -> None:
        try:
            cut = await generation.retire(self._late())
            if cut:
                _log.warning("sessions_ended_by_reload", count=cut)
        finally:
            del self._retiring[generation]

    async def _late(self) -> None:
        await self._sleep(self._retire_timeout_s)
