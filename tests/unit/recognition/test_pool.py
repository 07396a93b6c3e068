import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from rechka.errors import (
    CapacityError,
    ErrorCode,
    RequestError,
    UnavailableError,
)
from rechka.recognition.pool import WorkerPool
from rechka.recognition.port import StreamOptions
from unit.recognition.gated_engine import OPTIONS
from unit.recognition.idle_workers import ENGLISH, IdleLauncher


@asynccontextmanager
async def started(
    launcher: IdleLauncher, *, workers: int = 2, streams_per_worker: int = 0
) -> AsyncIterator[WorkerPool]:
    pool = WorkerPool(launcher, workers=workers, streams_per_worker=streams_per_worker)
    await pool.start()
    await pool.wait_for_workers(workers)
    try:
        yield pool
    finally:
        await pool.close()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The back-offs in seconds; none of them takes any time."""
    noted: list[float] = []
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def note(seconds: float) -> None:
        if seconds:
            noted.append(seconds)
        await sleep(0)

    monkeypatch.setattr("rechka.recognition.generation.asyncio.sleep", note)
    return noted


def starting_failure() -> UnavailableError:
    return UnavailableError(ErrorCode.UNAVAILABLE, "it did not start")


async def test_streams_go_to_the_worker_with_the_fewest() -> None:
    launcher = IdleLauncher()
    async with started(launcher) as pool:
        first = await pool.open(OPTIONS)
        await pool.open(OPTIONS)
        assert [len(worker.opened) for worker in launcher.workers] == [1, 1]
        await first.close()
        await pool.open(OPTIONS)
        assert sorted(len(worker.opened) for worker in launcher.workers) == [1, 2]
        assert launcher.workers[0].opened[0].closed == 1


async def test_a_full_pool_refuses_at_once_with_advice() -> None:
    async with started(IdleLauncher(), streams_per_worker=1) as pool:
        stream, _ = await pool.open(OPTIONS), await pool.open(OPTIONS)
        with pytest.raises(CapacityError) as refused:
            await pool.open(OPTIONS)
        assert refused.value.code is ErrorCode.OVERLOADED
        assert refused.value.retry_after_s is not None
        await stream.close()
        await pool.open(OPTIONS)


async def test_the_models_advice_is_the_limit_where_the_settings_have_none() -> None:
    async with started(IdleLauncher(), workers=1) as pool:
        for _ in range(ENGLISH.max_streams):
            await pool.open(OPTIONS)
        with pytest.raises(CapacityError):
            await pool.open(OPTIONS)


async def test_a_stream_that_is_closed_twice_frees_one_place() -> None:
    async with started(IdleLauncher(), workers=1) as pool:
        stream, _ = await pool.open(OPTIONS), await pool.open(OPTIONS)
        await stream.close()
        await stream.close()
        await pool.open(OPTIONS)
        with pytest.raises(CapacityError):
            await pool.open(OPTIONS)


async def test_what_nobody_serves_is_refused_with_field_value_and_choice() -> None:
    async with started(IdleLauncher()) as pool:
        with pytest.raises(RequestError) as refused:
            await pool.open(StreamOptions(language="ru-RU", model="general", sample_rate_hz=8_000))
        assert refused.value.code is ErrorCode.INVALID_CONFIG
        assert "'ru-RU'" in refused.value.message
        assert "en-US (fake)" in refused.value.message
        assert set(refused.value.violations) == {"config.specification.language_code"}
        with pytest.raises(RequestError) as refused:
            await pool.open(StreamOptions(language="en-US", model="secret", sample_rate_hz=8_000))
        assert set(refused.value.violations) == {"config.specification.model"}


async def test_a_worker_that_refuses_is_passed_over_and_costs_no_place() -> None:
    launcher = IdleLauncher()
    async with started(launcher) as pool:
        launcher.workers[0].refuses_with = CapacityError(ErrorCode.OVERLOADED, "full")
        for _ in range(ENGLISH.max_streams):
            await pool.open(OPTIONS)
        assert len(launcher.workers[1].opened) == ENGLISH.max_streams
        launcher.workers[0].refuses_with = None
        await pool.open(OPTIONS)


async def test_workers_that_are_all_gone_are_unavailable_not_full() -> None:
    launcher = IdleLauncher()
    async with started(launcher) as pool:
        for worker in launcher.workers:
            worker.refuses_with = UnavailableError(ErrorCode.WORKER_LOST, "gone")
        with pytest.raises(UnavailableError):
            await pool.open(OPTIONS)


async def test_a_request_that_a_worker_refuses_costs_no_place() -> None:
    launcher = IdleLauncher()
    async with started(launcher, workers=1, streams_per_worker=1) as pool:
        launcher.workers[0].refuses_with = RequestError(ErrorCode.INVALID_CONFIG, "no")
        with pytest.raises(RequestError):
            await pool.open(OPTIONS)
        launcher.workers[0].refuses_with = None
        await pool.open(OPTIONS)


async def test_a_worker_that_ends_is_stopped_and_replaced(waits: list[float]) -> None:
    launcher = IdleLauncher()
    async with started(launcher) as pool:
        pids = set(pool.pids)
        launcher.workers[0].exit_code.set_result(-9)
        await launcher.wait_for_launches(3)
        await pool.wait_for_workers(2)
        assert launcher.workers[0].stops >= 1
        assert pool.restarts == 1
        assert set(pool.pids) != pids
        assert len(waits) == 1


async def test_a_crash_loop_backs_off_up_to_a_bound_and_never_gives_up(
    waits: list[float],
) -> None:
    launcher = IdleLauncher((ENGLISH,), *(starting_failure() for _ in range(15)))
    async with started(launcher, workers=1) as pool:
        launcher.workers[0].exit_code.set_result(1)
        await launcher.wait_for_launches(2)
        await pool.wait_for_workers(1)
        assert len(waits) == 16
        assert waits == sorted(waits)
        assert waits[0] < 1 < waits[-1] <= 60
        assert waits[-1] == waits[-2]


@pytest.fixture
def no_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask workers all the time whether they are there."""
    for name in ("_ASKING_INTERVAL_S", "_ASKING_AGAIN_INTERVAL_S"):
        monkeypatch.setattr(f"rechka.recognition.generation.{name}", 0.0)


@pytest.mark.usefixtures("no_interval", "waits")
async def test_a_worker_that_does_not_answer_is_stopped_and_replaced() -> None:
    launcher = IdleLauncher()
    async with started(launcher, workers=1) as pool:
        stream = await pool.open(OPTIONS)
        with capture_logs() as log:
            launcher.workers[0].fails_to_measure = UnavailableError(ErrorCode.WORKER_LOST, "no")
            async with asyncio.timeout(60):
                with pytest.raises(UnavailableError):
                    await anext(stream.events())
                await launcher.wait_for_launches(2)
                await pool.wait_for_workers(1)
        assert pool.pids == [launcher.workers[1].pid]
        (event,) = [item for item in log if item["event"] == "worker_does_not_answer"]
        assert event["pid"] == launcher.workers[0].pid


@pytest.mark.usefixtures("no_interval")
async def test_a_worker_that_cannot_be_asked_or_answers_now_and_then_stays() -> None:
    launcher = IdleLauncher()
    async with started(launcher, workers=1):
        worker = launcher.workers[0]
        worker.fails_to_measure = CapacityError(ErrorCode.OVERLOADED, "no more connections")
        await worker.wait_until_measured(10)
        for _ in range(5):
            worker.fails_to_measure = UnavailableError(ErrorCode.WORKER_LOST, "no answer")
            await worker.wait_until_measured(2)
            worker.fails_to_measure = None
            await worker.wait_until_measured(1)
        assert worker.stops == 0


async def test_a_launch_that_fails_in_a_way_nobody_foresaw_is_told_and_tried_again(
    waits: list[float],
) -> None:
    launcher = IdleLauncher((ENGLISH,), ValueError("no JSON"))
    async with started(launcher, workers=1) as pool:
        with capture_logs() as log:
            launcher.workers[0].exit_code.set_result(1)
            await launcher.wait_for_launches(2)
        await pool.wait_for_workers(1)
        assert len(waits) == 2
        (event,) = [item for item in log if item["event"] == "worker_did_not_start"]
        assert event["reason"] == "unexpected ValueError"


async def test_nothing_is_served_while_no_worker_is_warm(waits: list[float]) -> None:
    launcher = IdleLauncher((ENGLISH,), *(starting_failure() for _ in range(10_000)))
    async with started(launcher, workers=1) as pool:
        assert pool.models == (ENGLISH,)
        launcher.workers[0].exit_code.set_result(1)
        await launcher.workers[0].is_stopped.wait()
        assert not pool.models
        assert pool.pids == []
        with pytest.raises(UnavailableError):
            await pool.open(OPTIONS)


async def test_settings_that_no_worker_takes_stop_the_start() -> None:
    launcher = IdleLauncher(
        RequestError(ErrorCode.INVALID_CONFIG, "no such engine"), (ENGLISH,), (ENGLISH,)
    )
    with pytest.raises(RequestError, match="no such engine"):
        await WorkerPool(launcher, workers=1).start()


async def test_closing_stops_every_worker() -> None:
    launcher = IdleLauncher()
    async with started(launcher, workers=3) as pool:
        assert len(pool.pids) == 3
    assert [worker.stops for worker in launcher.workers] == [1, 1, 1]
    assert pool.models == ()


async def test_a_model_that_several_workers_serve_is_named_once() -> None:
    async with started(IdleLauncher(), workers=3) as pool:
        assert pool.models == (ENGLISH,)


async def test_a_worker_that_cannot_be_measured_is_left_out() -> None:
    launcher = IdleLauncher()
    async with started(launcher) as pool:
        no_descriptor = CapacityError(ErrorCode.OVERLOADED, "no more connections")
        launcher.workers[0].fails_to_measure = no_descriptor
        assert list(await pool.measure()) == [1]
