"""Runs one engine in one thread for many streams.

Streams that have audio stand in a queue; the first of them form a batch, and a
stream that has more goes to the end again, so that none waits for a longer one.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

import numpy as np
import structlog

from rechka.audio.samples import Samples
from rechka.errors import CapacityError, ErrorCode, InternalError, RechkaError, UnavailableError
from rechka.recognition.events import EventQueue
from rechka.recognition.load import Load
from rechka.recognition.port import (
    Engine,
    EngineStream,
    Finished,
    Heard,
    ModelInfo,
    StreamOptions,
)
from rechka.recognition.selection import select_model

__all__ = ["Scheduler"]

_log = structlog.get_logger()
_T = TypeVar("_T")

# Audio that waits for the engine, a stream; beyond it `send` waits.
_QUEUED_MS = 1_000
# Most audio of one stream in one step, so that the others need not wait for long.
_STEP_MS = 200


@dataclass(slots=True)
class _Job:
    """What one step does for one stream."""

    stream: "ScheduledStream"
    samples: Samples
    is_end: bool
    event: Heard | Finished | None = None


class Scheduler:
    """A `Recognizer` over an engine in this process.

    Args:
        engine: Owned by the scheduler from now on.
        max_streams: Most streams at once; 0 means what the models advise.
    """

    def __init__(self, engine: Engine, *, max_streams: int = 0) -> None:
        self._engine = engine
        self._load = Load(max_streams)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="engine")
        self._streams: set[ScheduledStream] = set()
        self._ready: deque[ScheduledStream] = deque()
        self._has_ready = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Warm the engine up; streams can be opened afterwards."""
        await self.run(self._engine.warm_up)
        self._pump = asyncio.create_task(self._run())

    @property
    def models(self) -> Sequence[ModelInfo]:
        """What the engine serves; empty until it is warm."""
        return () if self._pump is None else self._engine.models

    async def open(self, options: StreamOptions) -> "ScheduledStream":
        """Return a fresh stream.

        Raises:
            RequestError: The engine does not serve what is asked for.
            CapacityError: There are as many streams as the engine serves in time.
            UnavailableError: The engine is not warm.
            InternalError: The engine failed.
        """
        model = select_model(self.models, language=options.language, model=options.model)
        share = self._load.share(model)
        if not self._load.take(share):
            raise CapacityError(
                ErrorCode.OVERLOADED,
                "The server has as many streams as it can serve in time; try again later",
                retry_after_s=1.0,
            )
        opening = asyncio.ensure_future(self.run(lambda: self._engine.open(options)))
        try:
            engine_stream = await asyncio.shield(opening)
        except asyncio.CancelledError:
            self._load.give_back(share)
            opening.add_done_callback(self._discard)
            raise
        except RechkaError:
            self._load.give_back(share)
            raise
        except Exception as failure:
            self._load.give_back(share)
            raise _engine_failed(failure) from failure
        stream = ScheduledStream(self, engine_stream, rate_hz=options.sample_rate_hz, share=share)
        self._streams.add(stream)
        return stream

    async def close(self) -> None:
        """End all streams with an error, stop the thread and free the engine."""
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
            self._pump = None
        error = UnavailableError(ErrorCode.UNAVAILABLE, "The recognizer is shutting down")
        for stream in list(self._streams):
            stream.fail(error)
            await stream.release()
        await self.run(self._engine.close)
        self._thread.shutdown()

    async def run(self, work: Callable[[], _T]) -> _T:
        """Run something in the engine's thread, behind what runs there already."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def enqueue(self, stream: "ScheduledStream") -> None:
        """Put a stream that has something to do at the end of the queue."""
        self._ready.append(stream)
        self._has_ready.set()

    def forget(self, stream: "ScheduledStream") -> None:
        """Let go of a closed stream."""
        self._streams.discard(stream)
        self._load.give_back(stream.share)

    def _discard(self, opened: "asyncio.Future[EngineStream]") -> None:
        if opened.exception() is None:
            self._thread.submit(opened.result().close)

    async def _run(self) -> None:
        while True:
            await self._has_ready.wait()
            batch = [
                self._ready.popleft() for _ in range(min(len(self._ready), self._engine.max_batch))
            ]
            if not self._ready:
                self._has_ready.clear()
            jobs = [job for stream in batch if (job := stream.take()) is not None]
            if not jobs:
                continue
            errors = await self.run(lambda jobs=jobs: self._step(jobs))  # type: ignore[misc]
            for job, error in zip(jobs, errors, strict=True):
                job.stream.done(job.event, error)

    def _step(self, jobs: Sequence[_Job]) -> list[Exception | None]:
        """Decode in the engine's thread; return each job's error."""
        with_audio = [job for job in jobs if len(job.samples)]
        failed = self._decode(with_audio) if with_audio else {}
        errors: list[Exception | None] = []
        for job in jobs:
            error = failed.get(id(job))
            if error is None:
                try:
                    job.event = job.stream.result(is_end=job.is_end)
                except Exception as failure:
                    error = failure
            errors.append(error)
        return errors

    def _decode(self, jobs: Sequence[_Job]) -> dict[int, Exception]:
        """Decode a batch; if it fails, find out by single decoding who is the cause."""
        try:
            self._engine.accept([(job.stream.engine_stream, job.samples) for job in jobs])
        except Exception as error:
            if len(jobs) == 1:
                return {id(jobs[0]): error}
            failed: dict[int, Exception] = {}
            for job in jobs:
                failed |= self._decode([job])
            return failed
        return {}


class ScheduledStream:
    """A `RecognizerStream` of a scheduler.

    Args:
        scheduler: Whose it is.
        engine_stream: Its engine state.
        rate_hz: Rate of its samples.
        share: What it takes of the scheduler's load, until it is closed.
    """

    def __init__(
        self, scheduler: Scheduler, engine_stream: EngineStream, *, rate_hz: int, share: Fraction
    ) -> None:
        self.share = share
        self.engine_stream = engine_stream
        self._scheduler = scheduler
        self._rate_hz = rate_hz
        # Samples, and None where an utterance ends.
        self._queue: deque[Samples | None] = deque()
        self._queued = 0
        self._utterance = 0
        self._decoded = 0
        self._events = EventQueue()
        self._error: RechkaError | None = None
        self._room = asyncio.Event()
        self._room.set()
        self._is_waiting = False
        self._is_closed = False

    async def send(self, samples: Samples) -> None:
        """Hand over audio of the running utterance; waits while the engine is behind.

        Raises:
            InternalError: The engine failed.
            UnavailableError: The scheduler was closed.

        Cancellation: afterwards the stream is only good for closing.
        """
        await self._room.wait()
        self._put(samples)
        self._queued += len(samples)
        if self._queued * 1000 >= _QUEUED_MS * self._rate_hz:
            self._room.clear()

    async def finish(self) -> None:
        """End the utterance; its `Finished` comes as an event. Raises as `send`."""
        self._put(None)

    async def events(self) -> AsyncIterator[Heard | Finished]:
        """Yield events in the order of the audio; ends after `close`. Raises as `send`."""
        async for event in self._events.read():
            if not self._is_waiting:
                self._wake()
            yield event

    async def close(self) -> None:
        """Give the stream back at once. May be called more than once."""
        self._events.close()
        await self.release()

    async def release(self) -> None:
        """Free the engine's part; who reads the events still meets an error of `fail`."""
        if self._is_closed:
            return
        self._is_closed = True
        self._queue.clear()
        self._room.set()
        self._scheduler.forget(self)
        await asyncio.shield(self._scheduler.run(self.engine_stream.close))

    def fail(self, error: RechkaError) -> None:
        """End the stream with an error for both of its users."""
        self._error = error
        self._queue.clear()
        self._events.fail(error)
        self._room.set()

    def take(self) -> _Job | None:
        """Take the next step's audio out of the queue; None if there is nothing to do."""
        blocks: list[Samples] = []
        taken = 0
        is_end = False
        most = _STEP_MS * self._rate_hz // 1000
        while self._queue and taken < most and not is_end:
            block = self._queue.popleft()
            if block is None:
                is_end = True
                break
            if len(block) > most - taken:
                self._queue.appendleft(block[most - taken :])
                block = block[: most - taken]
            blocks.append(block)
            taken += len(block)
        self._queued -= taken
        self._decoded += taken
        if self._queued * 1000 < _QUEUED_MS * self._rate_hz:
            self._room.set()
        if not taken and not is_end:
            self._is_waiting = False
            return None
        joined = np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.float32)
        return _Job(self, joined, is_end)

    def result(self, *, is_end: bool) -> Heard | Finished:
        """Return the event of a decoded step; runs in the engine's thread."""
        if is_end:
            finished = Finished(self._utterance, self.engine_stream.finish())
            self._utterance += 1
            self._decoded = 0
            return finished
        decoded_ms = self._decoded * 1000 // self._rate_hz
        return Heard(self._utterance, self.engine_stream.observe(), decoded_ms)

    def done(self, event: Heard | Finished | None, error: Exception | None) -> None:
        """Take the outcome of a step, and stand in the queue again if there is more."""
        self._is_waiting = False
        if error is not None:
            self.fail(_engine_failed(error))
            return
        if event is not None and not self._is_closed:
            self._events.put(event)
        self._wake()

    def _put(self, item: Samples | None) -> None:
        if self._error is not None:
            raise self._error
        if self._is_closed:
            raise UnavailableError(ErrorCode.UNAVAILABLE, "The stream is closed")
        self._queue.append(item)
        self._wake()

    def _wake(self) -> None:
        if self._queue and not self._is_waiting and not self._events.is_full:
            self._is_waiting = True
            self._scheduler.enqueue(self)


def _engine_failed(error: Exception) -> InternalError:
    """Log a failure by its kind alone, since its text may hold what was said."""
    kind = type(error).__name__
    _log.error("engine_failed", kind=kind)
    return InternalError(ErrorCode.INTERNAL, f"the engine failed: {kind}")
