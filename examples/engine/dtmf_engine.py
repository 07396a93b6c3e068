"""An engine that hears the keys of a telephone, by the two tones that each key makes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rechka.audio.samples import Samples
from rechka.errors import ErrorCode, RequestError
from rechka.recognition.options import read_options
from rechka.recognition.port import EngineStream, ModelInfo, Observation, StreamOptions
from rechka.recognition.selection import select_model
from rechka.results import Hypothesis, Word

__all__ = ["DtmfEngine"]

RATE_HZ = 8_000
FRAME_MS = 20
FRAME = RATE_HZ * FRAME_MS // 1000
ROWS_HZ, COLUMNS_HZ = (697, 770, 852, 941), (1209, 1336, 1477)
KEYS = (
    *("one", "two", "three"),
    *("four", "five", "six"),
    *("seven", "eight", "nine"),
    *("star", "zero", "pound"),
)
# A wave of each tone for a frame: its product with audio says how much of the tone is in it.
WAVES = np.exp(
    -2j * np.pi * np.outer((*ROWS_HZ, *COLUMNS_HZ), np.arange(FRAME)) / RATE_HZ
) * np.sqrt(2 / FRAME)
# Share of a frame's energy that the two tones of a key must have; noise has far less.
LEAST_SHARE = 0.7
LEAST_ENERGY = 1e-4 * FRAME
# A shorter sound is no key.
LEAST_FRAMES = 2


class DtmfEngine:
    """Serves one language; the words are the names of the keys.

    Args:
        options: `language`, BCP 47 tag; `max_streams` of a worker.

    Raises:
        RequestError: An option is not accepted.
    """

    max_batch = 16

    def __init__(self, options: Mapping[str, Any]) -> None:
        chosen = read_options(options, {"language": "en-US", "max_streams": 100})
        self.models: Sequence[ModelInfo] = (
            ModelInfo(
                name="dtmf",
                engine="dtmf",
                language=chosen["language"],
                tags=("general",),
                sample_rates_hz=(RATE_HZ,),
                has_confidences=True,
                has_word_times=True,
                has_trailing_silence=True,
                max_streams=chosen["max_streams"],
            ),
        )

    def warm_up(self) -> None:
        """Do nothing: there is nothing to load."""

    def open(self, options: StreamOptions) -> "DtmfStream":
        """Return a fresh stream; raise RequestError for what is not served."""
        model = select_model(self.models, language=options.language, model=options.model)
        if options.sample_rate_hz not in model.sample_rates_hz:
            problem = f"sample_rate_hz: got {options.sample_rate_hz}; accepted: {RATE_HZ}"
            raise RequestError(ErrorCode.INVALID_CONFIG, problem)
        return DtmfStream()

    def accept(self, batch: Sequence[tuple[EngineStream, Samples]]) -> None:
        """Hear audio of each stream."""
        for stream, samples in batch:
            if isinstance(stream, DtmfStream):
                stream.accept(samples)

    def close(self) -> None:
        """Do nothing: nothing is held."""


class DtmfStream:
    """One utterance after another."""

    def __init__(self) -> None:
        self._rest: Samples
        self._begin()

    def accept(self, samples: Samples) -> None:
        """Hear as many whole frames as there are, and keep the rest."""
        kept = np.concatenate([self._rest, samples])
        whole = len(kept) // FRAME * FRAME
        self._rest = kept[whole:]
        for frame in kept[:whole].reshape(-1, FRAME):
            self._hear(frame)

    def observe(self) -> Observation:
        """Return the keys so far."""
        frames = [*self._runs, (self._key, self._start, self._frame, self._share)]
        words = tuple(
            Word(KEYS[key], start * FRAME_MS, end * FRAME_MS, min(1.0, share / (end - start)))
            for key, start, end, share in frames
            if key is not None and end - start >= LEAST_FRAMES
        )
        mean = sum(word.confidence for word in words) / len(words) if words else 1.0
        hypothesis = Hypothesis(" ".join(word.text for word in words), words, mean)
        return Observation(hypothesis, (self._frame - self._heard_to) * FRAME_MS)

    def finish(self) -> tuple[Hypothesis, ...]:
        """End the utterance; a frame that is not whole is filled with silence."""
        if len(self._rest):
            self.accept(np.zeros(FRAME - len(self._rest), dtype=np.float32))
        hypothesis = self.observe().hypothesis
        self._begin()
        return (hypothesis,) if hypothesis.text else ()

    def close(self) -> None:
        """Do nothing: nothing is held."""

    def _begin(self) -> None:
        self._rest = np.zeros(0, dtype=np.float32)
        # Key, first frame, frame after the last and sum of shares, of sounds that are over.
        self._runs: list[tuple[int | None, int, int, float]] = []
        self._key: int | None = None
        self._frame = self._start = self._heard_to = 0
        self._share = 0.0

    def _hear(self, frame: Samples) -> None:
        energy = np.abs(WAVES @ frame) ** 2
        row, column = int(energy[:4].argmax()), int(energy[4:].argmax())
        total = float(frame @ frame)
        share = float(energy[row] + energy[4 + column]) / max(total, LEAST_ENERGY)
        key = 3 * row + column if share >= LEAST_SHARE else None
        if key != self._key:
            self._runs.append((self._key, self._start, self._frame, self._share))
            self._key, self._start, self._share = key, self._frame, 0.0
        self._share += share
        self._frame += 1
        if key is not None:
            self._heard_to = self._frame
