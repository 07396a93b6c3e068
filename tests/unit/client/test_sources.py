"""Files, pipes and microphones as sources of audio."""

import asyncio
import io
import os
import struct
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fakes.marked_opus import MarkedOpusReader, encode
from fakes.marked_speech import random_speech
from rechka.client.microphone import MicrophoneSource, list_microphones
from rechka.client.pacing import Pace, RealTimePacer
from rechka.client.sources import AudioFormat, BytesSource, FileSource
from rechka.client.threads import iterate_in_thread
from rechka.errors import RechkaError, RequestError, UnavailableError
from rechka.spec import AudioEncoding, RecognitionSpec

PCM = AudioEncoding.LINEAR16_PCM
OPUS = AudioEncoding.OGG_OPUS
SAMPLES = bytes(range(256)) * 100


def wav(data: bytes, *, rate_hz: int = 8_000, channels: int = 1) -> bytes:
    form = struct.pack("<HHIIHH", 1, channels, rate_hz, rate_hz * 2, 2, 16)
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", len(data))
    return b"RIFF" + struct.pack("<I", len(body) + len(data)) + body + data


async def read(source: FileSource | BytesSource) -> tuple[AudioFormat, bytes]:
    """Return the format of a source and all that it gives."""
    form = await source.open()
    data = b""
    first = None
    async with aclosing(source.chunks()) as chunks:
        async for chunk in chunks:
            first = first or chunk
            data += chunk.encode(first)
    return form, data


@pytest.fixture
def save(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(data: bytes) -> Path:
        path = tmp_path / "audio"
        path.write_bytes(data)
        return path

    return write


Save = Callable[[bytes], Path]


async def test_a_wav_file_is_read_without_its_header_and_trailer(save: Save) -> None:
    path = save(wav(SAMPLES, rate_hz=16_000) + b"LIST\4\0\0\0abcd")
    form, data = await read(FileSource(path))
    assert form == AudioFormat(PCM, 16_000, len(SAMPLES) / 32)
    assert data == SAMPLES


async def test_raw_pcm_is_read_by_what_is_said(save: Save) -> None:
    source = FileSource(str(save(SAMPLES)), encoding=PCM, sample_rate_hz=8_000)
    form, data = await read(source)
    assert form == AudioFormat(PCM, 8_000, len(SAMPLES) / 16)
    assert data == SAMPLES
    assert source.length_ms == len(SAMPLES) / 16
    assert source.position_ms == len(SAMPLES) / 16


async def test_ogg_opus_is_known_and_measured(save: Save) -> None:
    speech = random_speech(1, utterances=4, step_ms=20)
    form, data = await read(FileSource(save(encode(speech))))
    assert form.encoding is OPUS
    assert form.length_ms == pytest.approx(len(speech.samples), abs=40)
    assert MarkedOpusReader().decode(data) == speech.samples


async def test_what_is_said_may_repeat_what_the_header_says(save: Save) -> None:
    path = save(wav(SAMPLES))
    form, _ = await read(FileSource(path, encoding=PCM, sample_rate_hz=8_000))
    assert form.sample_rate_hz == 8_000


@pytest.mark.parametrize(
    ("data", "options", "said"),
    [
        (wav(b""), {"sample_rate_hz": 16_000}, "asked for 16000 Hz, but its header says 8000 Hz"),
        (wav(b""), {"encoding": OPUS}, "asked for OGG_OPUS, but its header says LINEAR16_PCM"),
        (encode(random_speech(1, utterances=1, step_ms=20)), {"encoding": PCM}, "says OGG_OPUS"),
        (SAMPLES, {"encoding": OPUS}, "asked for OGG_OPUS, but there is no Ogg header"),
        (SAMPLES, {"encoding": AudioEncoding.MP3}, "accepted: LINEAR16_PCM, OGG_OPUS"),
        (SAMPLES, {}, "no known header; raw PCM needs the encoding LINEAR16_PCM and a rate"),
        (b"", {}, "it is empty"),
        (SAMPLES, {"encoding": PCM}, "raw PCM needs a rate; accepted: 8000, 16000, 48000 Hz"),
        (wav(b"", channels=2), {}, "2 channels"),
    ],
    ids=["rate", "wav", "ogg", "raw", "mp3", "nothing", "empty", "no rate", "stereo"],
)
async def test_contradictions_are_told_with_the_name_of_the_file(
    save: Save, data: bytes, options: dict[str, Any], said: str
) -> None:
    path = save(data)
    with pytest.raises(RequestError) as caught:
        await read(FileSource(path, **options))
    assert caught.value.message.startswith(f"{path}: ")
    assert said in caught.value.message


async def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="missing: no such file or directory"):
        await read(FileSource(tmp_path / "missing"))
    with pytest.raises(RequestError, match="is a directory"):
        await read(FileSource(tmp_path))


@pytest.mark.parametrize("chunk_ms", [0, 9, 1_001])
def test_a_chunk_length_out_of_reason_is_refused(chunk_ms: int) -> None:
    with pytest.raises(RequestError, match="accepted: 10 to 1000 ms"):
        FileSource("x", chunk_ms=chunk_ms)


async def test_a_file_in_memory_is_read_too() -> None:
    form, data = await read(FileSource(io.BytesIO(wav(SAMPLES))))
    assert form == AudioFormat(PCM, 8_000, len(SAMPLES) / 16)
    assert data == SAMPLES


class Hand:
    """A pacer that notes where it is asked to wait."""

    def __init__(self) -> None:
        self.positions_ms: list[float] = []

    async def wait_until(self, position_ms: float) -> None:
        self.positions_ms.append(position_ms)


async def test_chunks_are_handed_out_when_their_end_would_have_been_spoken(save: Save) -> None:
    hand = Hand()
    await read(FileSource(save(wav(SAMPLES)), pacer=hand, chunk_ms=200))
    assert hand.positions_ms == [*range(200, 1_600, 200), 1_600]


async def test_real_time_begins_with_the_first_chunk_and_late_audio_goes_at_once() -> None:
    pacer = RealTimePacer()
    await pacer.wait_until(0)
    for _ in range(100):
        await pacer.wait_until(-1_000)
    assert FileSource("x", pace=Pace.REALTIME).name == "x"


async def test_a_pipe_is_read_as_it_comes() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe:
        source = FileSource(pipe, encoding=PCM, sample_rate_hz=8_000)
        os.write(writing, SAMPLES[:1_600])
        form = await source.open()
        assert form.length_ms is None
        async with aclosing(source.chunks()) as chunks:
            # The first piece is there while the pipe is still open.
            first = await anext(chunks)
            assert first.encode(first) == SAMPLES[:1_600]
            os.write(writing, SAMPLES[1_600:2_000])
            assert (await anext(chunks)).end_ms == 125
            os.close(writing)
            assert [chunk async for chunk in chunks] == []


async def test_leaving_a_silent_pipe_does_not_wait_for_it() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe:
        opening = asyncio.create_task(FileSource(pipe).open())
        await asyncio.wait((opening,), timeout=0.01)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        os.close(writing)


async def test_bytes_are_framed_as_the_settings_say() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield SAMPLES[:333]
        yield SAMPLES[333:]

    spec = RecognitionSpec(encoding=PCM, sample_rate_hz=8_000)
    assert await read(BytesSource(pieces(), spec)) == (AudioFormat(PCM, 8_000), SAMPLES)
    with pytest.raises(RequestError, match="encoding: got MP3"):
        await read(BytesSource([b"abc"], RecognitionSpec(encoding=AudioEncoding.MP3)))


async def test_a_blocking_iterator_is_read_one_item_ahead_and_no_further() -> None:
    taken: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    async with aclosing(iterate_in_thread(numbers())) as items:
        assert await anext(items) == 0
        assert await anext(items) == 1
        assert len(taken) <= 4


async def test_an_error_of_a_blocking_iterator_comes_through() -> None:
    def numbers() -> Iterator[int]:
        yield 1
        raise LookupError("broken")

    items = iterate_in_thread(numbers())
    assert await anext(items) == 1
    with pytest.raises(LookupError, match="broken"):
        await anext(items)


class FakeRecorder:
    """Stands for PortAudio: calls back from another thread."""

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.is_closed = False

    def start(self) -> None:
        thread = threading.Thread(target=self._record)
        thread.start()
        thread.join()

    def _record(self) -> None:
        for number in range(3):
            block = bytes([number]) * self.options["blocksize"] * 2
            self.options["callback"](memoryview(block), self.options["blocksize"], None, None)

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def recorders(monkeypatch: pytest.MonkeyPatch) -> list[FakeRecorder]:
    made: list[FakeRecorder] = []

    def open_stream(**options: Any) -> FakeRecorder:
        if options["device"] == "none":
            raise ValueError("No input device matching 'none'")
        made.append(FakeRecorder(**options))
        return made[-1]

    device = {"index": 3, "name": "Desk", "max_input_channels": 1, "default_samplerate": 48_000.0}
    speaker = {**device, "index": 4, "name": "Speaker", "max_input_channels": 0}
    fake = SimpleNamespace(
        RawInputStream=open_stream,
        PortAudioError=OSError,
        query_devices=lambda: [device, speaker],
    )
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    return made


async def test_a_microphone_gives_pcm_until_it_is_stopped(recorders: list[FakeRecorder]) -> None:
    source = MicrophoneSource(sample_rate_hz=8_000, chunk_ms=50)
    assert await source.open() == AudioFormat(PCM, 8_000)
    found = []
    async for chunk in source.chunks():
        found.append(chunk)
        if len(found) == 3:
            source.stop()
    assert [chunk.data for chunk in found] == [bytes([number]) * 800 for number in range(3)]
    assert found[-1].end_ms == source.position_ms == 150
    assert recorders[0].is_closed
    assert recorders[0].options["dtype"] == "int16"


async def test_a_microphone_that_nobody_listens_to_for_long_is_an_error(
    recorders: list[FakeRecorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rechka.client.microphone._MOST_WAITING_MS", 100)
    source = MicrophoneSource(sample_rate_hz=8_000, chunk_ms=50)
    await source.open()
    with pytest.raises(UnavailableError, match="wait for the server"):
        await anext(source.chunks())
    assert recorders[0].is_closed


@pytest.mark.usefixtures("recorders")
async def test_an_unknown_microphone_is_told_with_what_to_do() -> None:
    with pytest.raises(RequestError, match=r"No input device.*--list-devices"):
        await MicrophoneSource(device="none").open()
    assert list_microphones() == "  3  Desk  (48000 Hz)"


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (ImportError("No module named 'sounddevice'"), r"pip install 'rechka\[microphone\]'"),
        (OSError("PortAudio library not found"), "apt install libportaudio2"),
    ],
)
async def test_missing_parts_of_the_microphone_are_told(
    problem: Exception, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_import = __import__

    def fail(name: str, *args: Any) -> Any:
        if name == "sounddevice":
            raise problem
        return real_import(name, *args)

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr("builtins.__import__", fail)
    with pytest.raises(RechkaError, match=said):
        await MicrophoneSource().open()
