"""Another model takes over while sessions run: real workers, models that hear tones.

The models spell the same tones differently, so that a text tells who has heard it.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc.aio
import httpx
import numpy as np
import psutil
import pytest

from fakes.tone_models import breathed, tones, write_model
from rechka.audio.samples import to_pcm16
from rechka.bootstrap import Server
from rechka.catalog.local import models_folder
from rechka.catalog.selection import change_selection
from rechka.errors import ErrorCode
from rechka.recognition.pool import WorkerPool
from rechka.settings import load_settings
from wire_client import Message, Running, audio, config, outcome_of

RATE_HZ = 16_000
SESSIONS = 20
TEXTS = {"first": "ab cab", "second": "kl mkl", "third": "wx ywx"}
LETTERS = {"first": "abcd", "second": "klmn", "third": "wxyz"}
# Long enough for many utterances; a session ends when its test says so.
LIMITS = {"idle_s": 600.0, "audio_s": 36_000.0, "audio_bytes": 2**30}


def utterance() -> list[Message]:
    """Return one utterance with the pause that ends it."""
    said = breathed(tones("ab cab", rate_hz=RATE_HZ), rate_hz=RATE_HZ)
    return audio(to_pcm16(np.concatenate([said, np.zeros(3 * RATE_HZ // 2, dtype=np.float32)])))


def opening() -> Message:
    return config(language_code="ru-RU", sample_rate_hertz=RATE_HZ, raw_results=True)


@dataclass
class Machine:
    """A server over a data folder with three models."""

    running: Running
    data_dir: Path
    http: httpx.AsyncClient
    turn: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def pool(self) -> WorkerPool:
        pool = self.running.server.recognizer
        assert isinstance(pool, WorkerPool)
        return pool

    def select(self, name: str) -> None:
        change_selection(self.data_dir, language="ru-RU", tag="general", name=name)

    async def wait_until(self, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Ask for readiness until it says what is wanted; it must stay ready all the time."""
        while True:
            answer = await self.http.get("/readyz")
            assert answer.status_code == 200
            self.take_turn()
            body: dict[str, Any] = answer.json()
            if is_so(body):
                return body

    async def wait_for_model(self, name: str) -> None:
        await self.wait_until(
            lambda body: (
                [model["name"] for model in body["models"]] == [name]
                and not body["reload"]["is_running"]
            )
        )

    async def hear(self) -> list[str]:
        """Return what a new session hears of one utterance."""
        outcome = await self.running.recognize([opening(), *utterance()])
        assert outcome.error is None
        return outcome.finals

    async def talk(self, until: asyncio.Event) -> tuple[int, list[str]]:
        """Say one utterance after another, a piece of it each time that readiness was asked for.

        Returns:
            How many were said, and what was heard.
        """
        call = self.running.open()
        await call.write(opening())
        said = 0
        while not until.is_set():
            for message in utterance():
                if not until.is_set():
                    await self.turn.wait()
                await call.write(message)
            said += 1
        await call.done_writing()
        outcome = await outcome_of(call)
        assert outcome.error is None
        return said, outcome.finals

    def take_turn(self) -> None:
        """Let those who talk go on by a piece."""
        turn, self.turn = self.turn, asyncio.Event()
        turn.set()

    async def say_once(self) -> Any:
        """Return a session that has said one utterance and stays open."""
        call = self.running.open()
        await call.write(opening())
        for message in utterance():
            await call.write(message)
        assert (await call.read()).chunks[0].alternatives[0].text == TEXTS["first"]
        return call


Begin = Callable[..., Awaitable[Machine]]


@asynccontextmanager
async def serving(data_dir: Path, **recognition: Any) -> AsyncIterator[Machine]:
    settings = load_settings(
        overrides={
            "data_dir": data_dir,
            "server": {"grpc_address": "127.0.0.1:0", "http_address": "127.0.0.1:0"},
            "limits": LIMITS,
            "access": {"sessions_per_s": 0},
            "recognition": {"workers": 2, **recognition},
        }
    )
    async with (
        Server(settings) as server,
        # A connection that is kept may be closed by the server just when it is used again.
        httpx.AsyncClient(
            base_url=f"http://{server.http_address}",
            limits=httpx.Limits(max_keepalive_connections=0),
            timeout=None,
        ) as http,
        grpc.aio.insecure_channel(server.grpc_address) as channel,
    ):
        await server.wait_ready()
        access = await server.create_development_access()
        machine = Machine(Running(server, access, channel), data_dir, http)
        await machine.pool.wait_for_workers(recognition.get("workers", 2))
        yield machine


@pytest.fixture
async def begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Begin]:
    """Start servers that serve `first`; all are stopped after the test."""
    monkeypatch.setattr("rechka.catalog.candidates.starter_models", lambda: None)
    monkeypatch.setattr("rechka.serving.plan.installed_engines", lambda: ("ctc",))
    # The thread of the server is also that of its clients here, and so has no time.
    monkeypatch.setattr("rechka.bootstrap.Busy.check", lambda busy: None)
    for name, text in TEXTS.items():
        folder = models_folder(tmp_path) / name
        write_model(folder, name=name, words=text.split(), letters=LETTERS[name])
    async with AsyncExitStack() as stack:

        async def start(**recognition: Any) -> Machine:
            return await stack.enter_async_context(serving(tmp_path, **recognition))

        yield start


async def test_twenty_sessions_lose_no_word_when_another_model_takes_over(begin: Begin) -> None:
    machine = await begin()
    old = [psutil.Process(pid) for pid in machine.pool.pids]
    is_over = asyncio.Event()
    talking = [asyncio.create_task(machine.talk(is_over)) for _ in range(SESSIONS)]
    assert await machine.hear() == [TEXTS["first"]]
    machine.select("second")
    await machine.wait_for_model("second")
    assert await machine.hear() == [TEXTS["second"]]
    is_over.set()
    machine.take_turn()
    for said, heard in await asyncio.gather(*talking):
        assert heard == [TEXTS["first"]] * said
    await machine.pool.wait_for_retired()
    assert not any(process.is_running() for process in old)
    assert await machine.hear() == [TEXTS["second"]]


async def test_a_broken_model_harms_no_session_and_is_told(begin: Begin) -> None:
    machine = await begin(workers=1)
    pids = machine.pool.pids
    is_over = asyncio.Event()
    talking = asyncio.create_task(machine.talk(is_over))
    (models_folder(machine.data_dir) / "second" / "model.onnx").write_bytes(b"no model")
    machine.select("second")
    body = await machine.wait_until(lambda body: body["reload"]["failure"] is not None)
    assert "model.onnx" in body["reload"]["failure"]
    assert [model["name"] for model in body["models"]] == ["first"]
    assert await machine.hear() == [TEXTS["first"]]
    is_over.set()
    machine.take_turn()
    said, heard = await talking
    assert heard == [TEXTS["first"]] * said
    assert machine.pool.pids == pids
    machine.select("third")
    await machine.wait_for_model("third")
    assert await machine.hear() == [TEXTS["third"]]


async def test_a_change_during_a_reload_takes_its_place(begin: Begin) -> None:
    machine = await begin(workers=1)
    machine.select("second")
    await machine.wait_until(lambda body: body["reload"]["is_running"])
    machine.select("third")
    await machine.wait_for_model("third")
    assert await machine.hear() == [TEXTS["third"]]
    await machine.pool.wait_for_retired()
    workers = [
        child.pid
        for child in psutil.Process().children()
        if "rechka.worker" in " ".join(child.cmdline())
    ]
    assert workers == list(machine.pool.pids)


async def test_an_old_worker_that_is_killed_during_a_reload_takes_only_its_own_sessions(
    begin: Begin,
) -> None:
    machine = await begin()
    calls = [await machine.say_once() for _ in range(4)]
    machine.select("second")
    await machine.wait_until(lambda body: body["reload"]["is_running"])
    os.kill(machine.pool.pids[0], signal.SIGKILL)
    await machine.wait_for_model("second")
    outcomes = []
    for call in calls:
        try:
            for message in utterance():
                await call.write(message)
            await call.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            # Its worker is gone; the outcome says so.
            pass
        outcomes.append(await outcome_of(call))
    lost = [outcome for outcome in outcomes if outcome.error is not None]
    assert [outcome.error.code for outcome in lost if outcome.error] == [ErrorCode.WORKER_LOST] * 2
    kept = [outcome for outcome in outcomes if outcome.error is None]
    assert [outcome.finals for outcome in kept] == [[TEXTS["first"]]] * 2
    assert await machine.hear() == [TEXTS["second"]]


def workers() -> set[int]:
    """Return the workers among the children of this process, warm or not."""
    found = set()
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if "rechka.worker" in child.cmdline():
                found.add(child.pid)
    return found


async def test_a_new_worker_that_is_killed_while_it_loads_is_started_again(begin: Begin) -> None:
    machine = await begin(workers=1)
    call = await machine.say_once()
    old = set(machine.pool.pids)
    machine.select("second")
    new: set[int] = set()
    while not new:
        await machine.wait_until(lambda body: body["reload"]["is_running"])
        new = workers() - old
    (killed,) = new
    os.kill(killed, signal.SIGKILL)
    await machine.wait_for_model("second")
    assert killed not in machine.pool.pids
    assert await machine.hear() == [TEXTS["second"]]
    await call.done_writing()
    assert (await outcome_of(call)).error is None


async def test_a_client_that_never_closes_is_ended_with_the_reason(begin: Begin) -> None:
    machine = await begin(workers=1, retire_timeout_s=0.5)
    old = psutil.Process(machine.pool.pids[0])
    call = await machine.say_once()
    machine.select("second")
    outcome = await outcome_of(call)
    assert outcome.code is grpc.StatusCode.UNAVAILABLE
    assert outcome.error is not None
    assert outcome.error.code is ErrorCode.UNAVAILABLE
    assert "was replaced" in outcome.error.message
    await machine.pool.wait_for_retired()
    assert not old.is_running()


async def test_a_model_is_served_by_the_tag_that_it_was_selected_for(begin: Begin) -> None:
    machine = await begin(workers=1)
    change_selection(machine.data_dir, language="ru-RU", tag="general:rc", name="second")
    await machine.wait_until(lambda body: len(body["models"]) == 2)
    for tag, name in (("", "first"), ("general:rc", "second"), ("general:deprecated", "first")):
        first = config(
            language_code="ru-RU", sample_rate_hertz=RATE_HZ, raw_results=True, model=tag
        )
        outcome = await machine.running.recognize([first, *utterance()])
        assert outcome.error is None
        assert outcome.finals == [TEXTS[name]]
