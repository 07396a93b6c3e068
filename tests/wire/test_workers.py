"""Sessions on real worker processes, and what happens when one of them dies."""

import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
import httpx
import psutil
import pytest

from rechka.bootstrap import Server
from rechka.errors import ErrorCode, RequestError
from rechka.recognition.pool import WorkerPool
from rechka.settings import RecognitionSettings, load_settings
from rechka.worker import start_pool
from wire_client import Running, Start, audio, config, outcome_of

TURN_S = 0.01


async def turns_until(task: "asyncio.Future[Any]") -> int:
    """Wait for a task; return how often the loop came to a turn of `TURN_S` meanwhile.

    On an idle machine that is the time that it took. On a loaded one the turns
    take longer, as does all that is measured.
    """
    turns = 0
    while not task.done():
        await asyncio.wait((task,), timeout=TURN_S)
        turns += 1
    return turns


async def pool_of(workers: int, **options: object) -> WorkerPool:
    pool = await start_pool(
        RecognitionSettings(engine="scripted", workers=workers, engine_options=options)
    )
    await pool.wait_for_workers(workers)
    return pool


async def test_a_killed_worker_ends_its_own_sessions_and_nobody_elses(
    start: Start, pcm: bytes
) -> None:
    pool = await pool_of(2)
    try:
        running = await start(recognizer=pool)
        calls = [running.open() for _ in range(10)]
        for call in calls:
            await call.write(config(partial_results=True))
            for message in audio(pcm[:24_000]):
                await call.write(message)
            await call.read()
        os.kill(pool.pids[0], signal.SIGKILL)

        reading = [asyncio.create_task(outcome_of(call)) for call in calls]
        while sum(task.done() for task in reading) < 5:
            await asyncio.wait(
                [task for task in reading if not task.done()],
                return_when=asyncio.FIRST_COMPLETED,
            )
        for call, task in zip(calls, reading, strict=True):
            if not task.done():
                for message in audio(pcm[24_000:]):
                    await call.write(message)
                await call.done_writing()
        outcomes = await asyncio.gather(*reading)
        lost = [item for item in outcomes if item.error is not None]
        assert len(lost) == 5
        for outcome in lost:
            assert outcome.code is grpc.StatusCode.UNAVAILABLE
            assert outcome.error is not None
            assert outcome.error.code is ErrorCode.WORKER_LOST
        assert all(len(item.finals) == 3 for item in outcomes if item.error is None)
        again = await running.recognize([config(), *audio(pcm)])
        assert len(again.finals) == 3
        await pool.wait_for_workers(2)
        assert pool.restarts == 1
    finally:
        await pool.close()


async def test_sessions_that_say_nothing_notice_the_death_of_their_worker(
    start: Start, pcm: bytes
) -> None:
    pool = await pool_of(1)
    try:
        running = await start(recognizer=pool)
        calls = [running.open() for _ in range(10)]
        for call in calls:
            await call.write(config(partial_results=True))
            for message in audio(pcm[:24_000]):
                await call.write(message)
            await call.read()
        reading = asyncio.gather(*(outcome_of(call) for call in calls))
        os.kill(pool.pids[0], signal.SIGKILL)
        turns = await turns_until(reading)
        assert turns * TURN_S <= 1
        assert {outcome.code for outcome in await reading} == {grpc.StatusCode.UNAVAILABLE}
    finally:
        await pool.close()


async def test_an_engine_that_crashes_the_process_ends_as_unavailable(
    start: Start, pcm: bytes
) -> None:
    # The word comes later than what a worker decodes for trial when it starts.
    pool = await pool_of(1, lines=["please do not ever crash now"], exit_on="crash")
    try:
        running = await start(recognizer=pool)
        outcome = await running.recognize([config(), *audio(pcm)])
        assert outcome.code is grpc.StatusCode.UNAVAILABLE
    finally:
        await pool.close()


async def test_streams_go_to_the_least_loaded_worker_and_the_full_pool_refuses(
    start: Start,
) -> None:
    pool = await pool_of(2, max_streams=2)
    try:
        running = await start(recognizer=pool)
        calls = [running.open() for _ in range(4)]
        for call in calls:
            await call.write(config())
            await call.initial_metadata()
        outcome = await running.recognize([config()])
        while outcome.error is None:
            outcome = await running.recognize([config()])
        assert outcome.error.code is ErrorCode.OVERLOADED
        assert outcome.error.retry_after_s
        for call in calls:
            await call.done_writing()
            assert (await outcome_of(call)).error is None
    finally:
        await pool.close()


async def test_closing_the_pool_leaves_no_process_and_no_socket(tmp_path: Path) -> None:
    pool = await pool_of(2)
    processes = [psutil.Process(pid) for pid in pool.pids]
    sockets = [
        Path(argument.removeprefix("--socket=")).parent
        for process in processes
        for argument in process.cmdline()
        if argument.startswith("--socket=")
    ]
    assert all(folder.is_dir() and folder.stat().st_mode & 0o077 == 0 for folder in sockets)
    await pool.close()
    assert not any(process.is_running() for process in processes)
    assert not any(folder.exists() for folder in sockets)


async def test_a_worker_ends_when_its_server_is_killed() -> None:
    program = (
        "import asyncio\n"
        "from rechka.settings import RecognitionSettings\n"
        "from rechka.worker import start_pool\n"
        "async def main():\n"
        "    pool = await start_pool(RecognitionSettings(engine='scripted', workers=1))\n"
        "    print(pool.pids[0], flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None
    worker = psutil.Process(int(await server.stdout.readline()))
    server.kill()
    await server.wait()
    await asyncio.to_thread(psutil.wait_procs, [worker], timeout=120)
    assert not worker.is_running()


@pytest.mark.parametrize(
    ("recognition", "text"),
    [
        (
            {"engine": "magic"},
            "recognition.engine: got 'magic'; accepted: ctc, pocketsphinx, sherpa, vosk",
        ),
        ({"engine": "scripted", "engine_options": {"word": 1}}, "engine_options.word: unknown"),
        ({"engine": "scripted", "engine_options": {"word_ms": "x"}}, "accepted: a value of type"),
    ],
)
async def test_settings_that_no_engine_takes_stop_the_start(
    tmp_path: Path, recognition: dict[str, object], text: str
) -> None:
    ports = {"grpc_address": "127.0.0.1:0", "http_address": "127.0.0.1:0"}
    settings = load_settings(
        overrides={"data_dir": tmp_path, "server": ports, "recognition": recognition}
    )
    with pytest.raises(RequestError) as caught:
        async with Server(settings):
            pass
    assert text in str(caught.value)


async def test_while_models_load_the_ports_answer_that_it_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pcm: bytes
) -> None:
    is_loading, may_go_on = asyncio.Event(), asyncio.Event()
    load = WorkerPool.start

    async def hold(pool: WorkerPool) -> None:
        is_loading.set()
        await may_go_on.wait()
        await load(pool)

    monkeypatch.setattr(WorkerPool, "start", hold)
    ports = {"grpc_address": "127.0.0.1:0", "http_address": "127.0.0.1:0"}
    recognition = {"engine": "scripted", "workers": 1}
    server = Server(
        load_settings(overrides={"data_dir": tmp_path, "server": ports, "recognition": recognition})
    )
    async with AsyncExitStack() as stack:
        entering = asyncio.create_task(stack.enter_async_context(server))
        await is_loading.wait()
        http = await stack.enter_async_context(
            httpx.AsyncClient(base_url=f"http://{server.http_address}")
        )
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(server.grpc_address))
        running = Running(server, await server.create_development_access(), channel)
        assert (await http.get("/healthz")).status_code == 200
        answer = await http.get("/readyz")
        assert answer.status_code == 503
        assert "no recognizer is warm yet" in answer.text
        outcome = await running.recognize([config()])
        assert outcome.code is grpc.StatusCode.UNAVAILABLE
        assert outcome.error is not None
        assert "No recognizer is ready yet" in outcome.error.message
        may_go_on.set()
        await entering
        await server.wait_ready()
        assert (await http.get("/readyz")).status_code == 200
        outcome = await running.recognize([config(), *audio(pcm)])
        assert (outcome.error, len(outcome.finals)) == (None, 3)
