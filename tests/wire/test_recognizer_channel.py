"""Every way in which the connection to a recognizer can fail, over real sockets."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import numpy as np
import pytest

from rechka.errors import (
    CapacityError,
    ErrorCode,
    InternalError,
    RechkaError,
    RequestError,
    UnavailableError,
    error_class,
)
from rechka.recognition.port import StreamOptions
from rechka.transport.recognizer_client import RemoteRecognizer, RemoteStream
from rechka.wire.generated.rechka.recognizer.v1 import recognizer_pb2 as pb
from rechka.wire.generated.rechka.recognizer.v1 import recognizer_pb2_grpc as pb_grpc
from rechka.wire.status import to_status

OPTIONS = StreamOptions(language="en-US", model="general", sample_rate_hz=8_000)
AUDIO = np.zeros(32_000, dtype=np.float32)
FAILURES = [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK]
_NUMBERS = itertools.count()
Ending = Callable[[Any], Awaitable[None]]


class FailingServicer(pb_grpc.RecognizerServicer):  # type: ignore[misc]
    """Ends each stream as a test says, when the first audio comes or before."""

    def __init__(self, ending: Ending, *, opens: bool) -> None:
        self._ending = ending
        self._opens = opens

    async def Recognize(self, requests: Any, context: Any) -> None:  # noqa: N802
        await anext(requests, None)
        if self._opens:
            await context.write(pb.RecognizeResponse(opened=pb.Opened()))
            await anext(requests, None)
        await self._ending(context)


@asynccontextmanager
async def serving(
    tmp_path: Path, ending: Ending, *, opens: bool = True
) -> AsyncIterator[tuple[RemoteRecognizer, grpc.aio.Channel, grpc.aio.Server]]:
    server = grpc.aio.server()
    pb_grpc.add_RecognizerServicer_to_server(FailingServicer(ending, opens=opens), server)
    # A path of its own: the library would hand a connection to the last one on.
    address = f"unix:{tmp_path}/{next(_NUMBERS)}"
    server.add_insecure_port(address)
    await server.start()
    async with grpc.aio.insecure_channel(address) as channel:
        yield RemoteRecognizer(channel), channel, server
    await server.stop(None)


def with_status(code: grpc.StatusCode) -> Ending:
    async def end(context: Any) -> None:
        await context.abort(code, "not the service's own words")

    return end


def with_error(error: RechkaError) -> Ending:
    async def end(context: Any) -> None:
        code, message, trailing = to_status(error)
        await context.abort(code, message, trailing)

    return end


async def return_early(context: Any) -> None:
    """End a stream in good order though nobody asked for it."""


async def never(context: Any) -> None:
    await asyncio.Event().wait()


async def send_until_it_fails(stream: RemoteStream) -> RechkaError:
    """Write without a pause, so that a write is under way when the stream ends."""
    while True:
        try:
            await stream.send(AUDIO)
        except RechkaError as error:
            return error


async def read_until_it_fails(stream: RemoteStream) -> RechkaError:
    with pytest.raises(RechkaError) as caught:
        async for _ in stream.events():
            pass
    return caught.value


async def failures_of(stream: RemoteStream) -> tuple[RechkaError, RechkaError]:
    """Return what the writer and the reader of a stream meet."""
    try:
        async with asyncio.timeout(120):
            return await asyncio.gather(send_until_it_fails(stream), read_until_it_fails(stream))
    finally:
        await stream.close()


def assert_lost(*errors: RechkaError) -> None:
    for error in errors:
        assert isinstance(error, UnavailableError)
        assert error.code is ErrorCode.WORKER_LOST
        assert error.retry_after_s is not None


@pytest.mark.parametrize("code", FAILURES)
async def test_a_status_that_is_not_the_services_own_means_that_it_is_lost(
    code: grpc.StatusCode, tmp_path: Path
) -> None:
    async with serving(tmp_path, with_status(code)) as (recognizer, _, _):
        for _ in range(5):
            assert_lost(*await failures_of(await recognizer.open(OPTIONS)))


@pytest.mark.parametrize("code", FAILURES)
async def test_a_stream_that_is_not_taken_without_a_reason_is_lost(
    code: grpc.StatusCode, tmp_path: Path
) -> None:
    async with serving(tmp_path, with_status(code), opens=False) as (recognizer, _, _):
        with pytest.raises(UnavailableError) as caught:
            await recognizer.open(OPTIONS)
        assert_lost(caught.value)


async def test_a_stream_that_ends_unasked_is_lost(tmp_path: Path) -> None:
    async with serving(tmp_path, return_early) as (recognizer, _, _):
        assert_lost(*await failures_of(await recognizer.open(OPTIONS)))
    async with serving(tmp_path, return_early, opens=False) as (recognizer, _, _):
        with pytest.raises(UnavailableError) as caught:
            await recognizer.open(OPTIONS)
        assert_lost(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        InternalError(ErrorCode.INTERNAL, "the engine failed"),
        RequestError(ErrorCode.INVALID_CONFIG, "no such model"),
        CapacityError(ErrorCode.OVERLOADED, "full", retry_after_s=1),
    ],
)
async def test_what_the_service_says_itself_is_passed_on_to_both_sides(
    error: RechkaError, tmp_path: Path
) -> None:
    async with serving(tmp_path, with_error(error)) as (recognizer, _, _):
        for _ in range(5):
            for met in await failures_of(await recognizer.open(OPTIONS)):
                assert type(met) is error_class(error.code)
                assert met.code is error.code
    async with serving(tmp_path, with_error(error), opens=False) as (recognizer, _, _):
        with pytest.raises(type(error)) as caught:
            await recognizer.open(OPTIONS)
        assert caught.value.code is error.code


async def test_a_service_that_says_that_it_is_ending_is_lost(tmp_path: Path) -> None:
    ending = with_error(UnavailableError(ErrorCode.UNAVAILABLE, "shutting down"))
    async with serving(tmp_path, ending) as (recognizer, _, _):
        assert_lost(*await failures_of(await recognizer.open(OPTIONS)))


async def test_closing_the_channel_ends_a_waiting_stream_with_an_error(tmp_path: Path) -> None:
    async with serving(tmp_path, never) as (recognizer, channel, _):
        stream = await recognizer.open(OPTIONS)
        failing = asyncio.create_task(failures_of(stream))
        await asyncio.sleep(0)
        await channel.close()
        assert_lost(*await failing)
        with pytest.raises(UnavailableError) as caught:
            await recognizer.open(OPTIONS)
        assert_lost(caught.value)


async def test_closing_the_channel_ends_an_opening_with_an_error(tmp_path: Path) -> None:
    async with grpc.aio.insecure_channel(f"unix:{tmp_path}/nobody") as channel:
        recognizer = RemoteRecognizer(channel)
        opening = asyncio.create_task(recognizer.open(OPTIONS))
        connecting = asyncio.create_task(recognizer.connect())
        await asyncio.sleep(0)
        await channel.close()
        for task in (opening, connecting):
            with pytest.raises(UnavailableError) as caught:
                await task
            assert_lost(caught.value)


async def test_a_server_that_stops_ends_its_streams_with_an_error(tmp_path: Path) -> None:
    async with serving(tmp_path, never) as (recognizer, _, server):
        stream = await recognizer.open(OPTIONS)
        failing = asyncio.create_task(failures_of(stream))
        await asyncio.sleep(0)
        await server.stop(None)
        assert_lost(*await failing)


async def test_nobody_at_the_socket_is_lost(tmp_path: Path) -> None:
    async with grpc.aio.insecure_channel(f"unix:{tmp_path}/nobody") as channel:
        with pytest.raises(UnavailableError) as caught:
            await RemoteRecognizer(channel).open(OPTIONS)
        assert_lost(caught.value)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", bytes(100)])
async def test_something_else_at_the_socket_is_lost(answer: bytes, tmp_path: Path) -> None:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answer)
        writer.close()

    async with (
        await asyncio.start_unix_server(reply, tmp_path / "socket"),
        grpc.aio.insecure_channel(f"unix:{tmp_path}/socket") as channel,
    ):
        with pytest.raises(UnavailableError) as caught:
            await RemoteRecognizer(channel).open(OPTIONS)
        assert_lost(caught.value)


async def test_a_sender_that_is_canceled_stays_canceled(tmp_path: Path) -> None:
    async with serving(tmp_path, never) as (recognizer, _, _):
        stream = await recognizer.open(OPTIONS)
        sending = asyncio.create_task(send_until_it_fails(stream))
        await asyncio.sleep(0)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await stream.close()
