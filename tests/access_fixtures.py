"""Stores of every kind, a clock that stands still, and access to a server that is to start."""

import json
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest
from click.testing import CliRunner

from postgres_server import PostgresServer, run_postgres
from rechka.access.port import AccessStore
from rechka.cli import cli
from rechka.storage.access_memory import MemoryAccessStore
from rechka.storage.access_sql import open_access_store

__all__ = ["Clock", "OpenStore", "clock", "manage", "open_store", "postgres", "store"]


class Clock:
    """Tells the time that it is told."""

    def __init__(self, now_s: float = 1_800_000_000.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


class OpenStore(Protocol):
    """Opens another view of the test's one store, as another server has it."""

    async def __call__(self) -> AccessStore: ...


def manage(data_dir: Path, *arguments: str) -> Any:
    """Run `rechka access` in a thread of this process; return what it prints as JSON."""
    command = ["access", *arguments, "--data-dir", str(data_dir), "--json"]
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(CliRunner().invoke, cli, command).result()
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with run_postgres() as server:
        yield server


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def open_store(
    request: pytest.FixtureRequest, tmp_path: Path, clock: Clock
) -> AsyncIterator[OpenStore]:
    url = ""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").create_database()
    memory = MemoryAccessStore(clock=clock)
    async with AsyncExitStack() as stack:

        async def open_one() -> AccessStore:
            if request.param == "memory":
                return memory
            opened = await open_access_store(url, data_dir=tmp_path, clock=clock)
            stack.push_async_callback(opened.close)
            return opened

        yield open_one


@pytest.fixture
async def store(open_store: OpenStore) -> AccessStore:
    return await open_store()
