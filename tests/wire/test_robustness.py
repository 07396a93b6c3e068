"""Streams cut anywhere, garbage, cancels: the text stays the same, the server stays up."""

import asyncio
import gc
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import grpc
import httpx
import psutil
import pytest

from rechka.errors import ErrorCode
from rechka.session.runner import Session
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2 as pb
from wire_client import Message, Outcome, Running, Start, audio, config, outcome_of, told

MOST_GROWTH_BYTES = 4 * 2**20
MOST_ROUNDS = 4


def cut_at_random(data: bytes, dice: random.Random) -> list[Message]:
    """Return messages of very different lengths with these bytes."""
    messages, start = [], 0
    while start < len(data):
        size = dice.choice([1, 2, 3, dice.randrange(1, 64), dice.randrange(1, 9000)])
        messages.append(Message(audio_content=data[start : start + size]))
        start += size
    return messages


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("encoding", ["LINEAR16_PCM", "OGG_OPUS"])
async def test_cuts_at_random_places_change_no_text_and_no_time(
    start: Start, pcm: bytes, opus: bytes, encoding: str, seed: int
) -> None:
    running = await start()
    data = pcm if encoding == "LINEAR16_PCM" else opus
    expected = await running.recognize([config(audio_encoding=encoding), *audio(data)])
    assert len(expected.finals) == 3
    messages = cut_at_random(data, random.Random(seed))
    outcome = await running.recognize([config(audio_encoding=encoding), *messages])
    assert outcome.error is None
    assert outcome.chunks == expected.chunks


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Leave all garbage that only the collector frees."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def held_sessions() -> list[Session]:
    return [item for item in gc.get_objects() if isinstance(item, Session)]


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("is_canceled", [False, True])
async def test_a_session_is_freed_when_it_ends_without_a_search_for_garbage(
    start: Start, pcm: bytes, *, is_canceled: bool
) -> None:
    running = await start()
    call = await running.begin(pcm)
    assert len(held_sessions()) == 1

    if is_canceled:
        call.cancel()
    else:
        await call.done_writing()
    await outcome_of(call)
    for _ in range(200):
        if not held_sessions():
            break
        await asyncio.sleep(0.01)

    assert not held_sessions()


async def noise_session(running: Running, dice: random.Random, pcm: bytes, opus: bytes) -> None:
    """Open a session and do something foolish in it; any clear status will do."""
    encoding = dice.choice(["LINEAR16_PCM", "OGG_OPUS", "AUDIO_ENCODING_UNSPECIFIED"])
    broken = bytearray(dice.choice([pcm[:20_000], opus]))
    for _ in range(dice.randrange(200)):
        broken[dice.randrange(len(broken))] = dice.randrange(256)
    kinds = [
        config(audio_encoding=encoding),
        config(audio_encoding=encoding, single_utterance=True, partial_results=True),
        Message(),
        Message(audio_content=dice.randbytes(dice.randrange(5000))),
        *audio(bytes(broken), chunk_bytes=dice.randrange(1, 3000)),
    ]
    messages = [config(audio_encoding=encoding)] if dice.random() < 0.8 else []
    messages += [dice.choice(kinds) for _ in range(dice.randrange(30))]
    call = running.open(iter(messages))
    if dice.random() < 0.3:
        await call.initial_metadata()
        call.cancel()
    outcome = await outcome_of(call)
    assert outcome.is_status_lost or outcome.code in {
        grpc.StatusCode.OK,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    }


async def test_garbage_leaves_the_server_serving_and_its_memory_flat(
    start: Start, pcm: bytes, opus: bytes
) -> None:
    running = await start(engine_options={"max_streams": 64})
    dice = random.Random(1)
    process = psutil.Process()

    async def grown_bytes() -> int:
        before = int(process.memory_info().rss)
        for _ in range(250):
            await noise_session(running, dice, pcm, opus)
        gc.collect()
        return int(process.memory_info().rss) - before

    # Memory settles with the first sessions: 12 MB for 300, then 1.4, 0.8, 0.7 MB for 300
    # each. The allocator takes some MB at a time, in a round that nobody knows before; a
    # leak of one session's audio or decoder, 20 KB and more, is 5 MB in every round.
    growths = [await grown_bytes(), await grown_bytes()]
    while growths[-1] >= MOST_GROWTH_BYTES and len(growths) <= MOST_ROUNDS:
        growths.append(await grown_bytes())
    assert growths[-1] < MOST_GROWTH_BYTES, growths
    outcome = await running.recognize([config(), *audio(pcm)])
    assert len(outcome.finals) == 3


async def test_sessions_side_by_side_do_not_mix(start: Start, pcm: bytes) -> None:
    running = await start(engine_options={"max_streams": 64})
    calls = [running.open() for _ in range(12)]
    for call in calls:
        await call.write(config())
    for message in audio(pcm):
        for call in calls:
            await call.write(message)
    for call in calls:
        await call.done_writing()
    outcomes = [await outcome_of(call) for call in calls]
    assert all(outcome.chunks == outcomes[0].chunks for outcome in outcomes)
    assert len(outcomes[0].finals) == 3


async def test_unknown_fields_of_a_message_are_ignored(start: Start, pcm: bytes) -> None:
    running = await start()
    raw = config().SerializeToString() + b"\xfa\x3f\x03abc"
    assert pb.StreamingRecognitionRequest.FromString(raw).HasField("config")
    outcome = await running.recognize([Message.FromString(raw), *audio(pcm)])
    assert len(outcome.finals) == 3


# More than the connection holds for a client that does not read.
LONG_WORDS = " ".join("r" * 30_000 for _ in range(100))


@asynccontextmanager
async def unread(running: Running, pcm: bytes) -> AsyncIterator[None]:
    """Hold a session whose client reads its first result, and then no more."""
    # A window that does not grow, on a connection of its own.
    options = (("grpc.http2.bdp_probe", 0), ("grpc.use_local_subchannel_pool", 1))
    address = running.server.grpc_address
    async with grpc.aio.insecure_channel(address, options=options) as channel:
        call = Running(running.server, running.access, channel).open()

        async def write() -> None:
            for message in (config(raw_results=True), *audio(pcm)):
                await call.write(message)

        writing = asyncio.create_task(write())
        response = await call.read()
        assert [item.alternatives[0].text for item in response.chunks] == ["first"]
        yield
        writing.cancel()
        await asyncio.wait([writing])


async def metrics_of(running: Running) -> str:
    async with httpx.AsyncClient(base_url=f"http://{running.server.http_address}") as http:
        return (await http.get("/metrics")).text


async def test_a_server_ends_though_a_client_does_not_read(start: Start, pcm: bytes) -> None:
    running = await start(
        lines=["first", LONG_WORDS, LONG_WORDS],
        limits={"unread_s": 600},
        server={"drain_grace_s": 1},
    )
    async with unread(running, pcm), asyncio.timeout(60):
        assert await running.server.drain() == 1


async def test_a_server_does_not_wait_for_a_client_that_was_told_that_it_does_not_read(
    start: Start, pcm: bytes
) -> None:
    running = await start(lines=["first", LONG_WORDS, LONG_WORDS], limits={"unread_s": 0.5})
    async with unread(running, pcm), asyncio.timeout(60):
        while 'rechka_errors_total{code="SLOW_READER"} 1.0' not in await metrics_of(running):
            pass
        assert await running.server.drain() == 0


async def test_a_client_that_does_not_read_is_ended_and_its_place_is_free(
    start: Start, pcm: bytes
) -> None:
    running = await start(
        lines=["first", LONG_WORDS, LONG_WORDS],
        engine_options={"max_streams": 1},
        limits={"unread_s": 0.5},
    )
    options = (("grpc.http2.bdp_probe", 0), ("grpc.use_local_subchannel_pool", 1))
    address = running.server.grpc_address

    async def stop_reading() -> Outcome:
        async with grpc.aio.insecure_channel(address, options=options) as channel:
            call = Running(running.server, running.access, channel).open()
            try:
                for message in (config(raw_results=True), *audio(pcm)):
                    await call.write(message)
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
                # It has been ended already.
                pass
            else:
                # The first result shows that the session has the place, and is the last
                # one that is read while it runs.
                response = await call.read()
                assert [item.alternatives[0].text for item in response.chunks] == ["first"]
                while (await running.recognize([config()])).error is not None:
                    pass
            return await outcome_of(call)

    async with asyncio.timeout(60):
        outcome = await told(stop_reading)
    assert outcome.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert outcome.error is not None
    assert outcome.error.code is ErrorCode.SLOW_READER
    assert "no result was read for 0.5 s" in outcome.error.message
