"""The sherpa engine in a worker process, reached as a session reaches it."""

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from fakes.tone_models import write_model as write_ctc_model
from fakes.tone_transducers import RATE_HZ, tones, write_model
from rechka.errors import RequestError
from rechka.recognition.pool import WorkerPool
from rechka.recognition.port import Finished, Heard, Hotword, StreamOptions
from rechka.settings import RecognitionSettings
from rechka.worker import start_pool


@pytest.fixture
async def pool(tmp_path: Path) -> AsyncIterator[WorkerPool]:
    transducer = write_model(
        tmp_path / "transducer", layout="nemo", languages=("ru-RU", "tr-TR"), bpe=""
    )
    # Both load an onnxruntime of their own into the one process.
    ctc = write_ctc_model(tmp_path / "ctc", language="en-US")
    options = {
        "sherpa": {"models": [str(transducer)], "decoding": "beam", "max_streams": 4},
        "ctc": {"models": [str(ctc)]},
    }
    running = await start_pool(
        RecognitionSettings(engine=("sherpa", "ctc"), workers=1, engine_options=options)
    )
    yield running
    await running.close()


async def hear(
    pool: WorkerPool, text: str, *hotwords: Hotword, language: str = "ru-RU"
) -> list[Heard | Finished]:
    """Return the events of one utterance, sent in pieces of 100 ms."""
    options = StreamOptions(
        language=language, model="general", sample_rate_hz=RATE_HZ, hotwords=hotwords
    )
    stream = await pool.open(options)
    samples = tones(text)
    for piece in np.array_split(samples, len(samples) // 1_600):
        await stream.send(piece)
    await stream.finish()
    events = []
    async for event in stream.events():
        events.append(event)
        if isinstance(event, Finished):
            break
    await stream.close()
    return events


async def test_words_times_and_silence_come_out_of_a_worker(pool: WorkerPool) -> None:
    models = [(model.engine, model.language, model.device) for model in pool.models]
    assert models == [
        ("sherpa", "ru-RU", "cpu"),
        ("sherpa", "tr-TR", "cpu"),
        ("ctc", "en-US", "cpu"),
    ]
    *heard, finished = await hear(pool, "cab ba?")
    assert isinstance(finished, Finished)
    (best,) = finished.alternatives
    assert [word.text for word in best.words] == ["cab", "bab"]
    assert best.words[1].start_ms > best.words[0].end_ms
    assert 0 < best.words[1].confidence < best.words[0].confidence
    # Partials that nobody read in time are left out, so only the last is sure to come.
    assert isinstance(heard[-1], Heard)
    assert heard[-1].observation.trailing_silence_ms is not None


async def test_language_and_hotwords_reach_the_worker(pool: WorkerPool) -> None:
    for language, wishes, expected in (
        ("ru-RU", (), "cab"),
        ("tr-TR", (), "cad"),
        ("ru-RU", (Hotword("cad", 3.0),), "cad"),
        ("tr-TR", (Hotword("cab", 3.0),), "cab"),
    ):
        *_, finished = await hear(pool, "ca?", *wishes, language=language)
        assert isinstance(finished, Finished)
        assert finished.alternatives[0].text == expected


async def test_a_server_without_the_device_does_not_start(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    options = {"models": [str(folder)], "provider": "cuda"}
    with pytest.raises(RequestError, match="provider: got 'cuda', but sherpa-onnx does not"):
        await start_pool(RecognitionSettings(engine="sherpa", workers=1, engine_options=options))
