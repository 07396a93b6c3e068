"""One generation of workers: they serve the same models, and begin and end together."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from fractions import Fraction
from functools import partial
from typing import Any, Protocol

import structlog

from rechka.errors import CapacityError, ErrorCode, RechkaError, RequestError, UnavailableError
from rechka.recognition.load import Load, no_room
from rechka.recognition.measures import MeasuredRecognizer, Measures
from rechka.recognition.pooled_stream import PooledStream
from rechka.recognition.port import ModelInfo, StreamOptions
from rechka.recognition.selection import select_model

__all__ = ["Generation", "Worker", "WorkerLauncher"]

_log = structlog.get_logger()
_FIRST_BACKOFF_S = 0.1
_LONGEST_BACKOFF_S = 30.0
# One failure may be an accident, such as a process killed for want of memory.
_MOST_FAILURES = 3
# How often a worker is asked whether it is there, and one that did not answer in time.
_ASKING_INTERVAL_S, _ASKING_AGAIN_INTERVAL_S = 5.0, 1.0
# One that answers none of so many stands still: its event loop answers under any load.
_MOST_SILENCES = 3


class Worker(MeasuredRecognizer, Protocol):
    """A recognizer in a process of its own, warm."""

    @property
    def pid(self) -> int:
        """Id of the process."""
        ...

    async def wait(self) -> int:
        """Wait for the end of the process; return its exit code, negative for a signal."""
        ...

    async def stop(self) -> None:
        """End the process, by force if it does not listen, and its streams with an error.

        May be called again.
        """
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
        self.keeper: asyncio.Task[None] | None = None
        self.load = load
        self.launches = 0
        self.failures = 0
        self.streams = 0


class Generation:
    """Workers of one launcher.

    Args:
        launcher: Starts the workers.
        workers: How many there are.
        streams_per_worker: Most streams of a worker at once; 0 means what its
            models advise.
        on_change: Called when a worker got warm.
    """

    def __init__(
        self,
        launcher: WorkerLauncher,
        *,
        workers: int,
        streams_per_worker: int,
        on_change: Callable[[], None],
    ) -> None:
        self._launcher = launcher
        self._slots = [_Slot(Load(streams_per_worker)) for _ in range(workers)]
        self._has_changed = asyncio.Event()
        self._on_change = on_change
        self._opening = 0
        self._is_serving = False
        self._is_retiring = False
        self._is_cut = False

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

    @property
    def taken(self) -> Fraction:
        """The sum of the shares in use; 1 is a whole worker."""
        return sum((slot.load.taken for slot in self._slots), Fraction(0))

    async def measure(self) -> dict[int, Measures]:
        """Return what the running workers measure, by the number of their place."""
        places = [(n, slot.worker) for n, slot in enumerate(self._slots) if slot.worker]
        found = await asyncio.gather(
            *(worker.measure() for _, worker in places), return_exceptions=True
        )
        measures = {}
        for (number, _), item in zip(places, found, strict=True):
            if isinstance(item, Measures):
                measures[number] = item
            elif not isinstance(item, RechkaError):
                raise item
        return measures

    async def start(self, *, is_whole: bool) -> None:
        """Start all workers.

        Args:
            is_whole: Whether to wait until all workers are warm at once, and to give up
                when one of them keeps failing; else return when the first one is warm,
                and never give up.

        Raises:
            RequestError: The settings do not fit this machine.
            UnavailableError: A worker failed too often; only where `is_whole`.

        Cancellation: ends what was started, and then takes effect.
        """
        for slot in self._slots:
            slot.keeper = asyncio.create_task(self._keep(slot, gives_up=is_whole))
        try:
            while not self._is_warm(all if is_whole else any):
                self._has_changed.clear()
                await self._next_change()
                for slot in self._slots:
                    if slot.keeper is not None and slot.keeper.done():
                        # It gave up, and its error says why.
                        slot.keeper.result()
        except BaseException:
            await self.close()
            raise
        self._is_serving = True

    async def open(self, options: StreamOptions, *, room: Fraction) -> PooledStream:
        """Return a fresh stream of the least loaded worker that serves the model.

        Args:
            options: Of the stream.
            room: Most shares that the streams of all workers may take together.

        Raises:
            RequestError: No worker serves what is asked for.
            CapacityError: Every worker is full.
            UnavailableError: No worker runs.
        """
        select_model(self.models, language=options.language, model=options.model)
        refusal: RechkaError = no_room()
        self._opening += 1
        try:
            for slot in sorted(self._slots, key=lambda slot: slot.load.taken):
                share = self._take_share(slot, options, room=room)
                if share is None or slot.worker is None:
                    continue
                try:
                    stream = await slot.worker.open(options)
                except (CapacityError, UnavailableError) as error:
                    # It is ending, or was counted differently: another one may have room.
                    self._give_back(slot, share)
                    refusal = error
                except BaseException:
                    self._give_back(slot, share)
                    raise
                else:
                    give_back = partial(self._give_back, slot, share)
                    return PooledStream(stream, give_back, lambda: self._is_cut)
            raise refusal
        finally:
            self._opening -= 1
            self._has_changed.set()

    async def retire(self, late: Awaitable[Any]) -> int:
        """End each worker when its last stream is closed, and all of them at the end.

        Args:
            late: Done when those that still have streams are to end too.

        Returns:
            How many streams were ended by that.
        """
        self._is_retiring = True
        is_late = asyncio.ensure_future(late)
        try:
            while self._keepers() and not is_late.done():
                self._has_changed.clear()
                idle = [slot for slot in self._slots if not slot.streams and not self._opening]
                await _cancel([slot.keeper for slot in idle if slot.keeper])
                if self._keepers():
                    await self._next_change(is_late)
            cut = sum(slot.streams for slot in self._slots if slot.worker is not None)
            self._is_cut = cut > 0
            return cut
        finally:
            is_late.cancel()
            await self.close()

    async def close(self) -> None:
        """End all workers and, with an error, their streams.

        Cancellation: takes effect only after all workers have ended.
        """
        await _cancel(self._keepers())

    def _is_warm(self, how_many: Callable[[Sequence[bool]], bool]) -> bool:
        return how_many([slot.worker is not None for slot in self._slots])

    def _keepers(self) -> list["asyncio.Task[None]"]:
        keepers = [slot.keeper for slot in self._slots if slot.keeper is not None]
        return [keeper for keeper in keepers if not keeper.done()]

    async def _next_change(self, *others: "asyncio.Future[Any]") -> None:
        """Wait for a change since the last clearing, or for something else."""
        changed = asyncio.ensure_future(self._has_changed.wait())
        try:
            await asyncio.wait(
                [changed, *self._keepers(), *others], return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            changed.cancel()

    def _take_share(
        self, slot: _Slot, options: StreamOptions, *, room: Fraction
    ) -> Fraction | None:
        """Take a stream's share of a worker; return None where there is none to take."""
        models = slot.worker.models if slot.worker is not None else ()
        try:
            model = select_model(models, language=options.language, model=options.model)
        except (RequestError, UnavailableError):
            return None
        share = slot.load.share(model)
        if self.taken + share > room or not slot.load.take(share):
            return None
        slot.streams += 1
        return share

    def _give_back(self, slot: _Slot, share: Fraction) -> None:
        slot.load.give_back(share)
        slot.streams -= 1
        self._has_changed.set()

    async def _keep(self, slot: _Slot, *, gives_up: bool) -> None:
        """Keep a slot filled until canceled, or until the generation retires."""
        backoff_s = _FIRST_BACKOFF_S
        while not self._is_retiring:
            try:
                worker = await self._launcher.launch()
            except Exception as error:
                failure = error if isinstance(error, RechkaError) else _unexpected(error)
                self._count_failure(slot, failure, gives_up=gives_up)
                _log.error(
                    "worker_did_not_start",
                    reason=failure.message,
                    retry_after_s=backoff_s,
                    exc_info=failure.__cause__,
                )
                await asyncio.sleep(backoff_s)
                backoff_s = min(2 * backoff_s, _LONGEST_BACKOFF_S)
                continue
            slot.launches += 1
            slot.worker = worker
            self._has_changed.set()
            self._on_change()
            began_s = asyncio.get_running_loop().time()
            try:
                await _watch(worker)
            finally:
                slot.worker = None
                await worker.stop()
            code = await worker.wait()
            _log.error("worker_ended", pid=worker.pid, exit_code=code)
            lost = f"a worker ended with exit code {code} while the others started"
            self._count_failure(
                slot, UnavailableError(ErrorCode.UNAVAILABLE, lost), gives_up=gives_up
            )
            # One that ran for a while is replaced at once; one that keeps dying is not.
            lived_s = asyncio.get_running_loop().time() - began_s
            backoff_s = _FIRST_BACKOFF_S if lived_s > _LONGEST_BACKOFF_S else 2 * backoff_s
            await asyncio.sleep(min(backoff_s, _LONGEST_BACKOFF_S))

    def _count_failure(self, slot: _Slot, error: RechkaError, *, gives_up: bool) -> None:
        """Raise the error if the generation does not serve yet and should not try on."""
        slot.failures += 1
        if self._is_serving:
            return
        if isinstance(error, RequestError) and not self._is_warm(any):
            raise error
        if gives_up and (isinstance(error, RequestError) or slot.failures >= _MOST_FAILURES):
            raise error


async def _watch(worker: Worker) -> None:
    """Return when a worker has ended, or does not answer any more."""
    ending = asyncio.ensure_future(worker.wait())
    silences = 0
    try:
        while silences < _MOST_SILENCES:
            interval_s = _ASKING_AGAIN_INTERVAL_S if silences else _ASKING_INTERVAL_S
            done, _ = await asyncio.wait((ending,), timeout=interval_s)
            if done:
                return
            try:
                await worker.measure()
                silences = 0
            except UnavailableError:
                silences += 1
            except Exception as error:
                # That is not the worker's fault: no descriptor may be left to ask it.
                _log.debug("worker_not_asked", reason=type(error).__name__)
        _log.error("worker_does_not_answer", pid=worker.pid)
    finally:
        ending.cancel()


def _unexpected(error: Exception) -> UnavailableError:
    """Return what a failure that nobody foresaw is: another try may succeed."""
    failure = UnavailableError(ErrorCode.UNAVAILABLE, f"unexpected {type(error).__name__}")
    failure.__cause__ = error
    return failure


async def _cancel(tasks: Sequence["asyncio.Task[None]"]) -> None:
    """Cancel tasks and wait for their ends, whatever these are."""
    for task in tasks:
        task.cancel()
    ending = asyncio.gather(*tasks, return_exceptions=True)
    try:
        await asyncio.shield(ending)
    except asyncio.CancelledError:
        await ending
        raise
