"""One stream of a scheduler: audio in a bounded queue, events out of another one."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from fractions import Fraction
from traceback import walk_tb
from typing import Protocol, TypeVar

import numpy as np
import structlog

from rechka.audio.samples import Samples
from rechka.errors import ErrorCode, InternalError, RechkaError, UnavailableError
from rechka.recognition.checks import (
    BadResultError,
    check_observation,
    check_readings,
    check_whole,
)
from rechka.recognition.events import EventQueue
from rechka.recognition.local import StreamUser
from rechka.recognition.port import EngineStream, Finished, Heard, ModelInfo, Observation

__all__ = ["STEP_MS", "Job", "Owner", "ScheduledStream", "engine_failed"]

_log = structlog.get_logger()
_T = TypeVar("_T")

# Audio that waits for the engine, a stream; beyond it `send` waits.
_QUEUED_MS = 1_000
# Most audio of one stream in one step, so that the others need not wait for long.
STEP_MS = 200
# A stream is ahead once it has brought so much more audio than time has passed: a client
# that was cut off for a moment and makes up for it is not.
_AHEAD_S = 2.0
# Lines of code that the log tells of a failure, the innermost.
_MOST_FRAMES = 10


@dataclass(frozen=True, slots=True)
class End:
    """Where an utterance ends, or may end.

    Attributes:
        utterance: Number of the utterance in the stream.
        at_silence_ms: It ends only with so much silence behind the last word, or without
            any; None: in any case.
    """

    utterance: int
    at_silence_ms: int | None = None

    def holds(self, observation: Observation) -> bool:
        """Return whether the utterance ends, by what was heard up to here."""
        silence_ms = observation.trailing_silence_ms
        return (
            self.at_silence_ms is None
            or silence_ms is None
            or silence_ms >= self.at_silence_ms
            or not observation.hypothesis.text
        )


@dataclass(slots=True)
class Job:
    """What one step does for one stream, and what came of it.

    Attributes:
        stream: Whose it is.
        samples: What the engine gets.
        end: What ends the utterance behind them; None if it goes on.
        event: What was heard; None before the step, and after one that failed.
    """

    stream: "ScheduledStream"
    samples: Samples
    end: End | None
    event: Heard | Finished | None = None


class Owner(Protocol):
    """What a stream asks of its scheduler."""

    async def run(self, work: Callable[[], _T]) -> _T:
        """Run something in the engine's thread."""
        ...

    def enqueue(self, stream: "ScheduledStream") -> None:
        """Put a stream that has something to do at the end of the queue."""
        ...

    def hurry(self) -> None:
        """Let the next step begin without waiting for a larger batch."""
        ...

    def forget(self, stream: "ScheduledStream") -> None:
        """Let go of a closed stream."""
        ...


class ScheduledStream:
    """A `LocalStream` of a scheduler.

    Args:
        scheduler: Whose it is.
        engine_stream: Its engine state.
        model: What it is decoded by.
        rate_hz: Rate of its samples.
        share: What it takes of the scheduler's load, until it is closed.

    Attributes:
        ready_s: When it stood in the queue last, by the scheduler's clock.
    """

    def __init__(
        self,
        scheduler: Owner,
        engine_stream: EngineStream,
        *,
        model: ModelInfo,
        rate_hz: int,
        share: Fraction,
    ) -> None:
        self.share = share
        self.ready_s = 0.0
        self.engine_stream = engine_stream
        self.model = model
        self.rate_hz = rate_hz
        self._scheduler = scheduler
        self._opened_s = time.monotonic()
        self._brought = 0
        self._queue: deque[Samples | End] = deque()
        self._queued = self._ends = 0
        # How many utterances were ended from outside.
        self._finishes = 0
        # What it takes to hear something new, or to fill a step.
        self._enough = 1
        self._is_hurried = False
        self._utterance = 0
        self._decoded = 0
        self._observation: Observation | None = None
        self._events = EventQueue()
        self._user: StreamUser | None = None
        self._error: RechkaError | None = None
        self._room = asyncio.Event()
        self._room.set()
        self._is_waiting = False
        self._is_closed = False

    @property
    def is_ahead(self) -> bool:
        """Whether more audio came than can have been spoken meanwhile."""
        spoken_s = time.monotonic() - self._opened_s
        return self._brought / self.rate_hz > spoken_s + _AHEAD_S

    @property
    def is_urgent(self) -> bool:
        """Whether somebody waits for the engine: for the end of an utterance, or in a hurry."""
        return self._is_hurried or self._ends > 0

    async def send(self, samples: Samples) -> None:
        """Hand over audio of the running utterance; waits while the engine is behind.

        Raises:
            InternalError: The engine failed.
            UnavailableError: The scheduler was closed.

        Cancellation: afterwards the stream is only good for closing.
        """
        while not self.offer(samples):
            await self._room.wait()

    async def hurry(self, *, finish_at_silence_ms: int | None = None) -> None:
        """Have what was sent decoded at once, and told by an event. Raises as `send`."""
        self.hurry_now(finish_at_silence_ms=finish_at_silence_ms)

    async def finish(self) -> None:
        """End the utterance; its `Finished` comes as an event. Raises as `send`."""
        self.finish_now()

    def attach(self, user: StreamUser) -> None:
        """Call this user from now on, when there is room for audio or an event."""
        self._user = user
        user.stream_has_events()

    def offer(self, samples: Samples) -> bool:
        """Take audio, or return False while the engine is behind. Raises as `send`."""
        if not self._room.is_set():
            return False
        self._put(samples)
        self._brought += len(samples)
        if self._queued * 1000 >= _QUEUED_MS * self.rate_hz:
            self._room.clear()
        return True

    def hurry_now(self, *, finish_at_silence_ms: int | None = None) -> None:
        """Do as `hurry`."""
        self._check()
        if finish_at_silence_ms is not None:
            self._put(End(max(self._finishes, self._utterance), finish_at_silence_ms))
        elif self._queue:
            self._is_hurried = True
            self._wake()
            self._scheduler.hurry()

    def finish_now(self, utterance: int | None = None) -> None:
        """Do as `finish`."""
        number = self._finishes if utterance is None else utterance
        self._put(End(number))
        self._finishes = number + 1

    def next_event(self) -> Heard | Finished | None:
        """Return the next event, None if there is none yet. Raises as `send`."""
        event = self._events.take()
        if event is not None and not self._is_waiting:
            self._wake()
        return event

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
        self._make_room()
        self._scheduler.forget(self)
        try:
            await asyncio.shield(self._scheduler.run(self.engine_stream.close))
        except Exception as failure:
            # Nobody waits for it; what it leaves behind goes with the worker.
            engine_failed(failure, self.model)

    def fail(self, error: RechkaError) -> None:
        """End the stream with an error for both of its users."""
        self._error = error
        self._queue.clear()
        self._events.fail(error)
        self._make_room()
        if self._user is not None:
            self._user.stream_has_events()

    def take(self) -> Job | None:
        """Take the next step's audio out of the queue; None if there is nothing to do."""
        blocks: list[Samples] = []
        taken = 0
        end: End | None = None
        most = STEP_MS * self.rate_hz // 1000
        while self._queue and taken < most and end is None:
            block = self._queue.popleft()
            if isinstance(block, End):
                self._ends -= 1
                # One that has ended already is asked to once more by who has not heard of it.
                end = block if block.utterance >= self._utterance else None
                continue
            if len(block) > most - taken:
                self._queue.appendleft(block[most - taken :])
                block = block[: most - taken]
            blocks.append(block)
            taken += len(block)
        self._queued -= taken
        self._decoded += taken
        if not self._queue:
            self._is_hurried = False
        if self._queued * 1000 < _QUEUED_MS * self.rate_hz:
            self._make_room()
        if not taken and end is None:
            self._is_waiting = False
            return None
        joined = np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.float32)
        return Job(self, joined, end)

    def result(self, end: End | None) -> Heard | Finished:
        """Return the event of a decoded step; runs in the engine's thread.

        Raises:
            BadResultError: The engine returned what its port does not allow.
        """
        if end is not None and end.at_silence_ms is None:
            return self._finish()
        observation = self.engine_stream.observe()
        # Engines return what they returned before, while nothing new was heard.
        if observation is not self._observation:
            check_observation(observation)
            self._observation = observation
        if end is not None and end.holds(observation):
            return self._finish()
        decoded_ms = self._decoded * 1000 // self.rate_hz
        return Heard(self._utterance, observation, decoded_ms, self._news_at())

    def _finish(self) -> Finished:
        alternatives = self.engine_stream.finish()
        check_readings(alternatives)
        self._utterance += 1
        self._decoded = 0
        return Finished(self._utterance - 1, alternatives, self._news_at())

    def _news_at(self) -> int:
        """Note what the engine needs now; return with how much audio it has that, or 0."""
        missing: int = getattr(self.engine_stream, "missing_samples", 1)
        check_whole(missing, "missing_samples")
        self._enough = min(missing, STEP_MS * self.rate_hz // 1000)
        return self._decoded + self._enough if missing > 1 else 0

    def done(self, job: Job, error: BaseException | None) -> None:
        """Take the outcome of a step, and stand in the queue again if there is more."""
        if error is not None:
            self._is_waiting = False
            self.fail(engine_failed(error, self.model))
            return
        if job.event is not None and not self._is_closed:
            self._events.put(job.event)
            if self._user is not None:
                self._user.stream_has_events()
        self._is_waiting = False
        self._wake()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error
        if self._is_closed:
            raise UnavailableError(ErrorCode.UNAVAILABLE, "The stream is closed")

    def _put(self, item: Samples | End) -> None:
        self._check()
        self._queue.append(item)
        if isinstance(item, End):
            self._ends += 1
        else:
            self._queued += len(item)
        self._wake()
        if isinstance(item, End):
            self._scheduler.hurry()

    def _make_room(self) -> None:
        if self._room.is_set():
            return
        self._room.set()
        if self._user is not None:
            # Not at once: what the user then brings must not meet a half-taken queue.
            asyncio.get_running_loop().call_soon(self._user.stream_has_room)

    @property
    def _has_turn(self) -> bool:
        """Whether a step brings something, or somebody waits for one."""
        return bool(self._queue) and (self._queued >= self._enough or self.is_urgent)

    def _wake(self) -> None:
        if self._has_turn and not self._is_waiting and not self._events.is_full:
            self._is_waiting = True
            self._scheduler.enqueue(self)


def engine_failed(error: BaseException, model: ModelInfo) -> InternalError:
    """Log a failure by its kind and its lines of code, since its text may hold what was said."""
    kind = type(error).__name__
    facts = {"problem": str(error)} if isinstance(error, BadResultError) else {}
    frames = [f"{frame.f_code.co_filename}:{line}" for frame, line in walk_tb(error.__traceback__)]
    _log.error(
        "engine_failed",
        kind=kind,
        engine=model.engine,
        model=model.name,
        frames=frames[-_MOST_FRAMES:],
        **facts,
    )
    return InternalError(ErrorCode.INTERNAL, f"the engine failed: {kind}")
