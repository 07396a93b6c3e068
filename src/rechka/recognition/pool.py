"""Keeps workers running and gives each stream to the least loaded one."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from fractions import Fraction
from typing import Protocol

import structlog

from rechka.audio.samples import Samples
from rechka.errors import CapacityError, ErrorCode, RechkaError, RequestError, UnavailableError
from rechka.recognition.load import Load
from rechka.recognition.port import (
    Finished,
    Heard,
    ModelInfo,
    Recognizer,
    RecognizerStream,
    StreamOptions,
)
from rechka.recognition.selection import select_model

__all__ = ["Worker", "WorkerLauncher", "WorkerPool"]

_log = structlog.get_logger()
_FIRST_BACKOFF_S = 0.1
_LONGEST_BACKOFF_S = 30.0


class Worker(Recognizer, Protocol):
    """A recognizer in a process of its own, warm."""

    @property
    def pid(self) -> int:
        """Id of the process."""
        ...

    async def wait(self) -> int:
        """Wait for the end of the process; return its exit code, negative for a signal."""
        ...

    async def stop(self) -> None:
        """End the process, by force if it does not listen; may be called again."""
        ...


class WorkerLauncher(Protocol):
    """Starts workers."""

    async def launch(self) -> Worker:
        """Return a new worker once it is warm.

        Raises:
            RequestError: The settings do not fit: another try would fail the same.
            UnavailableError: It did not get warm; another try may succeed.
        """
        ...


class _Slot:
    """A place for a worker, filled again whenever its worker ends."""

    def __init__(self, load: Load) -> None:
        self.worker: Worker | None = None
        self.load = load
        self.launches = 0


class WorkerPool:
    """A `Recognizer` over several workers.

    Args:
        launcher: Starts the workers.
        workers: How many there are.
        streams_per_worker: Most streams of a worker at once; 0 means what its
            models advise.
    """

    def __init__(
        self, launcher: WorkerLauncher, *, workers: int, streams_per_worker: int = 0
    ) -> None:
        self._launcher = launcher
        self._slots = [_Slot(Load(streams_per_worker)) for _ in range(workers)]
        self._keepers: list[asyncio.Task[None]] = []
        self._has_changed = asyncio.Event()

    @property
    def models(self) -> Sequence[ModelInfo]:
        """What the running workers serve, each model once; empty while none is warm."""
        models = [model for slot in self._slots if slot.worker for model in slot.worker.models]
        return tuple(dict.fromkeys(models))

    @property
    def pids(self) -> Sequence[int]:
        """Process ids of the running workers."""
        return [slot.worker.pid for slot in self._slots if slot.worker is not None]

    @property
    def restarts(self) -> int:
        """How many workers were started in the place of one that had ended."""
        return sum(max(0, slot.launches - 1) for slot in self._slots)

    async def start(self) -> None:
        """Start all workers; return when the first one is warm.

        Raises:
            RequestError: The settings do not fit this machine.
        """
        is_warm = asyncio.Event()
        self._keepers = [asyncio.create_task(self._keep(slot, is_warm)) for slot in self._slots]
        warm = asyncio.create_task(is_warm.wait())
        try:
            done, _ = await asyncio.wait(
                [warm, *self._keepers], return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                await task
        except BaseException:
            await self.close()
            raise
        finally:
            warm.cancel()

    async def wait_for_workers(self, count: int) -> None:
        """Wait until so many workers are warm. Cancellation: safe."""
        while len(self.pids) < count:
            self._has_changed.clear()
            await self._has_changed.wait()

    async def open(self, options: StreamOptions) -> "PooledStream":
        """Return a fresh stream of the least loaded worker that serves the model.

        Raises:
            RequestError: No worker serves what is asked for.
            CapacityError: Every worker is full.
            UnavailableError: No worker runs.
        """
        select_model(self.models, language=options.language, model=options.model)
        refusal: RechkaError = CapacityError(
            ErrorCode.OVERLOADED,
            "The server has as many streams as it can serve in time; try again later",
            retry_after_s=1.0,
        )
        for slot in sorted(self._slots, key=lambda slot: slot.load.taken):
            share = self._take_share(slot, options)
            if share is None or slot.worker is None:
                continue
            try:
                return PooledStream(slot, await slot.worker.open(options), share=share)
            except (CapacityError, UnavailableError) as error:
                # It is ending, or was counted differently: another one may have room.
                slot.load.give_back(share)
                refusal = error
            except BaseException:
                slot.load.give_back(share)
                raise
        raise refusal

    async def close(self) -> None:
        """End all workers and, with an error, their streams."""
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)

    def _take_share(self, slot: _Slot, options: StreamOptions) -> Fraction | None:
        """Take a stream's share of a worker; return None where there is none to take."""
        models = slot.worker.models if slot.worker is not None else ()
        try:
            model = select_model(models, language=options.language, model=options.model)
        except (RequestError, UnavailableError):
            return None
        share = slot.load.share(model)
        return share if slot.load.take(share) else None

    async def _keep(self, slot: _Slot, is_warm: asyncio.Event) -> None:
        """Keep a slot filled until canceled."""
        backoff_s = _FIRST_BACKOFF_S
        while True:
            try:
                worker = await self._launcher.launch()
            except RechkaError as error:
                if isinstance(error, RequestError) and not is_warm.is_set():
                    raise
                _log.error("worker_did_not_start", reason=error.message, retry_after_s=backoff_s)
                await asyncio.sleep(backoff_s)
                backoff_s = min(2 * backoff_s, _LONGEST_BACKOFF_S)
                continue
            slot.launches += 1
            slot.worker = worker
            is_warm.set()
            self._has_changed.set()
            began_s = asyncio.get_running_loop().time()
            try:
                code = await worker.wait()
            finally:
                slot.worker = None
                await worker.stop()
            _log.error("worker_ended", pid=worker.pid, exit_code=code)
            # One that ran for a while is replaced at once; one that keeps dying is not.
            lived_s = asyncio.get_running_loop().time() - began_s
            backoff_s = _FIRST_BACKOFF_S if lived_s > _LONGEST_BACKOFF_S else 2 * backoff_s
            await asyncio.sleep(min(backoff_s, _LONGEST_BACKOFF_S))


class PooledStream:
    """A worker's stream that is counted until it is closed.

    Args:
        slot: Where it is counted.
        stream: The worker's own.
        share: What it takes of the worker.
    """

    def __init__(self, slot: _Slot, stream: RecognizerStream, *, share: Fraction) -> None:
        self._share = share
        self._slot: _Slot | None = slot
        self._stream = stream

    async def send(self, samples: Samples) -> None:
        """Hand over audio. As `RecognizerStream.send`."""
        await self._stream.send(samples)

    async def finish(self) -> None:
        """End the utterance. As `RecognizerStream.finish`."""
        await self._stream.finish()

    def events(self) -> AsyncIterator[Heard | Finished]:
        """Yield events. As `RecognizerStream.events`."""
        return self._stream.events()

    async def close(self) -> None:
        """Give the stream and its place back. May be called more than once."""
        slot, self._slot = self._slot, None
        if slot is None:
            return
        slot.load.give_back(self._share)
        with contextlib.suppress(RechkaError):
            await self._stream.close()
