"""The client over real connections: sessions that follow one another, and lost ones."""

import asyncio
import gc
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

import pytest

from fakes.marked_opus import encode
from fakes.marked_speech import RATE_HZ, Speech, SpeechMaker, breathless_speech, random_speech
from fakes.speech_server import Fault, SpeechServer, listen
from rechka.client import AsyncClient, RetryPolicy, SessionLimits, join_finals
from rechka.client.chunks import AudioChunk, PcmFraming
from rechka.client.sources import AudioFormat
from rechka.errors import (
    AccessError,
    CapacityError,
    ErrorCode,
    InternalError,
    RechkaError,
    RequestError,
    UnavailableError,
)
from rechka.hotwords import Hotword
from rechka.results import Final, Partial, Result
from rechka.spec import AudioEncoding, RecognitionSpec

PCM = RecognitionSpec(
    encoding=AudioEncoding.LINEAR16_PCM, sample_rate_hz=RATE_HZ, partial_results=True
)
LIMITS = SessionLimits(audio_s=20, soft_margin_s=5, hard_margin_s=1)
AT_ONCE = RetryPolicy(initial_s=0, max_s=0)
LOST = UnavailableError(ErrorCode.UNAVAILABLE, "The server is shutting down; connect again")
WORKER_LOST = UnavailableError(ErrorCode.WORKER_LOST, "The recognizer ended")


def client_of(endpoint: str, *, retries: RetryPolicy = AT_ONCE) -> AsyncClient:
    return AsyncClient(endpoint, token="t", limits=LIMITS, retries=retries)


async def recognized(server: SpeechServer, audio: bytes, spec: RecognitionSpec) -> list[Final]:
    async with listen(server) as listening, client_of(listening.endpoint) as client:
        return await client.recognize(audio, spec)


def assert_exact(finals: Sequence[Result], speech: Speech, *, within_ms: int = 1) -> None:
    assert join_finals(finals).split() == speech.texts
    words = [
        word for item in finals if isinstance(item, Final) for word in item.alternatives[0].words
    ]
    for word, (_, start_ms, end_ms) in zip(words, speech.words, strict=True):
        assert abs(word.start_ms - start_ms) <= within_ms
        assert abs(word.end_ms - end_ms) <= within_ms


async def test_many_sessions_give_the_same_words_as_one() -> None:
    speech = random_speech(1, utterances=40)
    alone = SpeechServer(speech, limit_ms=1_000_000)
    async with listen(alone) as listening, AsyncClient(listening.endpoint) as client:
        expected = await client.recognize(speech.pcm, PCM)
    server = SpeechServer(speech)
    finals = await recognized(server, speech.pcm, PCM)
    assert len(alone.sessions) == 1
    assert len(server.sessions) > 3
    assert join_finals(finals) == join_finals(expected)
    assert_exact(finals, speech)


async def test_opus_goes_on_over_many_sessions_too() -> None:
    speech = random_speech(2, utterances=40, step_ms=20)
    server = SpeechServer(speech)
    finals = await recognized(server, encode(speech), RecognitionSpec())
    assert len(server.sessions) > 3
    assert_exact(finals, speech, within_ms=40)


async def test_a_speaker_without_a_pause_loses_no_word() -> None:
    speech = breathless_speech(3, words=150)
    assert_exact(await recognized(SpeechServer(speech), speech.pcm, PCM), speech)


@pytest.mark.parametrize("error", [LOST, WORKER_LOST])
async def test_lost_sessions_are_opened_again_without_losing_a_word(error: RechkaError) -> None:
    speech = random_speech(4, utterances=20)
    faults = [Fault(error, 3_000), Fault(error), None, Fault(error, 12_000)]
    server = SpeechServer(speech, faults=faults)
    assert_exact(await recognized(server, speech.pcm, PCM), speech)
    assert len(server.sessions) > 4


async def test_a_server_with_lower_limits_than_expected_is_believed() -> None:
    speech = SpeechMaker()
    for _ in range(30):
        speech.say(400)
        speech.pause(600)
    made = speech.made()
    server = SpeechServer(made, limit_ms=10_000)
    finals = await recognized(server, made.pcm, PCM)
    assert join_finals(finals).split()[-1] == "w30"
    assert len(server.sessions) > 3


async def test_a_server_that_keeps_failing_is_given_up() -> None:
    speech = random_speech(5, utterances=2)
    server = SpeechServer(speech, faults=[Fault(LOST)] * 100)
    with pytest.raises(UnavailableError) as caught:
        await recognized(server, speech.pcm, PCM)
    assert len(server.sessions) == AT_ONCE.attempts
    assert caught.value.message == LOST.message
    assert caught.value.request_id == f"request-{AT_ONCE.attempts}"


async def test_a_full_server_is_asked_again() -> None:
    speech = random_speech(6, utterances=2)
    full = CapacityError(ErrorCode.OVERLOADED, "Every worker is busy", retry_after_s=30)
    server = SpeechServer(speech, faults=[Fault(full), Fault(full)])
    assert_exact(await recognized(server, speech.pcm, PCM), speech)
    assert len(server.sessions) == 3


@pytest.mark.parametrize(
    "error",
    [
        RequestError(ErrorCode.INVALID_CONFIG, "language_code: got xx"),
        RequestError(ErrorCode.INVALID_AUDIO, "Invalid audio received"),
        AccessError(ErrorCode.UNAUTHENTICATED, "The token is invalid"),
        AccessError(ErrorCode.PERMISSION_DENIED, "Permission denied"),
        InternalError(ErrorCode.INTERNAL, "Internal error"),
    ],
)
async def test_errors_that_another_try_does_not_help_come_at_once(error: RechkaError) -> None:
    speech = random_speech(7, utterances=2)
    server = SpeechServer(speech, faults=[Fault(error)])
    with pytest.raises(type(error)) as caught:
        await recognized(server, speech.pcm, PCM)
    assert caught.value.code is error.code
    assert caught.value.request_id == "request-1"
    assert len(server.sessions) == 1


async def test_results_come_while_the_audio_still_does() -> None:
    speech = random_speech(8, utterances=3)
    server = SpeechServer(speech)
    heard_enough = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield speech.pcm[: len(speech.pcm) // 4 * 2]
        await heard_enough.wait()
        yield speech.pcm[len(speech.pcm) // 4 * 2 :]

    results: list[Result] = []
    async with listen(server) as listening, client_of(listening.endpoint) as client:
        async for result in client.stream(pieces(), PCM):
            results.append(result)
            heard_enough.set()
    assert isinstance(results[0], Partial)
    assert_exact(results, speech)


async def test_a_silent_pipe_ends_the_session_and_later_audio_opens_another() -> None:
    speech = SpeechMaker()
    speech.say(500)
    speech.pause(50)
    first = speech.made().pcm
    speech.say(500)
    made = speech.made()
    server = SpeechServer(made)
    limits = SessionLimits(idle_s=0.1)

    async def pieces() -> AsyncIterator[bytes]:
        yield first
        await server.is_open.wait()
        await server.sessions[0].is_half_closed.wait()
        yield made.pcm[len(first) :]

    async with (
        listen(server) as listening,
        AsyncClient(listening.endpoint, limits=limits) as client,
    ):
        finals = await client.recognize(pieces(), PCM)
    assert [final.alternatives[0].text for final in finals] == ["w1", "w2"]
    assert [final.start_ms for final in finals] == [0, 550]
    assert len(server.sessions) == 2


async def test_settings_secret_and_folder_go_with_every_session() -> None:
    speech = random_speech(9, utterances=20)
    server = SpeechServer(speech)
    tokens = iter(f"token-{number}" for number in range(100))
    spec = RecognitionSpec(
        language="en-US",
        model="general:rc",
        encoding=AudioEncoding.LINEAR16_PCM,
        sample_rate_hz=RATE_HZ,
        raw_results=True,
        normalize_partials=True,
        hotwords=(Hotword("речка", 6.0), Hotword("ivan petrov", -0.5)),
    )
    async with (
        listen(server) as listening,
        AsyncClient(
            listening.endpoint,
            token=lambda: next(tokens),
            folder_id="folder-1",
            metadata=[("x-data-logging-enabled", "false")],
            limits=LIMITS,
        ) as client,
    ):
        await client.recognize(speech.pcm, spec)
    assert len(server.sessions) > 1
    for number, seen in enumerate(server.sessions):
        assert seen.metadata["authorization"] == f"Bearer token-{number}"
        assert seen.metadata["x-normalize-partials"] == "true"
        assert seen.metadata["x-data-logging-enabled"] == "false"
        phrases = seen.metadata["x-rechka-hotwords-bin"].decode()
        assert phrases == "речка:6.0;ivan petrov:-0.5"
        assert seen.config is not None
        assert seen.config.folder_id == "folder-1"
        assert seen.config.specification.language_code == "en-US"
        assert seen.config.specification.model == "general:rc"
        assert seen.config.specification.raw_results
    assert len({seen.metadata["x-client-request-id"] for seen in server.sessions}) > 1


async def test_no_audio_is_an_empty_session() -> None:
    server = SpeechServer(random_speech(10, utterances=1))
    assert await recognized(server, b"", PCM) == []
    assert len(server.sessions) == 1


async def test_single_utterance_ends_the_stream_before_the_audio_does() -> None:
    speech = random_speech(11, utterances=5)
    server = SpeechServer(speech)
    spec = RecognitionSpec(
        encoding=AudioEncoding.LINEAR16_PCM, sample_rate_hz=RATE_HZ, single_utterance=True
    )

    async def pieces() -> AsyncIterator[bytes]:
        yield speech.pcm
        await asyncio.Event().wait()

    async with listen(server) as listening, client_of(listening.endpoint) as client:
        finals = await client.recognize(pieces(), spec)
    assert len(finals) == 1


async def test_closing_a_stream_cancels_the_call_and_closes_the_source() -> None:
    speech = random_speech(12, utterances=3)
    server = SpeechServer(speech)
    is_closed = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        try:
            yield speech.pcm
            await asyncio.Event().wait()
        finally:
            is_closed.set()

    async with listen(server) as listening, client_of(listening.endpoint) as client:
        async with aclosing(client.stream(pieces(), PCM)) as results:
            assert isinstance(await anext(results), Partial)
        await server.sessions[0].is_over.wait()
        await is_closed.wait()
        with pytest.raises(StopAsyncIteration):
            await anext(results)


async def test_a_stream_that_nobody_holds_any_more_ends() -> None:
    speech = random_speech(13, utterances=3)
    server = SpeechServer(speech)

    async def pieces() -> AsyncIterator[bytes]:
        yield speech.pcm
        await asyncio.Event().wait()

    async with listen(server) as listening, client_of(listening.endpoint) as client:
        async for _ in client.stream(pieces(), PCM):
            break
        gc.collect()
        await server.sessions[0].is_over.wait()


async def test_an_error_of_the_source_ends_the_stream_as_it_is() -> None:
    server = SpeechServer(random_speech(14, utterances=1))

    async def pieces() -> AsyncIterator[bytes]:
        yield bytes(2_000)
        await server.is_open.wait()
        raise LookupError("no more")

    async with listen(server) as listening, client_of(listening.endpoint) as client:
        with pytest.raises(LookupError, match="no more"):
            await client.recognize(pieces(), PCM)
        await server.sessions[0].is_over.wait()


class HeldSource:
    """A source that notes whether it is held."""

    is_held = False

    async def open(self) -> AudioFormat:
        self.is_held = True
        return AudioFormat(AudioEncoding.LINEAR16_PCM, RATE_HZ)

    async def chunks(self) -> AsyncGenerator[AudioChunk, None]:
        try:
            for chunk in PcmFraming(RATE_HZ, chunk_ms=100).feed(bytes(2_000)):
                yield chunk
        finally:
            self.is_held = False


@pytest.mark.parametrize(
    "spec",
    [
        RecognitionSpec(language="\udcff"),
        RecognitionSpec(folder_id="\udcff"),
        RecognitionSpec(hotwords=(Hotword("\udcff", 4.0),)),
    ],
)
async def test_settings_that_cannot_be_sent_leave_no_source_open(spec: RecognitionSpec) -> None:
    source = HeldSource()
    server = SpeechServer(random_speech(14, utterances=1))
    async with listen(server) as listening, client_of(listening.endpoint) as client:
        with pytest.raises(RequestError):
            await client.recognize(source, spec)
    assert not source.is_held


async def test_a_blocking_iterable_is_read_beside_the_loop() -> None:
    speech = random_speech(15, utterances=3)
    pieces = (speech.pcm[start : start + 301] for start in range(0, len(speech.pcm), 301))
    async with (
        listen(SpeechServer(speech)) as listening,
        client_of(listening.endpoint) as client,
    ):
        assert_exact(await client.recognize(pieces, PCM), speech)


async def test_streams_run_side_by_side() -> None:
    speech = random_speech(16, utterances=10)
    async with (
        listen(SpeechServer(speech)) as listening,
        client_of(listening.endpoint) as client,
    ):
        every = await asyncio.gather(*(client.recognize(speech.pcm, PCM) for _ in range(5)))
    for finals in every:
        assert_exact(finals, speech)


async def test_the_text_of_the_audio_is_all_finals_joined() -> None:
    speech = random_speech(17, utterances=4)
    async with (
        listen(SpeechServer(speech)) as listening,
        client_of(listening.endpoint) as client,
    ):
        assert (await client.transcribe(speech.pcm, PCM)).split() == speech.texts


async def test_closing_the_client_while_it_recognizes_returns_no_part_of_the_text() -> None:
    speech = random_speech(12, utterances=3)

    async def pieces() -> AsyncIterator[bytes]:
        yield speech.pcm
        await asyncio.Event().wait()

    server = SpeechServer(speech)
    async with listen(server) as listening, client_of(listening.endpoint) as client:
        recognizing = asyncio.create_task(client.recognize(pieces(), PCM))
        async for _ in client.stream(pieces(), PCM):
            break
        await client.close()
        with pytest.raises(UnavailableError, match="The client was closed"):
            await recognizing
