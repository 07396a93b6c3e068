"""Two servers on one PostgreSQL, and one of them killed."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import grpc.aio
import pytest

from postgres_server import PostgresServer
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2_grpc as pb_grpc
from secret_watch import find_secrets, note_secret
from session_probe import try_session

RECHKA = (sys.executable, "-m", "rechka")
SETTINGS = """
[server]
grpc_address = "127.0.0.1:0"
http_address = "127.0.0.1:0"
[access]
sessions_per_s = 0
concurrent_sessions = 10
lease_s = 15.0
[limits]
idle_s = 100.0
[recognition]
engine = "scripted"
workers = 1
"""


class Process:
    """A server in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process = process
        self.log = log
        self.channel: grpc.aio.Channel

    async def wait_ready(self) -> str:
        """Return the address once sessions can be opened."""
        while "ready:" not in self.log.read_text():
            assert self.process.returncode is None, self.log.read_text()
            await asyncio.sleep(0)
        found = re.search(r"gRPC on (\S+),", self.log.read_text())
        assert found
        return found[1]


async def rechka(*arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *RECHKA, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return output.decode()


@pytest.fixture
def database_url(postgres: PostgresServer) -> str:
    return postgres.create_database()


@pytest.fixture
async def servers(database_url: str, tmp_path: Path) -> AsyncIterator[list[Process]]:
    (tmp_path / "rechka.toml").write_text(SETTINGS)
    async with AsyncExitStack() as stack:
        started = []
        for name in ("a", "b"):
            log = tmp_path / f"{name}.log"
            process = await asyncio.create_subprocess_exec(
                *(*RECHKA, "serve", "--config", str(tmp_path / "rechka.toml")),
                *("--data-dir", str(tmp_path / name), "--database-url", database_url),
                stderr=stack.enter_context(log.open("wb")),
            )
            server = Process(process, log)
            stack.push_async_callback(stop, process)
            started.append(server)
        for server in started:
            address = await server.wait_ready()
            server.channel = await stack.enter_async_context(grpc.aio.insecure_channel(address))
        yield started


async def stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    await process.wait()


async def test_a_killed_server_frees_its_places_and_no_log_holds_a_secret(
    servers: list[Process],
    database_url: str,
    tmp_path: Path,
) -> None:
    made = json.loads(
        await rechka(
            *("access", "bootstrap", "--json"),
            *("--data-dir", str(tmp_path / "a"), "--database-url", database_url),
        )
    )
    for name in ("iam_token", "api_key"):
        note_secret(made[name])
    by_token = (("authorization", f"Bearer {made['iam_token']}"),)
    by_key = (("authorization", f"Api-Key {made['api_key']}"),)

    stubs = [pb_grpc.SttServiceStub(server.channel) for server in servers]
    calls = [
        stubs[number % 2].StreamingRecognize(metadata=by_key if number % 3 else by_token)
        for number in range(40)
    ]
    answers = await asyncio.gather(*map(try_session, calls))
    assert answers.count(True) == 10
    lost = sum(answers[::2])

    servers[0].process.kill()
    await servers[0].process.wait()
    admitted: list[object] = []
    while len(admitted) < lost:
        call = stubs[1].StreamingRecognize(metadata=by_token)
        if await try_session(call):
            admitted.append(call)
    assert not await try_session(stubs[1].StreamingRecognize(metadata=by_token))
    for server in servers:
        assert find_secrets(server.log.read_text()) == []
