"""Every way in which the connection to a recognizer can fail, over real sockets."""

import asyncio
import itertools
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from rechka.audio.samples import Samples
from rechka.errors import (
    CapacityError,
    ErrorCode,
    InternalError,
    RechkaError,
    RequestError,
    UnavailableError,
    error_class,
)
from rechka.recognition.local import StreamUser
from rechka.recognition.measures import Measures
from rechka.recognition.port import Finished, Heard, ModelInfo, Observation, StreamOptions
from rechka.recognition.scheduler import Scheduler
from rechka.results import Hypothesis
from rechka.transport.link import Link
from rechka.transport.recognizer_client import RemoteRecognizer, RemoteStream
from rechka.transport.recognizer_service import RecognizerService
from rechka.wire.codec_recognizer import encode_event, encode_open
from rechka.wire.generated.rechka.recognizer.v1 import recognizer_pb2 as pb
from rechka.wire.status import error_of, status_message
from unit.recognition.gated_engine import GatedEngine, entered, heard_ms, silence

OPTIONS = StreamOptions(language="en-US", model="general", sample_rate_hz=8_000)
AUDIO = np.zeros(32_000, dtype=np.float32)
HEARD = Heard(0, Observation(Hypothesis("word")), 0)
_NUMBERS = itertools.count()
Ending = Callable[[Link], Awaitable[None]]


@asynccontextmanager
async def serving(
    tmp_path: Path, ending: Ending, *, opens: bool = True
) -> AsyncIterator[RemoteRecognizer]:
    """A recognizer that ends each stream as a test says, at the first audio or before."""
    exchanges: set[asyncio.Task[None]] = set()

    async def exchange(link: Link) -> None:
        try:
            await link.read()
            if opens:
                link.write(pb.Response(opened=pb.Opened()).SerializeToString())
                await link.read()
            await ending(link)
        finally:
            link.close()

    def accept() -> Link:
        link = Link()
        exchanges.add(asyncio.create_task(exchange(link)))
        return link

    socket = tmp_path / str(next(_NUMBERS))
    async with await asyncio.get_running_loop().create_unix_server(accept, str(socket)):
        recognizer = RemoteRecognizer(socket)
        yield recognizer
        recognizer.close()
        for task in exchanges:
            task.cancel()
        await asyncio.gather(*exchanges, return_exceptions=True)
        # The transports close in the next turn of the loop.
        await asyncio.sleep(0)


def with_bytes(data: bytes) -> Ending:
    async def end(link: Link) -> None:
        link.write(data)

    return end


def with_error(error: RechkaError) -> Ending:
    async def end(link: Link) -> None:
        link.write(pb.Response(error=status_message(error)).SerializeToString())
        while await link.read() is not None:
            pass

    return end


async def close(link: Link) -> None:
    """Whatever the ending, the connection is closed after it."""


async def abort(link: Link) -> None:
    link.abort()


async def never(link: Link) -> None:
    await asyncio.Event().wait()


BROKEN = {
    "closed": close,
    "aborted": abort,
    "not protobuf": with_bytes(b"\xff\xff"),
    "empty": with_bytes(b""),
    "out of turn": with_bytes(pb.Response(described=pb.DescribeResponse()).SerializeToString()),
}


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


@pytest.mark.parametrize("ending", BROKEN.values(), ids=BROKEN)
async def test_a_connection_that_ends_without_a_reason_is_lost(
    ending: Ending, tmp_path: Path
) -> None:
    async with serving(tmp_path, ending) as recognizer:
        for _ in range(5):
            assert_lost(*await failures_of(await recognizer.open(OPTIONS)))
    async with serving(tmp_path, ending, opens=False) as recognizer:
        with pytest.raises(UnavailableError) as caught:
            await recognizer.open(OPTIONS)
        assert_lost(caught.value)
        with pytest.raises(UnavailableError) as caught:
            await recognizer.measure()
        assert_lost(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        InternalError(ErrorCode.INTERNAL, "the engine failed"),
        RequestError(ErrorCode.INVALID_CONFIG, "no such model"),
        CapacityError(ErrorCode.OVERLOADED, "full", retry_after_s=1),
    ],
)
async def test_what_the_recognizer_says_itself_is_passed_on_to_both_sides(
    error: RechkaError, tmp_path: Path
) -> None:
    async with serving(tmp_path, with_error(error)) as recognizer:
        for _ in range(5):
            for met in await failures_of(await recognizer.open(OPTIONS)):
                assert type(met) is error_class(error.code)
                assert met.code is error.code
    async with serving(tmp_path, with_error(error), opens=False) as recognizer:
        with pytest.raises(type(error)) as caught:
            await recognizer.open(OPTIONS)
        assert caught.value.code is error.code


async def test_a_recognizer_that_says_that_it_is_ending_is_lost(tmp_path: Path) -> None:
    ending = with_error(UnavailableError(ErrorCode.UNAVAILABLE, "shutting down"))
    async with serving(tmp_path, ending) as recognizer:
        assert_lost(*await failures_of(await recognizer.open(OPTIONS)))


async def test_closing_ends_a_waiting_stream_with_an_error(tmp_path: Path) -> None:
    async with serving(tmp_path, never) as recognizer:
        stream = await recognizer.open(OPTIONS)
        failing = asyncio.create_task(failures_of(stream))
        await asyncio.sleep(0)
        recognizer.close()
        assert_lost(*await failing)
        with pytest.raises(UnavailableError) as caught:
            await recognizer.open(OPTIONS)
        assert_lost(caught.value)


async def test_closing_ends_an_opening_with_an_error(tmp_path: Path) -> None:
    async with serving(tmp_path, never, opens=False) as recognizer:
        opening = asyncio.create_task(recognizer.open(OPTIONS))
        connecting = asyncio.create_task(recognizer.connect())
        await asyncio.sleep(0)
        recognizer.close()
        for task in (opening, connecting):
            with pytest.raises(UnavailableError) as caught:
                await task
            assert_lost(caught.value)


async def test_a_recognizer_that_does_not_answer_an_opening_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rechka.transport.recognizer_client._OPEN_TIMEOUT_S", 0.05)
    async with serving(tmp_path, never, opens=False) as recognizer:
        with pytest.raises(UnavailableError) as caught:
            await recognizer.open(OPTIONS)
        assert_lost(caught.value)


async def test_nobody_at_the_socket_is_lost(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError) as caught:
        await RemoteRecognizer(tmp_path / "nobody").open(OPTIONS)
    assert_lost(caught.value)


async def test_a_message_that_is_longer_than_any_of_ours_ends_the_connection(
    tmp_path: Path,
) -> None:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(struct.pack("<I", 2**31) + bytes(100))
        await reader.read()
        writer.close()

    async with await asyncio.start_unix_server(reply, tmp_path / "socket"):
        with pytest.raises(UnavailableError) as caught:
            await RemoteRecognizer(tmp_path / "socket").open(OPTIONS)
        assert_lost(caught.value)


async def test_a_sender_that_is_canceled_stays_canceled(tmp_path: Path) -> None:
    async with serving(tmp_path, never) as recognizer:
        stream = await recognizer.open(OPTIONS)
        sending = asyncio.create_task(send_until_it_fails(stream))
        await asyncio.sleep(0)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await stream.close()


async def test_a_recognizer_that_does_not_read_makes_the_sender_wait(tmp_path: Path) -> None:
    async with serving(tmp_path, never) as recognizer:
        stream = await recognizer.open(OPTIONS)
        sent = 0

        async def send() -> None:
            nonlocal sent
            while True:
                await stream.send(AUDIO)
                sent += 1

        sending = asyncio.create_task(send())
        before = -1
        while sent > before:
            before = sent
            await asyncio.sleep(0.2)
        # What both ends and the system keep, at 64 KB a message.
        assert sent < 32
        sending.cancel()
        await stream.close()


async def test_events_that_nobody_reads_hold_the_recognizer_back(tmp_path: Path) -> None:
    written = 0

    async def flood(link: Link) -> None:
        nonlocal written
        finished = pb.Hypothesis(text="x" * 10_000)
        response = pb.Response(finished=pb.Finished(alternatives=[finished])).SerializeToString()
        while True:
            link.write(response)
            await link.drain()
            written += 1

    async with serving(tmp_path, flood) as recognizer:
        stream = await recognizer.open(OPTIONS)
        await stream.send(AUDIO)
        before = -1
        while written > before:
            before = written
            await asyncio.sleep(0.2)
        assert written < 200
        # Who reads gets it going again.
        events = stream.events()
        for _ in range(2 * written):
            await anext(events)
        await stream.close()


async def test_what_came_before_the_end_is_read_behind_it_however_much_it_is(
    tmp_path: Path,
) -> None:
    is_sent = asyncio.Event()

    async def finish(link: Link) -> None:
        for number in range(200):
            link.write(encode_event(Finished(number, ())).SerializeToString())
        refusal = InternalError(ErrorCode.INTERNAL, "it failed")
        link.write(pb.Response(error=status_message(refusal)).SerializeToString())
        link.close()
        is_sent.set()

    async with serving(tmp_path, finish) as recognizer:
        stream = await recognizer.open(OPTIONS)
        await stream.send(AUDIO)
        await is_sent.wait()
        # Whether or not the end of the connection has been noticed by now.
        await asyncio.sleep(0.1)
        events = stream.events()
        for number in range(200):
            assert await anext(events) == Finished(number, ())
        with pytest.raises(InternalError):
            await anext(events)
        with pytest.raises(InternalError):
            await stream.send(AUDIO)
        await stream.close()


async def test_a_message_arrives_whole_however_it_is_cut(tmp_path: Path) -> None:
    is_over = asyncio.Event()

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        responses = (pb.Response(opened=pb.Opened()), encode_event(HEARD))
        for response in responses:
            message = response.SerializeToString()
            for octet in struct.pack("<I", len(message)) + message:
                writer.write(bytes([octet]))
                await writer.drain()
                await asyncio.sleep(0)
        await reader.read()
        writer.close()
        await writer.wait_closed()
        is_over.set()

    async with await asyncio.start_unix_server(reply, tmp_path / "socket"):
        stream = await RemoteRecognizer(tmp_path / "socket").open(OPTIONS)
        assert await anext(stream.events()) == HEARD
        await stream.close()
        await is_over.wait()


class WaitingStream:
    """A stream that hears nothing, and says whether it was given back."""

    def __init__(self) -> None:
        self.is_closed = asyncio.Event()

    async def send(self, samples: Samples) -> None: ...

    async def hurry(self, *, finish_at_silence_ms: int | None = None) -> None: ...

    async def finish(self) -> None: ...

    async def events(self) -> AsyncIterator[Heard | Finished]:
        await asyncio.Event().wait()
        yield HEARD

    async def close(self) -> None:
        self.is_closed.set()

    def attach(self, user: StreamUser) -> None: ...

    def offer(self, samples: Samples) -> bool:
        return True

    def hurry_now(self, *, finish_at_silence_ms: int | None = None) -> None: ...

    def finish_now(self, utterance: int | None = None) -> None: ...

    def next_event(self) -> Heard | Finished | None:
        return None


class Waiting:
    """A recognizer of `WaitingStream`s."""

    def __init__(self) -> None:
        self.streams: list[WaitingStream] = []
        self.models: tuple[ModelInfo, ...] = ()

    async def open(self, options: StreamOptions) -> WaitingStream:
        if options.language != OPTIONS.language:
            raise ValueError(options.language)
        self.streams.append(WaitingStream())
        return self.streams[-1]

    async def measure(self) -> Measures:
        raise CapacityError(ErrorCode.OVERLOADED, "busy")


@asynccontextmanager
async def offering(tmp_path: Path) -> AsyncIterator[tuple[Waiting, Path]]:
    waiting, socket = Waiting(), tmp_path / "socket"
    service = RecognizerService(waiting)
    await service.start(socket)
    yield waiting, socket
    await service.stop()


@pytest.mark.parametrize(
    "request_",
    [b"\xff\xff", b"", pb.Request(audio=b"ab").SerializeToString()],
    ids=["not protobuf", "empty", "audio first"],
)
async def test_a_first_message_that_opens_nothing_is_refused(
    request_: bytes, tmp_path: Path
) -> None:
    async with offering(tmp_path) as (waiting, socket):
        _, link = await asyncio.get_running_loop().create_unix_connection(Link, str(socket))
        link.write(request_)
        answer = await link.read()
        assert answer is not None
        error = error_of(pb.Response.FromString(answer).error)
        assert error.code is ErrorCode.UNEXPECTED_MESSAGE
        assert not waiting.streams
        link.close()


async def test_a_server_that_vanishes_gives_its_streams_back(tmp_path: Path) -> None:
    async with offering(tmp_path) as (waiting, socket):
        recognizer = RemoteRecognizer(socket)
        streams = [await recognizer.open(OPTIONS) for _ in range(3)]
        recognizer.close()
        async with asyncio.timeout(60):
            for stream in waiting.streams:
                await stream.is_closed.wait()
        for opened in streams:
            await opened.close()


async def test_an_engine_that_fails_to_open_says_so_and_others_are_not_disturbed(
    tmp_path: Path,
) -> None:
    async with offering(tmp_path) as (waiting, socket):
        recognizer = RemoteRecognizer(socket)
        stream = await recognizer.open(OPTIONS)
        with pytest.raises(InternalError):
            await recognizer.open(StreamOptions(language="x", model="", sample_rate_hz=8_000))
        with pytest.raises(CapacityError):
            await recognizer.measure()
        await stream.send(AUDIO)
        assert not waiting.streams[0].is_closed.is_set()
        await stream.close()


@asynccontextmanager
async def scheduled(tmp_path: Path, engine: GatedEngine) -> AsyncIterator[RemoteRecognizer]:
    """A service over a scheduler, as a worker has it."""
    scheduler = Scheduler(engine)
    await scheduler.start()
    service = RecognizerService(scheduler)
    await service.start(tmp_path / "socket")
    recognizer = RemoteRecognizer(tmp_path / "socket")
    yield recognizer
    recognizer.close()
    engine.gate.set()
    await service.stop()
    await scheduler.close()


async def test_audio_waits_while_the_engine_is_behind_and_none_is_lost(tmp_path: Path) -> None:
    engine = GatedEngine()
    async with scheduled(tmp_path, engine) as recognizer:
        stream = await recognizer.open(OPTIONS)
        engine.gate.clear()
        sent = 0

        async def send() -> None:
            nonlocal sent
            for _ in range(100):
                await stream.send(AUDIO)
                sent += 1
            await stream.finish()

        sending = asyncio.create_task(send())
        await entered(engine)
        before = -1
        while sent > before:
            before = sent
            await asyncio.sleep(0.2)
        assert sent < 32
        engine.gate.set()
        async for event in stream.events():
            if isinstance(event, Finished):
                break
        await sending
        assert sum(samples for batch in engine.batches for _, samples in batch) == 100 * len(AUDIO)
        await stream.close()


async def test_a_server_that_does_not_read_gets_every_settled_utterance_later(
    tmp_path: Path,
) -> None:
    line = " ".join(["antidisestablishmentarianism"] * 500)
    engine = GatedEngine(lines=[line], word_ms=1)
    utterances = 150
    async with scheduled(tmp_path, engine):
        _, link = await asyncio.get_running_loop().create_unix_connection(
            Link, str(tmp_path / "socket")
        )
        link.write(pb.Request(open=encode_open(OPTIONS)).SerializeToString())
        audio = np.zeros(4_000, dtype="<f4").tobytes()
        for number in range(utterances):
            link.write(pb.Request(audio=audio).SerializeToString())
            link.write(pb.Request(finish=pb.Finish(utterance=number)).SerializeToString())
        # Who has read nothing stops the engine: neither end keeps what it would make.
        before = -1
        while len(engine.batches) > before:
            before = len(engine.batches)
            await asyncio.sleep(0.2)
        settled: list[int] = []
        while len(settled) < utterances:
            message = await link.read()
            assert message is not None
            response = pb.Response.FromString(message)
            if response.HasField("finished"):
                settled.append(response.finished.utterance)
        assert 0 < before < len(engine.batches)
        assert settled == list(range(utterances))
        link.close()


async def test_audio_that_is_no_samples_is_an_error_of_its_stream_alone(tmp_path: Path) -> None:
    async with scheduled(tmp_path, GatedEngine()) as recognizer:
        other = await recognizer.open(OPTIONS)
        _, link = await asyncio.get_running_loop().create_unix_connection(
            Link, str(tmp_path / "socket")
        )
        link.write(pb.Request(open=encode_open(OPTIONS)).SerializeToString())
        opened = await link.read()
        assert opened is not None
        assert pb.Response.FromString(opened).HasField("opened")
        link.write(pb.Request(audio=b"abc").SerializeToString())
        answer = await link.read()
        assert answer is not None
        assert error_of(pb.Response.FromString(answer).error).code is ErrorCode.INTERNAL
        link.close()
        await other.finish()
        assert await anext(other.events()) == Finished(0, ())
        await other.close()


async def test_a_service_that_stops_ends_its_streams(tmp_path: Path) -> None:
    async with offering(tmp_path) as (waiting, socket):
        stream = await RemoteRecognizer(socket).open(OPTIONS)
        failing = asyncio.create_task(failures_of(stream))
        await asyncio.sleep(0)
    assert_lost(*await failing)
    assert waiting.streams[0].is_closed.is_set()


async def test_a_hurry_that_finishes_the_utterance_is_answered_by_its_readings(
    tmp_path: Path,
) -> None:
    engine = GatedEngine(piece_ms=160, word_ms=100)
    async with scheduled(tmp_path, engine) as recognizer:
        stream = await recognizer.open(OPTIONS)
        events = stream.events()
        for number in range(2):
            await stream.send(silence(100))
            await stream.hurry(finish_at_silence_ms=300)
            # There may be an event before, of what was decoded when the hurry came.
            event = await anext(events)
            while isinstance(event, Heard):
                event = await anext(events)
            assert event.utterance == number
            assert [word.text for word in event.alternatives[0].words] == ["one"]
            await stream.finish()
        await stream.send(silence(200))
        await stream.finish()
        event = await anext(events)
        while isinstance(event, Heard):
            event = await anext(events)
        assert event.utterance == 2
        assert len(event.alternatives[0].words) == 2
        await stream.close()
    assert sum(samples for batch in engine.batches for _, samples in batch) == 8 * 400


async def test_audio_that_brings_nothing_new_is_sent_with_what_does(tmp_path: Path) -> None:
    engine = GatedEngine(piece_ms=160)
    async with scheduled(tmp_path, engine) as recognizer:
        stream = await recognizer.open(OPTIONS)
        events = stream.events()
        # Before the first result nothing is known of pieces.
        await stream.send(silence(100))
        assert await heard_ms(events) == 100
        for _ in range(5):
            await stream.send(silence(10))
        await asyncio.sleep(0.1)
        assert len(engine.batches) == 1
        await stream.send(silence(10))
        assert await heard_ms(events) == 160
        # Who waits for what was heard hears all that was said.
        await stream.send(silence(30))
        await stream.hurry()
        assert await heard_ms(events) == 190
        await stream.send(silence(20))
        await stream.finish()
        # What is said while nothing is known of the next utterance's pieces is not lost.
        await stream.send(silence(30))
        finished = await anext(events)
        assert isinstance(finished, Finished)
        assert finished.news_at == 8 * 160
        await stream.send(silence(130))
        while await heard_ms(events) < 160:
            pass
        await stream.close()
    assert sum(samples for batch in engine.batches for _, samples in batch) == 8 * (210 + 160)
