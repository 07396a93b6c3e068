"""Sessions on real worker processes, and what happens when one of them dies."""

import asyncio
import json
import os
import signal
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
import psutil
import pytest

from rechka.bootstrap import Server
from rechka.errors import ErrorCode, RequestError, UnavailableError
from rechka.recognition.pool import WorkerPool
from rechka.recognition.port import StreamOptions
from rechka.settings import RecognitionSettings, load_settings
from rechka.transport.recognizer_client import RemoteRecognizer
from rechka.worker import ProcessLauncher, ProcessWorker, start_pool
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
        calls = [await running.begin(pcm[:24_000]) for _ in range(10)]
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
        calls = [await running.begin(pcm[:24_000]) for _ in range(10)]
        reading = asyncio.gather(*(outcome_of(call) for call in calls))
        os.kill(pool.pids[0], signal.SIGKILL)
        turns = await turns_until(reading)
        assert turns * TURN_S <= 1
        assert {outcome.code for outcome in await reading} == {grpc.StatusCode.UNAVAILABLE}
    finally:
        await pool.close()


async def test_a_worker_that_stands_still_is_replaced_and_its_sessions_end(
    start: Start, pcm: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = await pool_of(1)
    try:
        running = await start(recognizer=pool)
        call = await running.begin(pcm[:24_000])
        os.kill(pool.pids[0], signal.SIGSTOP)
        with monkeypatch.context() as patch:
            # It would take half a minute.
            patch.setattr("rechka.transport.recognizer_client._MEASURE_TIMEOUT_S", 0.5)
            outcome = await outcome_of(call)
        assert outcome.code is grpc.StatusCode.UNAVAILABLE
        assert outcome.error is not None
        assert outcome.error.code is ErrorCode.WORKER_LOST
        await pool.wait_for_workers(1)
        again = await running.recognize([config(), *audio(pcm)])
        assert len(again.finals) == 3
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


async def test_a_worker_whose_engine_hangs_says_so_and_ends(tmp_path: Path) -> None:
    # One look a hundredth of a second instead of every five.
    program = "from rechka.recognition import hang_watch; hang_watch._LOOK_S = 0.01; "
    socket = tmp_path / "socket"
    options = {"lines": ["please do not ever hang now"], "hang_on": "hang"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program + "from rechka.worker import main; main()"),
        *(f"--socket={socket}", '--engine="scripted"', f"--options={json.dumps(options)}"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert await process.stdout.readline()
    recognizer = RemoteRecognizer(socket)
    stream = await recognizer.open(
        StreamOptions(language="en-US", model="general", sample_rate_hz=16_000)
    )

    async def use() -> None:
        for _ in range(20):
            await stream.send(np.zeros(1_600, dtype=np.float32))
        await stream.finish()
        async for _ in stream.events():
            pass

    with pytest.raises(UnavailableError) as lost:
        await use()
    assert lost.value.code is ErrorCode.WORKER_LOST
    assert await process.wait() == 75
    logs = [json.loads(line) async for line in process.stderr]
    assert [(log["event"], log["engine"], log["model"]) for log in logs] == [
        ("engine_hangs", "scripted", "script-en-US")
    ]
    await stream.close()
    recognizer.close()


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


async def test_a_worker_whose_folder_cannot_be_made_may_be_started_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "absent"))
    launcher = ProcessLauncher(RecognitionSettings(engine="scripted"))
    with pytest.raises(UnavailableError, match="no worker can be started: No such file"):
        await launcher.launch()


async def test_a_folder_for_temporary_files_with_too_long_a_path_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    with pytest.raises(RequestError, match="accepted: a folder whose path has at most"):
        await ProcessLauncher(RecognitionSettings(engine="scripted")).launch()
    assert not list(deep.iterdir())


async def test_a_worker_that_ends_while_it_tells_how_it_started_has_not_started(
    tmp_path: Path,
) -> None:
    process = await asyncio.create_subprocess_exec(
        *("printf", '{"refused": "the mod'), stdout=asyncio.subprocess.PIPE
    )
    folder = tempfile.TemporaryDirectory(dir=tmp_path)
    worker = ProcessWorker(process, folder, Path(folder.name) / "worker.sock")
    with pytest.raises(UnavailableError, match="ended with exit code 0 while it started"):
        await worker.connect()
    await worker.stop()


async def test_a_worker_ends_when_its_server_is_killed() -> None:
    program = (
        "import asyncio\n"
        "from rechka.settings import RecognitionSettings\n"
        "from rechka.worker import ProcessLauncher, ProcessWorker, start_pool\n"
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
