"""Clients that are gone without a word: their places are free again."""

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import httpx
import pytest

from black_hole import network_to
from rechka.client import AsyncClient, RetryPolicy
from rechka.client import driver as client_driver
from rechka.errors import UnavailableError
from rechka.spec import AudioEncoding, RecognitionSpec
from rechka.testing.clock import VirtualClock
from wire_client import AUDIO, Running, Start, audio, config, outcome_of

Status = grpc.StatusCode
PCM = (AUDIO / "speech-8k.pcm").read_bytes()
BEGINNING_BYTES = 32_000
BEGINNING = [config(partial_results=True), *audio(PCM[:BEGINNING_BYTES])]
# A channel that shares no connection with others to the same address.
OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)


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
        assert 'rechka_errors_total{code="IDLE_TIMEOUT"} 1.0' in await metrics_of(running)
    finally:
        client.kill()
        await client.wait()


async def metrics_of(running: Running) -> str:
    async with httpx.AsyncClient(base_url=f"http://{running.server.http_address}") as http:
        return (await http.get("/metrics")).text


async def begin(running: Running) -> Any:
    """Return the call of a session that has its stream: a result has come."""
    call = running.open()
    for message in BEGINNING:
        await call.write(message)
    assert await call.read() is not grpc.aio.EOF
    return call


async def test_a_connection_whose_network_disappears_is_closed_and_gives_its_place_back(
    start: Start,
) -> None:
    running = await start(
        engine_options={"max_streams": 2},
        server={"keepalive_s": 0.2, "keepalive_timeout_s": 0.2},
    )
    there = await begin(running)
    async with (
        network_to(running.server.grpc_address) as (network, address),
        grpc.aio.insecure_channel(address, options=OWN_CONNECTION) as channel,
    ):
        gone = await begin(Running(running.server, running.access, channel))
        assert (await running.recognize([config()])).code is Status.RESOURCE_EXHAUSTED
        network.disappear()
        await network.closed_by_server.wait()
        while (outcome := await running.recognize([config()])).error is not None:
            assert outcome.code is Status.RESOURCE_EXHAUSTED
        # No word of it reaches the client, for which the session goes on.
        assert not gone.done()
    assert re.search(
        r'^rechka_sessions_ended_total\{.*outcome="CANCELLED"\} 1\.0$',
        await metrics_of(running),
        re.MULTILINE,
    )
    # A connection that is only silent is kept.
    for message in audio(PCM[BEGINNING_BYTES:]):
        await there.write(message)
    await there.done_writing()
    assert len((await outcome_of(there)).finals) == 3


async def test_a_connection_without_a_session_whose_network_disappears_is_closed(
    start: Start,
) -> None:
    running = await start(server={"keepalive_s": 0.2, "keepalive_timeout_s": 0.2})
    async with (
        network_to(running.server.grpc_address) as (network, address),
        grpc.aio.insecure_channel(address, options=OWN_CONNECTION) as channel,
    ):
        across = Running(running.server, running.access, channel)
        assert (await across.recognize([config()])).code is Status.OK
        network.disappear()
        await network.closed_by_server.wait()
    assert (await running.recognize([config()])).code is Status.OK


async def test_a_client_whose_network_disappears_before_the_end_of_the_audio_does_not_wait_for_ever(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_driver, "_ANSWER_TIMEOUT_S", 0.2)
    running = await start()
    spec = RecognitionSpec(
        language="en-US", encoding=AudioEncoding.LINEAR16_PCM, sample_rate_hz=8_000
    )
    once = RetryPolicy(first_attempts=1, attempts=1)
    async with network_to(running.server.grpc_address) as (network, address):

        async def pieces() -> AsyncIterator[bytes]:
            yield PCM[:BEGINNING_BYTES]
            network.disappear()
            yield PCM[BEGINNING_BYTES:]

        async with AsyncClient(address, token=running.access.iam_token, retries=once) as client:
            with pytest.raises(UnavailableError, match="answered nothing"):
                await client.transcribe(pieces(), spec)
