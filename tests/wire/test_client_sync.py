"""The client without an event loop, against a server in another thread."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fakes.marked_speech import RATE_HZ, random_speech
from fakes.speech_server import Fault, SpeechServer, listen
from rechka.client import Client, FileSource, SessionLimits, join_finals
from rechka.errors import AccessError, ErrorCode, RequestError, UnavailableError
from rechka.results import Final, Partial
from rechka.spec import AudioEncoding, RecognitionSpec

PCM = RecognitionSpec(
    encoding=AudioEncoding.LINEAR16_PCM, sample_rate_hz=RATE_HZ, partial_results=True
)
SPEECH = random_speech(1, utterances=20)
LIMITS = SessionLimits(audio_s=20, soft_margin_s=5, hard_margin_s=1)


@contextmanager
def running(server: SpeechServer) -> Iterator[str]:
    """Run a server in a thread; yield its endpoint."""
    stop = threading.Event()
    endpoint: list[str] = []
    is_up = threading.Event()

    async def serve() -> None:
        async with listen(server) as listening:
            endpoint.append(listening.endpoint)
            is_up.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert is_up.wait(120)
        yield endpoint[0]
    finally:
        stop.set()
        thread.join()


def test_all_sessions_of_long_audio_become_one_stream() -> None:
    server = SpeechServer(SPEECH)
    with running(server) as endpoint, Client(endpoint, limits=LIMITS) as client:
        results = list(client.stream(SPEECH.pcm, PCM))
    assert join_finals(results).split() == SPEECH.texts
    assert any(isinstance(result, Partial) for result in results)
    assert len(server.sessions) > 1


def test_recognize_and_transcribe_are_there_too() -> None:
    with running(SpeechServer(SPEECH)) as endpoint, Client(endpoint, limits=LIMITS) as client:
        finals = client.recognize(SPEECH.pcm, PCM)
        assert all(isinstance(item, Final) for item in finals)
        assert client.transcribe(SPEECH.pcm, PCM) == join_finals(finals)


def test_a_generator_that_blocks_holds_nothing_up() -> None:
    """The second half of the audio comes only after a result of the first half."""
    has_result = threading.Event()
    half = len(SPEECH.pcm) // 4 * 2

    def pieces() -> Iterator[bytes]:
        yield SPEECH.pcm[:half]
        assert has_result.wait(120)
        yield SPEECH.pcm[half:]

    finals = []
    with running(SpeechServer(SPEECH)) as endpoint, Client(endpoint, limits=LIMITS) as client:
        for result in client.stream(pieces(), PCM):
            has_result.set()
            finals.append(result)
    assert join_finals(finals).split() == SPEECH.texts


def test_errors_are_raised_as_they_are() -> None:
    refused = AccessError(ErrorCode.UNAUTHENTICATED, "The token is invalid")
    server = SpeechServer(SPEECH, faults=[Fault(refused)])
    with (
        running(server) as endpoint,
        Client(endpoint) as client,
        pytest.raises(AccessError, match="The token is invalid") as caught,
    ):
        client.transcribe(SPEECH.pcm, PCM)
    assert caught.value.request_id == "request-1"


def test_a_stream_that_is_left_early_ends_though_its_source_does_not() -> None:
    server = SpeechServer(SPEECH, limit_ms=1_000_000)
    has_left = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield SPEECH.pcm
        has_left.wait()

    with running(server) as endpoint, Client(endpoint) as client:
        for _ in client.stream(pieces(), PCM):
            break
        has_left.set()
        # The same client goes on.
        assert client.transcribe(SPEECH.pcm, PCM).split() == SPEECH.texts
    assert len(server.sessions) == 2


def test_a_closed_client_leaves_no_thread() -> None:
    before = threading.active_count()
    client = Client("localhost:1")
    client.close()
    client.close()
    assert threading.active_count() == before


def test_a_closed_client_says_so() -> None:
    with running(SpeechServer(SPEECH)) as endpoint:
        client = Client(endpoint)
        unread, begun = client.stream(SPEECH.pcm, PCM), client.stream(SPEECH.pcm, PCM)
        assert isinstance(next(begun), Partial)
        client.close()
    uses: list[Callable[[], object]] = [
        lambda: next(unread),
        lambda: next(begun),
        lambda: client.recognize(SPEECH.pcm, PCM),
        lambda: client.transcribe(SPEECH.pcm, PCM),
    ]
    for use in uses:
        with pytest.raises(UnavailableError, match="The client was closed"):
            use()


def test_a_file_that_is_missing_is_told(tmp_path: object) -> None:
    with Client("localhost:1") as client, pytest.raises(Exception, match="no such file"):
        client.transcribe(FileSource(f"{tmp_path}/missing.wav"))


def test_calls_of_other_threads_end_when_the_client_is_closed() -> None:
    has_begun = threading.Event()
    outcomes: list[BaseException] = []

    def pieces() -> Iterator[bytes]:
        yield SPEECH.pcm
        has_begun.set()

    with running(SpeechServer(SPEECH, limit_ms=1_000_000)) as endpoint:
        client = Client(endpoint)

        def work() -> None:
            try:
                while True:
                    client.transcribe(pieces(), PCM)
            except BaseException as error:
                outcomes.append(error)

        threads = [threading.Thread(target=work, daemon=True) for _ in range(4)]
        for thread in threads:
            thread.start()
        has_begun.wait()
        client.close()
        for thread in threads:
            thread.join()
    assert [str(error) for error in outcomes] == 4 * ["The client was closed"]


@pytest.mark.parametrize("audio", ["speech.wav", Path("speech.wav")])
def test_a_path_is_told_how_to_read_a_file(audio: Any) -> None:
    with Client("localhost:1") as client, pytest.raises(RequestError, match="FileSource"):
        client.transcribe(audio, PCM)


@pytest.mark.parametrize("form", [bytearray, memoryview])
def test_audio_may_be_any_bytes(form: Callable[[bytes], Any]) -> None:
    with running(SpeechServer(SPEECH)) as endpoint, Client(endpoint) as client:
        assert client.transcribe(form(SPEECH.pcm), PCM).split() == SPEECH.texts
