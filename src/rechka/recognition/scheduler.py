"""Runs one engine in one thread for many streams.

Streams that have audio stand in a queue; the first of them form a batch, and a
stream that has more goes to the end again, so that none waits for a longer one.
A batch is what is ready when the engine is free. The busier the engine, the longer
it waits for others that may join, since together they cost less; alone, a stream waits
for nobody, and so does one whose utterance ends.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from typing import TypeVar

import numpy as np
import structlog

from rechka.errors import ErrorCode, RechkaError, UnavailableError
from rechka.recognition.costs import Costs
from rechka.recognition.engine_thread import EngineThread
from rechka.recognition.hang_watch import HangWatch
from rechka.recognition.lateness import Lateness
from rechka.recognition.load import Load, no_room
from rechka.recognition.measures import Measures, resident_bytes
from rechka.recognition.port import (
    Engine,
    EngineStream,
    ModelInfo,
    StreamOptions,
)
from rechka.recognition.ready import ReadyQueue
from rechka.recognition.scheduled_stream import STEP_MS, Job, ScheduledStream, engine_failed
from rechka.recognition.selection import select_model

__all__ = ["Scheduler"]

_log = structlog.get_logger()
_T = TypeVar("_T")

# A batch is no larger than what the engine is expected to do in this time.
_LONGEST_STEP_S = 0.1
# An engine that is busy all the time would wait so long for a batch to fill.
_LONGEST_WAIT_S = 0.03
_LEAST_WAIT_S = 0.005
_TRIAL_S = 1.0
_MOST_OVER, _NOISE_S = 4.0, 0.002
# Of the load that is allowed so much is left while streams have to wait too long.
_LATE_SHARE = 0.5


class Scheduler:
    """A `Recognizer` over an engine in this process.

    Args:
        engine: Owned by the scheduler from now on.
        max_streams: Most streams at once; 0 means what the models advise.
        max_load: Share of the engine's time, from 0 to 1, that the streams may need
            together, by what a second of audio is seen to cost; None sets no bound.
        timer: Seconds of a clock that measures the engine.
        clock: Seconds of a clock that measures how long streams wait.
        on_hang: Called once if the warm engine does not come back from what it does; its
            thread cannot be stopped, so that only the end of the process helps.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        max_streams: int = 0,
        max_load: float | None = None,
        timer: Callable[[], float] = time.perf_counter,
        clock: Callable[[], float] = time.monotonic,
        on_hang: Callable[[], None] = lambda: None,
    ) -> None:
        self._engine = engine
        self._load = Load(max_streams)
        self._max_load = max_load
        self._timer = timer
        self._clock = clock
        self._costs = Costs()
        self._lateness = Lateness()
        self._held: Counter[ModelInfo] = Counter()
        self._busy_s = self._decoded_s = 0.0
        self._steps = self._batched = 0
        self._thread = EngineThread()
        self._on_hang = on_hang
        self._watch = HangWatch(self._hang)
        self._decoding: ModelInfo | None = None
        self._streams: set[ScheduledStream] = set()
        # What nobody has taken yet.
        self._openings: set[asyncio.Future[EngineStream]] = set()
        self._ready: ReadyQueue[ScheduledStream] = ReadyQueue()
        # The next step, while it waits for its batch to fill.
        self._next: asyncio.Handle | None = None
        self._is_urgent = self._is_decoding = self._is_warm = False

    async def start(self) -> None:
        """Warm the engine up; streams can be opened afterwards."""
        await self.run(self._engine.warm_up)
        if self._max_load is not None:
            for model in self._engine.models:
                await self.run(lambda model=model: self._try(model))  # type: ignore[misc]
        self._is_warm = True

    async def measure(self) -> Measures:
        """Return what was done so far and what is held."""
        return Measures(
            streams=len(self._streams),
            waiting=len(self._ready),
            load=self._needed_load(),
            busy_s=self._busy_s,
            decoded_s=self._decoded_s,
            steps=self._steps,
            batched=self._batched,
            resident_bytes=resident_bytes(),
        )

    @property
    def models(self) -> Sequence[ModelInfo]:
        """What the engine serves; empty until it is warm."""
        return self._engine.models if self._is_warm else ()

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
        if self._is_too_much(model) or not self._load.take(share):
            raise no_room()
        self._held[model] += 1
        try:
            engine_stream = await self._open(options, model)
        except BaseException:
            self._give_back(model, share)
            raise
        stream = ScheduledStream(
            self, engine_stream, model=model, rate_hz=options.sample_rate_hz, share=share
        )
        self._streams.add(stream)
        return stream

    async def _open(self, options: StreamOptions, model: ModelInfo) -> EngineStream:
        """Return a stream of the engine; raises as `open`."""
        opening = asyncio.ensure_future(self.run(lambda: self._engine.open(options)))
        self._openings.add(opening)
        try:
            opened = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(self._discard)
            raise
        except RechkaError:
            self._openings.discard(opening)
            raise
        except Exception as failure:
            self._openings.discard(opening)
            raise engine_failed(failure, model) from failure
        if not self._is_warm:
            raise _shutting_down()
        self._openings.discard(opening)
        return opened

    async def close(self) -> None:
        """End all streams with an error, stop the thread and free the engine."""
        # From here on nobody takes what is being opened.
        self._is_warm = False
        if self._next is not None:
            self._next.cancel()
        error = _shutting_down()
        for stream in list(self._streams):
            stream.fail(error)
            await stream.release()
        openings, self._openings = self._openings, set()
        if openings:
            await asyncio.wait(openings)
        for opening in openings:
            if opening.exception() is None:
                await self.run(opening.result().close)
        await self.run(self._engine.close)
        self._thread.close()

    async def run(self, work: Callable[[], _T]) -> _T:
        """Run something in the engine's thread, behind what runs there already."""
        if not self._is_warm:
            # To load a model may take any time, and who closes does not wait for ever.
            return await self._thread.run(work)
        self._watch.begin()
        try:
            return await self._thread.run(work)
        finally:
            self._watch.end()

    def enqueue(self, stream: "ScheduledStream") -> None:
        """Put a stream that has something to do at the end of the queue."""
        stream.ready_s = self._clock()
        self._ready.put(stream)
        if stream.is_urgent or len(self._ready) >= self._batch_size(stream.model):
            self.hurry()
        self._plan()

    def hurry(self) -> None:
        """Let the next step begin without waiting for a larger batch."""
        if self._is_urgent:
            return
        self._is_urgent = True
        if self._next is not None:
            self._next.cancel()
            self._next = None
            self._plan()

    def forget(self, stream: "ScheduledStream") -> None:
        """Let go of a closed stream."""
        self._streams.discard(stream)
        self._give_back(stream.model, stream.share)

    def _is_too_much(self, model: ModelInfo) -> bool:
        """Return whether one more stream would need more time than there is; one always may.

        What the engine's time is worth depends on who else uses the processor: while the
        streams that are there wait too long, there is less of it.
        """
        if self._max_load is None or not self._held.total():
            return False
        is_late = self._lateness.is_high(now_s=self._clock())
        allowed = self._max_load * (_LATE_SHARE if is_late else 1.0)
        return self._needed_load() + self._costs.of(model) > allowed

    def _give_back(self, model: ModelInfo, share: Fraction) -> None:
        self._held[model] -= 1
        self._load.give_back(share)

    def _discard(self, opened: "asyncio.Future[EngineStream]") -> None:
        """Close what was opened for nobody; once the scheduler closes, that does it."""
        if not self._is_warm:
            return
        self._openings.discard(opened)
        if opened.exception() is None:
            self._thread.do(opened.result().close, lambda *_: None)

    def _plan(self) -> None:
        """Let the next step begin soon, if there is one and the engine is free."""
        if self._next is not None or self._is_decoding or not self._ready or not self._is_warm:
            return
        loop = asyncio.get_running_loop()
        wait_s = 0.0 if self._is_urgent else self._filling_s()
        if wait_s >= _LEAST_WAIT_S:
            self._next = loop.call_later(wait_s, self._begin)
        else:
            # Not at once: other streams' audio may have come in the same turn of the loop.
            self._next = loop.call_soon(self._begin)

    def _filling_s(self) -> float:
        """Return how long a batch may wait for others: longer the busier the engine is."""
        if self._held.total() <= 1:
            return 0.0
        return _LONGEST_WAIT_S * min(1.0, self._needed_load())

    def _begin(self) -> None:
        """Begin with a step."""
        self._next = None
        self._is_urgent = False
        batch = self._ready.take(self._batch_size)
        jobs = [job for stream in batch if (job := stream.take()) is not None]
        if not jobs:
            self._plan()
            return
        self._is_decoding = True
        self._decoding = jobs[0].stream.model
        self._watch.begin()
        self._thread.do(lambda: self._step(jobs), partial(self._end, jobs))

    def _end(
        self,
        jobs: Sequence[Job],
        errors: Sequence[BaseException | None] | None,
        failure: BaseException | None,
    ) -> None:
        """Tell the streams what came of a step, and go on with the next one."""
        self._is_decoding = False
        self._watch.end()
        now_s = self._clock()
        for job, error in zip(jobs, errors or [failure] * len(jobs), strict=True):
            if not job.stream.is_ahead:
                self._lateness.note(waited_s=now_s - job.stream.ready_s, now_s=now_s)
            job.stream.done(job, error)
        self._plan()

    def _hang(self) -> None:
        # Without a step it is an opening or a closing, of a model that is in use.
        model = self._decoding if self._is_decoding else next(iter(+self._held), None)
        facts = {"engine": model.engine, "model": model.name} if model else {}
        _log.critical("engine_hangs", **facts)
        self._on_hang()

    def _step(self, jobs: Sequence[Job]) -> list[Exception | None]:
        """Decode in the engine's thread; return each job's error."""
        began_s = self._timer()
        with_audio = [job for job in jobs if len(job.samples)]
        failed = self._decode(with_audio) if with_audio else {}
        errors: list[Exception | None] = []
        for job in jobs:
            error = failed.get(id(job))
            if error is None:
                try:
                    job.event = job.stream.result(job.end)
                except Exception as failure:
                    error = failure
            errors.append(error)
        # Streams of one model may have several of its rates.
        audio_s = sum(len(job.samples) / job.stream.rate_hz for job in jobs)
        model, busy_s = jobs[0].stream.model, self._timer() - began_s
        if not any(job.end for job in jobs):
            # The end of an utterance may cost as much as it does; a step that took far
            # longer than the others was held up by something else.
            busy_s = min(busy_s, _MOST_OVER * self._costs.of(model) * audio_s + _NOISE_S)
        self._note(model, audio_s, busy_s)
        self._steps += 1
        self._batched += len(jobs)
        return errors

    def _note(self, model: ModelInfo, audio_s: float, busy_s: float) -> None:
        self._costs.learn(model, audio_s=audio_s, busy_s=busy_s)
        self._decoded_s += audio_s
        self._busy_s += busy_s

    def _batch_size(self, model: ModelInfo) -> int:
        """Return how many streams of a model can be decoded without the others' waiting long."""
        step_s = self._costs.of(model) * STEP_MS / 1000
        fits = int(_LONGEST_STEP_S / step_s) if step_s else self._engine.max_batch
        return max(1, min(self._engine.max_batch, fits))

    def _needed_load(self) -> float:
        return sum(self._costs.of(model) * count for model, count in self._held.items())

    def _try(self, model: ModelInfo) -> None:
        """Let a model decode noise in the engine's thread, to see what it costs.

        Noise costs more than speech, so the first streams are admitted with care. A model
        all of whose tags another one serves is left alone: no stream can get it.
        """
        tag = self._own_tag(model)
        if tag is None:
            return
        rate_hz = model.sample_rates_hz[0]
        noise = np.random.default_rng(0).normal(0.0, 0.05, int(_TRIAL_S * rate_hz))
        options = StreamOptions(language=model.language, model=tag, sample_rate_hz=rate_hz)
        stream = self._engine.open(options)
        step = STEP_MS * rate_hz // 1000
        times_s = [self._timer()]
        for at in range(0, len(noise), step):
            self._engine.accept([(stream, noise[at : at + step].astype(np.float32))])
            stream.observe()
            times_s.append(self._timer())
        stream.finish()
        finish_s = self._timer() - times_s[-1]
        # The median, since other programs may hold up a step or two.
        steps_s = len(noise) / step * float(np.median(np.diff(times_s)))
        self._costs.learn(model, audio_s=_TRIAL_S, busy_s=steps_s + finish_s)
        stream.close()

    def _own_tag(self, model: ModelInfo) -> str | None:
        """Return a tag by which a stream gets this very model, None if there is none."""
        served = self._engine.models
        for tag in model.tags:
            if select_model(served, language=model.language, model=tag) == model:
                return tag
        return None

    def _decode(self, jobs: Sequence[Job]) -> dict[int, Exception]:
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


def _shutting_down() -> UnavailableError:
    return UnavailableError(ErrorCode.UNAVAILABLE, "The recognizer is shutting down")
