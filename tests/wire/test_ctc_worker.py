"""The ctc engine in a worker process, reached as a session reaches it."""

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from fakes.tone_models import tones, write_model
from rechka.recognition.pool import WorkerPool
from rechka.recognition.port import Finished, Heard, Hotword, StreamOptions
from rechka.settings import RecognitionSettings
from rechka.worker import start_pool


@pytest.fixture
async def pool(tmp_path: Path) -> AsyncIterator[WorkerPool]:
    folder = write_model(tmp_path / "model", words=("ab", "cab", "abc"))
    options = {"ctc": {"models": [str(folder)]}, "pocketsphinx": {"max_streams": 1}}
    running = await start_pool(
        RecognitionSettings(engine=("ctc", "pocketsphinx"), workers=1, engine_options=options)
    )
    yield running
    await running.close()


async def hear(pool: WorkerPool, text: str, *hotwords: Hotword) -> list[Heard | Finished]:
    """Return the events of one utterance, sent in pieces of 100 ms."""
    options = StreamOptions(
        language="ru-RU",
        model="general",
        sample_rate_hz=16_000,
        max_alternatives=5,
        hotwords=hotwords,
    )
    stream = await pool.open(options)
    samples = tones(text, rate_hz=16_000)
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


async def test_words_alternatives_and_silence_come_out_of_a_worker(pool: WorkerPool) -> None:
    assert [model.engine for model in pool.models] == ["ctc", "pocketsphinx"]
    *heard, finished = await hear(pool, "abcab ab")
    assert isinstance(finished, Finished)
    best, other = finished.alternatives[:2]
    assert {best.text, other.text} == {"abc ab ab", "ab cab ab"}
    assert best.confidence >= other.confidence
    assert best.words[-1].start_ms > best.words[0].end_ms
    # Partials that nobody read in time are left out, so only the last is sure to come.
    assert isinstance(heard[-1], Heard)
    assert heard[-1].observation.trailing_silence_ms is not None


async def test_hotwords_reach_the_worker(pool: WorkerPool) -> None:
    for wish, expected in [("cab", "ab cab"), ("abc", "abc ab")]:
        *_, finished = await hear(pool, "abcab", Hotword(wish, 4.0))
        assert isinstance(finished, Finished)
        assert finished.alternatives[0].text == expected
