"""An engine that says what a script says: for tests of everything around an engine.

It hears nothing. It counts samples, and reveals one word of the script for every
`word_ms` of audio, whatever the audio is and however it was cut.
"""

import os
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from rechka.audio.samples import Samples
from rechka.errors import ErrorCode, RequestError
from rechka.recognition.options import read_options
from rechka.recognition.port import EngineStream, ModelInfo, Observation, StreamOptions
from rechka.results import Hypothesis, Word

__all__ = ["ScriptedEngine"]

_DEFAULTS: Mapping[str, Any] = {
    "lines": ["hello world", "how are you today", "one two three four five"],
    "word_ms": 300,
    "piece_ms": 0,
    "languages": ["en-US"],
    "sample_rates_hz": [16_000, 8_000],
    "max_streams": 100,
    "max_batch": 8,
    "raise_on": "",
    "exit_on": "",
    "hang_on": "",
}


class ScriptedEngine:
    """Reveals the lines of a script, one a stream's utterance, over and over.

    Args:
        options: `lines` of the script; `word_ms`, audio that one word takes;
            `piece_ms`, audio that it wants at a time, as a model of fixed pieces does;
            `languages` and `sample_rates_hz` that it claims to serve; `max_streams`
            and `max_batch`; `raise_on`, a word at which it raises RuntimeError;
            `exit_on`, a word at which the process ends as if it had crashed; `hang_on`,
            a word from which it does not come back.

    Raises:
        RequestError: An option is not accepted.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = read_options(options, _DEFAULTS)
        self.max_batch: int = self._options["max_batch"]
        self.models: Sequence[ModelInfo] = tuple(
            ModelInfo(
                name=f"script-{language}",
                engine="scripted",
                language=language,
                tags=("general", "general:rc", "general:deprecated"),
                sample_rates_hz=tuple(self._options["sample_rates_hz"]),
                max_alternatives=3,
                has_confidences=True,
                has_word_times=True,
                max_streams=self._options["max_streams"],
            )
            for language in self._options["languages"]
        )

    def warm_up(self) -> None:
        """Do nothing: there is nothing to load."""

    def open(self, options: StreamOptions) -> "ScriptedStream":
        """Return a stream at the beginning of the script.

        Raises:
            RequestError: It does not claim to serve the language.
        """
        if all(model.language != options.language for model in self.models):
            raise RequestError(ErrorCode.INVALID_CONFIG, f"no script in {options.language}")
        return ScriptedStream(self._options, options)

    def accept(self, batch: Sequence[tuple[EngineStream, Samples]]) -> None:
        """Count the samples.

        Raises:
            RuntimeError: A stream came to the word of `raise_on`.
        """
        counted = [(stream, len(samples)) for stream, samples in batch]
        for stream, count in counted:
            if isinstance(stream, ScriptedStream):
                stream.check(count)
        for stream, count in counted:
            if isinstance(stream, ScriptedStream):
                stream.count(count)

    def close(self) -> None:
        """Do nothing: nothing is held."""


class ScriptedStream:
    """One reading of the script. Its attributes are the engine's business."""

    def __init__(self, script: Mapping[str, Any], options: StreamOptions) -> None:
        self._script = script
        self._options = options
        self._word_samples: int = script["word_ms"] * options.sample_rate_hz // 1000
        self._piece_samples: int = max(1, script["piece_ms"] * options.sample_rate_hz // 1000)
        self._utterance = 0
        self._samples = 0

    def check(self, count: int) -> None:
        """Bring about the fault of the script that the next samples reach, if any."""
        words = self._words(self._samples + count)
        if self._script["exit_on"] in words:
            os._exit(134)
        if self._script["hang_on"] in words:
            threading.Event().wait()
        if self._script["raise_on"] in words:
            raise RuntimeError("the script says so")

    def count(self, count: int) -> None:
        """Go on by so many samples."""
        self._samples += count

    @property
    def missing_samples(self) -> int:
        """Samples until the next piece is whole."""
        return self._piece_samples - self._samples % self._piece_samples

    def observe(self) -> Observation:
        """Return the words that were revealed in this utterance."""
        return Observation(self._hypothesis(1.0))

    def finish(self) -> tuple[Hypothesis, ...]:
        """Return the words that were revealed, with made-up alternatives, and go on."""
        best = self._hypothesis(0.9)
        self._utterance += 1
        self._samples = 0
        if not best.text:
            return ()
        others = (
            Hypothesis(f"{best.text} {'or ' * number}else", confidence=0.9 / (1 + number))
            for number in range(1, self._options.max_alternatives)
        )
        return (best, *others)

    def close(self) -> None:
        """Do nothing: nothing is held."""

    def _words(self, samples: int) -> list[str]:
        lines = self._script["lines"]
        words: list[str] = lines[self._utterance % len(lines)].split()
        return words[: samples // self._word_samples]

    def _hypothesis(self, confidence: float) -> Hypothesis:
        word_ms = self._script["word_ms"]
        words = tuple(
            Word(text, index * word_ms, (index + 1) * word_ms, confidence)
            for index, text in enumerate(self._words(self._samples))
        )
        return Hypothesis(" ".join(word.text for word in words), words, confidence)
