"""The engine contract, kept by every engine of the project."""

import wave
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

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
