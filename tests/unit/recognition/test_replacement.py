"""A pool whose workers are replaced while streams run."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import numpy as np
import pytest

from rechka.errors import CapacityError, ErrorCode, RechkaError, RequestError, UnavailableError
from rechka.recognition.pool import WorkerPool
from rechka.recognition.pooled_stream import PooledStream
from rechka.recognition.port import Finished, Heard, ModelInfo
from rechka.testing.clock import VirtualClock
from unit.recognition.gated_engine import OPTIONS
from unit.recognition.idle_workers import ENGLISH, IdleLauncher

NEW = replace(ENGLISH, name="new")
RETIRE_TIMEOUT_S = 600.0


async def nothing(models: Sequence[ModelInfo]) -> None:
    pass


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture(autouse=True)
def no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no failed worker cost time."""
    sleep = asyncio.sleep

    async def turn(seconds: float) -> None:
        await sleep(0)

    monkeypatch.setattr("rechka.recognition.generation.asyncio.sleep", turn)


@asynccontextmanager
async def started(
    launcher: IdleLauncher, clock: VirtualClock, *, workers: int = 2
) -> AsyncIterator[WorkerPool]:
    pool = WorkerPool(
        launcher, workers=workers, retire_timeout_s=RETIRE_TIMEOUT_S, sleep=clock.sleep
    )
    await pool.start()
    await pool.wait_for_workers(workers)
    try:
        yield pool
    finally:
        await pool.close()


async def test_new_streams_go_to_the_new_workers_and_old_ones_stay(clock: VirtualClock) -> None:
    old, new = IdleLauncher(), IdleLauncher(serves=(NEW,))
    async with started(old, clock) as pool:
        running = await pool.open(OPTIONS)
        await pool.replace(new, prepare=nothing)
        assert pool.models == (NEW,)
        await pool.open(OPTIONS)
        assert sum(len(worker.opened) for worker in new.workers) == 1
        busy, idle = sorted(old.workers, key=lambda worker: -len(worker.opened))
        assert (len(busy.opened), len(idle.opened)) == (1, 0)
        await idle.is_stopped.wait()
        await running.send(np.zeros(8, dtype=np.float32))
        assert pool.retiring_pids == [busy.pid]


async def test_an_old_worker_ends_with_its_own_last_stream(clock: VirtualClock) -> None:
    old = IdleLauncher()
    async with started(old, clock) as pool:
        streams = [await pool.open(OPTIONS) for _ in range(3)]
        busy, half = sorted(old.workers, key=lambda worker: -len(worker.opened))
        assert (len(busy.opened), len(half.opened)) == (2, 1)
        await pool.replace(IdleLauncher(), prepare=nothing)
        by_inner = {id(stream._stream): stream for stream in streams}
        await by_inner[id(half.opened[0])].close()
        await half.is_stopped.wait()
        await by_inner[id(busy.opened[0])].close()
        assert pool.retiring_pids == [busy.pid]
        assert not busy.is_stopped.is_set()
        await by_inner[id(busy.opened[1])].close()
        await busy.is_stopped.wait()
        await pool.wait_for_retired()
        assert pool.retiring_pids == []


async def test_old_workers_without_streams_end_at_once(clock: VirtualClock) -> None:
    old = IdleLauncher()
    async with started(old, clock) as pool:
        await pool.replace(IdleLauncher(), prepare=nothing)
        await pool.wait_for_retired()
        assert all(worker.is_stopped.is_set() for worker in old.workers)


async def test_nothing_changes_before_every_new_worker_is_warm_and_prepared(
    clock: VirtualClock,
) -> None:
    old, new = IdleLauncher(), IdleLauncher(serves=(NEW,))
    new.gate.clear()
    prepared: asyncio.Future[Sequence[ModelInfo]] = asyncio.get_running_loop().create_future()
    may_go_on = asyncio.Event()

    async def prepare(models: Sequence[ModelInfo]) -> None:
        prepared.set_result(models)
        await may_go_on.wait()

    async with started(old, clock) as pool:
        replacing = asyncio.create_task(pool.replace(new, prepare=prepare))
        await new.wait_for_attempts(2)
        assert pool.models == (ENGLISH,)
        new.gate.set()
        assert await prepared == (NEW,)
        assert len(new.workers) == 2
        assert pool.models == (ENGLISH,)
        may_go_on.set()
        await replacing
        assert pool.models == (NEW,)


async def test_a_stream_that_is_being_opened_keeps_its_old_worker(clock: VirtualClock) -> None:
    old = IdleLauncher()
    async with started(old, clock, workers=1) as pool:
        (worker,) = old.workers
        may_open = asyncio.Event()
        open_at_once = worker.open

        async def open_slowly(options):  # type: ignore[no-untyped-def]
            await may_open.wait()
            return await open_at_once(options)

        worker.open = open_slowly  # type: ignore[method-assign]
        opening = asyncio.create_task(pool.open(OPTIONS))
        await asyncio.sleep(0)
        await pool.replace(IdleLauncher(), prepare=nothing)
        may_open.set()
        stream = await opening
        assert not worker.is_stopped.is_set()
        await stream.close()
        await worker.is_stopped.wait()


async def test_streams_that_never_end_are_ended_after_the_time_with_the_reason(
    clock: VirtualClock,
) -> None:
    old = IdleLauncher()
    async with started(old, clock) as pool:
        stream = await pool.open(OPTIONS)
        await pool.replace(IdleLauncher(), prepare=nothing)
        reading = asyncio.create_task(next_event(stream))
        await clock.wait_for_scopes(1)
        clock.advance(RETIRE_TIMEOUT_S - 1)
        await asyncio.sleep(0)
        assert not reading.done()
        clock.advance(1)
        with pytest.raises(UnavailableError, match="was replaced") as told:
            await reading
        assert told.value.code is ErrorCode.UNAVAILABLE
        assert told.value.retry_after_s is not None
        with pytest.raises(UnavailableError, match="was replaced"):
            await stream.send(np.zeros(8, dtype=np.float32))
        await pool.wait_for_retired()
        await stream.close()


async def test_a_worker_that_dies_while_it_retires_is_lost_not_replaced(
    clock: VirtualClock,
) -> None:
    old = IdleLauncher()
    async with started(old, clock, workers=1) as pool:
        stream = await pool.open(OPTIONS)
        await pool.replace(IdleLauncher(), prepare=nothing)
        old.workers[0].exit_code.set_result(-9)
        with pytest.raises(UnavailableError) as lost:
            await next_event(stream)
        assert lost.value.code is ErrorCode.WORKER_LOST
        await pool.wait_for_retired()
        assert len(old.workers) == 1
        await stream.close()


async def test_streams_of_old_workers_leave_less_room_on_the_new_ones(
    clock: VirtualClock,
) -> None:
    async with started(IdleLauncher(), clock, workers=1) as pool:
        old = [await pool.open(OPTIONS) for _ in range(ENGLISH.max_streams)]
        await pool.replace(IdleLauncher(), prepare=nothing)
        with pytest.raises(CapacityError):
            await pool.open(OPTIONS)
        await old[0].close()
        await pool.open(OPTIONS)
        with pytest.raises(CapacityError):
            await pool.open(OPTIONS)


REFUSAL = RequestError(ErrorCode.INVALID_CONFIG, "the model is broken")
CRASH = UnavailableError(ErrorCode.UNAVAILABLE, "it crashed")


@pytest.mark.parametrize(
    ("failures", "attempts"), [([REFUSAL], 1), ([CRASH, REFUSAL], 2), ([CRASH] * 3, 3)]
)
async def test_workers_that_do_not_start_leave_the_old_ones_in_service(
    clock: VirtualClock, failures: list[RechkaError], attempts: int
) -> None:
    old, new = IdleLauncher(), IdleLauncher(*failures, serves=(NEW,))
    async with started(old, clock, workers=1) as pool:
        stream = await pool.open(OPTIONS)
        with pytest.raises(RechkaError) as failure:
            await pool.replace(new, prepare=nothing)
        assert failure.value is failures[-1]
        assert new.attempts == attempts
        assert new.workers == []
        await still_serves(pool, old, stream)


async def test_a_failure_of_one_new_worker_stops_those_that_are_warm(clock: VirtualClock) -> None:
    old, new = IdleLauncher(), IdleLauncher((NEW,), REFUSAL)
    async with started(old, clock) as pool:
        with pytest.raises(RequestError):
            await pool.replace(new, prepare=nothing)
        assert new.workers[0].is_stopped.is_set()
        assert pool.models == (ENGLISH,)


async def test_a_new_worker_that_is_killed_while_the_others_start_is_started_again(
    clock: VirtualClock,
) -> None:
    new = IdleLauncher(serves=(NEW,))
    async with started(IdleLauncher(), clock) as pool:
        one_more = new.launch
        second = asyncio.Event()

        async def launch():  # type: ignore[no-untyped-def]
            if new.attempts == 1:
                await second.wait()
            return await one_more()

        new.launch = launch  # type: ignore[method-assign]
        replacing = asyncio.create_task(pool.replace(new, prepare=nothing))
        await new.wait_for_launches(1)
        new.workers[0].exit_code.set_result(-9)
        await new.workers[0].is_stopped.wait()
        assert pool.models == (ENGLISH,)
        second.set()
        await replacing
        assert set(pool.pids) == {worker.pid for worker in new.workers[1:]}


async def test_a_failed_preparation_leaves_the_old_workers_in_service(
    clock: VirtualClock,
) -> None:
    async def fail(models: Sequence[ModelInfo]) -> None:
        raise REFUSAL

    old, new = IdleLauncher(), IdleLauncher(serves=(NEW,))
    async with started(old, clock, workers=1) as pool:
        stream = await pool.open(OPTIONS)
        with pytest.raises(RequestError):
            await pool.replace(new, prepare=fail)
        assert new.workers[0].is_stopped.is_set()
        await still_serves(pool, old, stream)


async def test_a_replacement_that_is_called_off_leaves_no_new_worker(clock: VirtualClock) -> None:
    old, new = IdleLauncher(), IdleLauncher((NEW,))
    async with started(old, clock) as pool:
        never = asyncio.Event()

        async def hang(models: Sequence[ModelInfo]) -> None:
            await never.wait()

        replacing = asyncio.create_task(pool.replace(new, prepare=hang))
        await new.wait_for_launches(2)
        replacing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await replacing
        assert all(worker.is_stopped.is_set() for worker in new.workers)
        assert pool.models == (ENGLISH,)


async def test_a_second_replacement_may_follow_while_the_first_still_retires(
    clock: VirtualClock,
) -> None:
    launchers = [IdleLauncher() for _ in range(3)]
    async with started(launchers[0], clock, workers=1) as pool:
        streams = [await pool.open(OPTIONS)]
        await pool.replace(launchers[1], prepare=nothing)
        streams.append(await pool.open(OPTIONS))
        await pool.replace(launchers[2], prepare=nothing)
        workers = [launcher.workers[0] for launcher in launchers]
        assert list(pool.retiring_pids) == [worker.pid for worker in workers[:2]]
        for stream in streams:
            await stream.close()
        await pool.wait_for_retired()
        assert [worker.is_stopped.is_set() for worker in workers] == [True, True, False]


async def test_closing_ends_retiring_workers_too(clock: VirtualClock) -> None:
    old = IdleLauncher()
    async with started(old, clock) as pool:
        await pool.open(OPTIONS)
        await pool.replace(IdleLauncher(), prepare=nothing)
    assert all(worker.is_stopped.is_set() for worker in old.workers)
    assert pool.retiring_pids == []


async def next_event(stream: PooledStream) -> Heard | Finished:
    return await anext(stream.events())


async def still_serves(pool: WorkerPool, old: IdleLauncher, stream: PooledStream) -> None:
    assert pool.models == (ENGLISH,)
    await stream.send(np.zeros(8, dtype=np.float32))
    opened = len(old.workers[0].opened)
    await pool.open(OPTIONS)
    assert len(old.workers[0].opened) == opened + 1
