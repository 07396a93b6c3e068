"""The engine contract, kept by every engine of the project."""

import wave
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from rechka.audio.samples import Samples, from_pcm16
from rechka.testing.engine_contract import EngineContract

AUDIO = Path(__file__).parents[2] / "examples" / "audio"


def second_utterance() -> Samples:
    with wave.open(str(AUDIO / "speech-16k.wav")) as file:
        samples = from_pcm16(file.readframes(file.getnframes()))
    return samples[int(1.9 * 16_000) : int(4.4 * 16_000)]


class TestScriptedEngine(EngineContract):
    engine_name = "scripted"
    speech = second_utterance()


class TestPocketsphinxEngine(EngineContract):
    engine_name = "pocketsphinx"
    options: ClassVar[Mapping[str, Any]] = {"max_streams": 2}
    speech = second_utterance()

    def test_it_hears_what_was_said(self) -> None:
        ((best, *_),) = self.hear()
        assert best.text == "good morning everybody"

    @pytest.mark.parametrize("loudness_db", [-36, -30, -20, -10])
    @pytest.mark.parametrize("brightness", [0.0, 0.9])
    def test_loudness_and_microphone_change_no_word(
        self, loudness_db: int, brightness: float
    ) -> None:
        stream = self.open()
        bright = self.speech.copy()
        bright[1:] -= np.float32(brightness) * self.speech[:-1]
        self._engine.accept([(stream, bright * np.float32(10 ** (loudness_db / 20)))])
        (best, *_) = stream.finish()
        stream.close()
        assert best.text == "good morning everybody"

    def test_a_stream_owes_nothing_to_the_one_before_it(self) -> None:
        noise = np.random.default_rng(0).normal(0.0, 0.1, 32_000).astype(np.float32)
        alone = self.hear()
        for _ in range(2):
            stream = self.open()
            self._engine.accept([(stream, noise)])
            stream.finish()
            stream.close()
        assert self.hear() == alone
