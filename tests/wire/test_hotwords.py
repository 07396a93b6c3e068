"""Phrases from the metadata of a call, and from the folder's file, to the engine's stream."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from fakes.tone_models import tones as letters
from fakes.tone_models import write_model as write_ctc_model
from fakes.tone_transducers import RATE_HZ, tones, with_hum, write_model
from rechka.client import AsyncClient
from rechka.hotwords import Hotword
from rechka.recognition.port import Recognizer, StreamOptions
from rechka.recognition.registry import create_engine
from rechka.recognition.scheduled_stream import ScheduledStream
from rechka.recognition.scheduler import Scheduler
from rechka.spec import AudioEncoding, RecognitionSpec
from rechka.testing.server import scripted_recognizer
from wire_client import Message, Running, Start, audio, config


class Watched:
    """A recognizer that keeps what its streams were opened with."""

    def __init__(self, inner: Scheduler) -> None:
        self._inner = inner
        self.opened: list[StreamOptions] = []

    @property
    def models(self) -> Any:
        return self._inner.models

    async def open(self, options: StreamOptions) -> ScheduledStream:
        self.opened.append(options)
        return await self._inner.open(options)


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    async with scripted_recognizer() as scheduler:
        yield Watched(scheduler)


async def test_phrases_of_the_metadata_reach_the_engine(start: Start, watched: Watched) -> None:
    running = await start(recognizer=watched)
    outcome = await running.recognize([config()], x_rechka_hotwords="ivan%20petrov:6;river")
    assert outcome.code is grpc.StatusCode.OK
    binary: Any = "речка:-2".encode()
    await running.recognize([config()], x_rechka_hotwords_bin=binary)
    await running.recognize([config()])
    assert [options.hotwords for options in watched.opened] == [
        (Hotword("ivan petrov", 6.0), Hotword("river", 4.0)),
        (Hotword("речка", -2.0),),
        (),
    ]


async def test_as_many_phrases_as_are_allowed_fit_into_the_metadata(
    start: Start, watched: Watched
) -> None:
    running = await start(recognizer=watched)
    phrases = ";".join(f"{number:02}{'я' * 76}" for number in range(100)).encode()
    assert 15_000 < len(phrases) <= 16_384
    binary: Any = phrases
    outcome = await running.recognize([config()], x_rechka_hotwords_bin=binary)
    assert outcome.code is grpc.StatusCode.OK
    assert len(watched.opened[0].hotwords) == 100


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("ivan:much", "got 'ivan:much'; accepted as a boost: a number from -20 to 20"),
        (";".join(["a"] * 101), "got 101 phrases; accepted: at most 100"),
        ("%FF", "got other bytes than UTF-8; accepted: UTF-8"),
    ],
)
async def test_phrases_that_are_no_good_are_an_invalid_argument(
    start: Start, watched: Watched, value: str, problem: str
) -> None:
    running = await start(recognizer=watched)
    outcome = await running.recognize([config()], x_rechka_hotwords=value)
    assert outcome.code is grpc.StatusCode.INVALID_ARGUMENT
    assert outcome.error is not None
    assert outcome.error.violations == {"metadata.x-rechka-hotwords": problem}
    assert watched.opened == []


async def test_phrases_of_a_folders_file_come_with_each_of_its_sessions(
    start: Start, watched: Watched, tmp_path: Path
) -> None:
    path = tmp_path / "names.txt"
    path.write_text("ivan:3\npetrov\n")
    running = await start(recognizer=watched, recognition={"hotwords": {"*": path}})
    await running.recognize([config()], x_rechka_hotwords="Ivan:7")
    await running.recognize([config()])
    assert [options.hotwords for options in watched.opened] == [
        (Hotword("Ivan", 7.0), Hotword("petrov", 4.0)),
        (Hotword("ivan", 3.0), Hotword("petrov", 4.0)),
    ]


async def test_a_folders_file_is_not_that_of_another_folder(
    start: Start, watched: Watched, tmp_path: Path
) -> None:
    path = tmp_path / "names.txt"
    path.write_text("ivan:3\n")
    running = await start(recognizer=watched, recognition={"hotwords": {"another": path}})
    await running.recognize([config()])
    assert watched.opened[0].hotwords == ()


@pytest.fixture
async def hearing(start: Start, tmp_path: Path) -> AsyncIterator[Running]:
    """A server with the real engines that can prefer phrases."""
    transducer = write_model(tmp_path / "transducer", layout="zipformer2")
    ctc = write_ctc_model(tmp_path / "ctc", language="tr-TR", words=("ab", "cab", "abc"))
    options = {
        "sherpa": {"models": [str(transducer)], "decoding": "beam"},
        "ctc": {"models": [str(ctc)]},
    }
    async with AsyncExitStack() as stack:
        scheduler = Scheduler(create_engine(["sherpa", "ctc"], options))
        stack.push_async_callback(scheduler.close)
        await scheduler.start()
        recognizer: Recognizer = scheduler
        yield await start(recognizer=recognizer)


def pcm_of(samples: np.ndarray) -> bytes:
    return (with_hum(samples) * 32767).astype("<i2").tobytes()


@pytest.mark.parametrize(
    ("language", "sound", "wishes"),
    [
        ("ru-RU", tones("ca? bad"), {"": "cab bad", "CAD:2": "cad bad", "cab:-3": "cad bad"}),
        ("tr-TR", letters("abcab", rate_hz=RATE_HZ), {"cab:4": "ab cab", "abc:4": "abc ab"}),
    ],
    ids=["sherpa", "ctc"],
)
async def test_a_phrase_turns_what_a_client_reads(
    hearing: Running, language: str, sound: np.ndarray, wishes: dict[str, str]
) -> None:
    settings = config(language_code=language, sample_rate_hertz=RATE_HZ, raw_results=True)
    for wish, expected in wishes.items():
        messages: list[Message] = [settings, *audio(pcm_of(sound))]
        outcome = await hearing.recognize(messages, x_rechka_hotwords=wish)
        assert outcome.code is grpc.StatusCode.OK
        assert [text.lower() for text in outcome.finals] == [expected]


async def test_the_client_sends_phrases_with_its_settings(hearing: Running) -> None:
    spec = RecognitionSpec(
        encoding=AudioEncoding.LINEAR16_PCM,
        sample_rate_hz=RATE_HZ,
        raw_results=True,
        hotwords=(Hotword("cad", 2.0), Hotword("река", 2.0)),
    )
    endpoint, token = hearing.server.grpc_address, hearing.access.iam_token
    async with AsyncClient(endpoint, token=token) as client:
        assert (await client.transcribe(pcm_of(tones("ca?")), spec)).lower() == "cad"
