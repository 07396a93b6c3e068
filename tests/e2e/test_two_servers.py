"""Two servers on one PostgreSQL, and one of them killed."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import grpc
import grpc.aio
import pytest

from postgres_server import PostgresServer
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2_grpc as pb_grpc
from secret_watch import find_secrets, note_secret
from session_probe import admitted

RECHKA = (sys.executable, "-m", "rechka")
SETTINGS = """
[server]
grpc_address = "127.0.0.1:0"
http_address = "127.0.0.1:0"
[access]
sessions_per_s = 0
concurrent_sessions = 10
lease_s = 8.0
[limits]
idle_s = 600.0
[recognition]
engine = "scripted"
workers = 1
"""


class Process:
    """A server in a process of its own, and what it has logged."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.log = ""
        self.channel: grpc.aio.Channel
        self._is_ready = asyncio.Event()
        self._collecting = asyncio.create_task(self._collect())

    async def _collect(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.log += line.decode()
            if line.startswith(b"ready:"):
                self._is_ready.set()
        self._is_ready.set()

    async def wait_ready(self) -> str:
        """Return the address once sessions can be opened."""
        await self._is_ready.wait()
        found = re.search(r"gRPC on (\S+),.*^ready:", self.log, re.DOTALL | re.MULTILINE)
        assert found, self.log
        return found[1]

    async def stop(self) -> None:
        """End it, if it still runs, and wait for the last of its log."""
        if self.process.returncode is None:
            self.process.terminate()
        await self.process.wait()
        await self._collecting


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
            process = await asyncio.create_subprocess_exec(
                *(*RECHKA, "serve", "--config", str(tmp_path / "rechka.toml")),
                *("--data-dir", str(tmp_path / name), "--database-url", database_url),
                stderr=asyncio.subprocess.PIPE,
            )
            started.append(Process(process))
            stack.push_async_callback(started[-1].stop)
        for server in started:
            address = await server.wait_ready()
            server.channel = await stack.enter_async_context(grpc.aio.insecure_channel(address))
        yield started


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
    openers = [
        partial(stubs[number % 2].StreamingRecognize, metadata=by_key if number % 3 else by_token)
        for number in range(40)
    ]
    calls = await asyncio.gather(*map(admitted, openers))
    running = [call is not None for call in calls]
    assert running.count(True) == 10
    lost = sum(running[::2])

    servers[0].process.kill()
    await servers[0].process.wait()
    open_other = partial(stubs[1].StreamingRecognize, metadata=by_token)
    others: list[object] = []
    while len(others) < lost:
        call = await admitted(open_other)
        if call is not None:
            others.append(call)
    assert await admitted(open_other) is None
    for server in servers:
        assert find_secrets(server.log) == []
