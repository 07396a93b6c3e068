"""Audio at the rate of an 8 kHz model reaches it as it was sent; other rates come down once."""

import wave
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fakes.tone_models import write_downloaded_t_one
from rechka.audio.resample import Resampler
from rechka.audio.samples import from_pcm16, to_pcm16
from rechka.recognition.engines.ctc.engine import CtcEngine
from rechka.recognition.scheduler import Scheduler
from rechka.session import conversation
from wire_client import AUDIO, Start, audio, config

CHUNK = 2_400
Numbers = npt.NDArray[np.int32]


class Ear:
    """A T-one model in this process, and what the ONNX file was given."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.engine = CtcEngine({"models": [str(write_downloaded_t_one(folder))]})
        self.scheduler = Scheduler(self.engine)
        self._chunks: list[Numbers] = []
        (model,) = set(self.engine._loaded.values())
        run = model.acoustic.run

        def listen(chunks: Sequence[Numbers], tensors: Any) -> Any:
            self._chunks.extend(chunks)
            return run(chunks, tensors)

        monkeypatch.setattr(model.acoustic, "run", listen)

    def forget(self) -> None:
        self._chunks.clear()

    @property
    def heard(self) -> Numbers:
        """What came between the silence before an utterance and that behind it."""
        lead, *rest = self._chunks
        assert not lead.any()
        return np.trim_zeros(np.concatenate(rest))


@pytest.fixture
async def ear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ear]:
    one = Ear(tmp_path / "t-one", monkeypatch)
    await one.scheduler.start()
    one.forget()
    yield one
    await one.scheduler.close()


@pytest.fixture
def rates(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Return a list that gets the rates of each resampler of a session."""
    made: list[tuple[int, int]] = []

    class Noted(Resampler):
        def __init__(self, in_rate_hz: int, out_rate_hz: int) -> None:
            made.append((in_rate_hz, out_rate_hz))
            super().__init__(in_rate_hz, out_rate_hz)

    monkeypatch.setattr(conversation, "Resampler", Noted)
    return made


def place_of(part: Numbers, whole: Numbers, *, within: int) -> int:
    """Return where the part begins in the whole, -1 if nowhere; samples may be off by so much."""
    head = part[:50]
    windows = np.lib.stride_tricks.sliding_window_view(whole, len(head))
    for place in np.flatnonzero((np.abs(windows - head) <= within).all(axis=1)):
        if (np.abs(whole[place : place + len(part)] - part) <= within).all():
            return int(place)
    return -1


def wave_of(name: str) -> bytes:
    with wave.open(str(AUDIO / name)) as file:
        frames: bytes = file.readframes(file.getnframes())
        return frames


async def test_8_khz_audio_reaches_the_model_bit_exact(
    start: Start, ear: Ear, rates: list[tuple[int, int]]
) -> None:
    running = await start(recognizer=ear.scheduler)
    quiet = np.frombuffer((AUDIO / "speech-8k.pcm").read_bytes()[: 2 * 8_000 * 2], "<i2")
    # Up to both ends of the scale, where a wrong factor would show.
    pcm = np.clip(4 * quiet.astype(np.int32), -32_768, 32_767).astype("<i2").tobytes()
    outcome = await running.recognize(
        [config(language_code="ru-RU", sample_rate_hertz=8_000), *audio(pcm, chunk_bytes=1_001)]
    )
    assert outcome.error is None
    assert rates == [(8_000, 8_000)]
    assert len(ear.heard) > 8_000
    sent = np.frombuffer(pcm, dtype="<i2").astype(np.int32)
    assert {-32_768, 32_767} <= set(ear.heard.tolist())
    assert place_of(ear.heard, sent, within=0) >= 0


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
async def test_other_rates_are_brought_down_once(
    start: Start, ear: Ear, rates: list[tuple[int, int]], rate_hz: int
) -> None:
    running = await start(recognizer=ear.scheduler)
    samples = from_pcm16(wave_of("speech-16k.wav"))[: 2 * 16_000]
    pcm = to_pcm16(Resampler(16_000, rate_hz).accept(samples))
    outcome = await running.recognize(
        [config(language_code="ru-RU", sample_rate_hertz=rate_hz), *audio(pcm)]
    )
    assert outcome.error is None
    assert rates == [(rate_hz, 8_000)]
    assert len(ear.heard) > 8_000
    brought_down = np.frombuffer(to_pcm16(Resampler(rate_hz, 8_000).accept(from_pcm16(pcm))), "<i2")
    # Cut elsewhere, the products of the filter may be rounded otherwise.
    assert place_of(ear.heard[:8_000], brought_down.astype(np.int32), within=1) >= 0


async def test_opus_is_brought_down_once(
    start: Start, ear: Ear, rates: list[tuple[int, int]]
) -> None:
    running = await start(recognizer=ear.scheduler)
    opus = (AUDIO / "speech.ogg").read_bytes()
    outcome = await running.recognize(
        [config(language_code="ru-RU", audio_encoding="OGG_OPUS"), *audio(opus)]
    )
    assert outcome.error is None
    assert rates == [(48_000, 8_000)]
