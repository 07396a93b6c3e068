"""Clients that are gone without a word: their places are free again."""

import asyncio
import signal
import sys
from pathlib import Path

import grpc
import httpx

from rechka.testing.clock import VirtualClock
from wire_client import AUDIO, Running, Start, config

Status = grpc.StatusCode


async def start_vanishing_client(running: Running) -> asyncio.subprocess.Process:
    """Return a client that says nothing more; its session has the only stream."""
    client = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("vanishing_client.py")),
        running.server.grpc_address,
        running.access.iam_token,
        str(AUDIO / "speech-8k.pcm"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert client.stdout is not None
    # Its session has its stream once a result came.
    assert await client.stdout.readline() == b"answered\n"
    full = await running.recognize([config()])
    assert full.code is Status.RESOURCE_EXHAUSTED
    return client


async def test_a_client_that_vanishes_gives_its_place_back(start: Start) -> None:
    running = await start(engine_options={"max_streams": 1})
    client = await start_vanishing_client(running)
    client.kill()
    await client.wait()
    while (outcome := await running.recognize([config()])).error is not None:
        assert outcome.code is Status.RESOURCE_EXHAUSTED


async def test_a_client_that_stands_still_with_its_connection_open_gives_its_place_back(
    start: Start,
) -> None:
    clock = VirtualClock()
    running = await start(clock=clock, engine_options={"max_streams": 1})
    client = await start_vanishing_client(running)
    client.send_signal(signal.SIGSTOP)
    try:
        clock.advance(5.0)
        while (outcome := await running.recognize([config()])).error is not None:
            assert outcome.code is Status.RESOURCE_EXHAUSTED
        async with httpx.AsyncClient(base_url=f"http://{running.server.http_address}") as http:
            text = (await http.get("/metrics")).text
        assert 'rechka_errors_total{code="IDLE_TIMEOUT"} 1.0' in text
    finally:
        client.kill()
        await client.wait()
