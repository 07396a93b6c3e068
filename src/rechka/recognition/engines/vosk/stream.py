"""One stream of the engine: a recognizer of the library, and what it has settled.

The library ends segments of its own at pauses, and forgets a segment whose result was
not asked for. So an utterance is a list of segments. It looks for pauses after each call,
so audio is handed over in blocks of the same length, however it came; otherwise the text
would depend on the cut.
"""

import json
import math
from typing import Any

import numpy as np
import vosk

from rechka.audio.samples import Samples, to_pcm16
from rechka.recognition.port import Observation
from rechka.results import Hypothesis, Word

__all__ = ["VoskStream"]

_BLOCK_MS = 100
# The best reading's confidence where the library gives none.
_CERTAIN = 1.0


class VoskStream:
    """An `EngineStream`.

    Args:
        model: Loaded.
        rate_hz: Of the samples to come, and of the model.
        max_alternatives: Most readings of an utterance.
    """

    def __init__(self, model: vosk.Model, *, rate_hz: int, max_alternatives: int) -> None:
        self._recognizer: vosk.KaldiRecognizer | None = vosk.KaldiRecognizer(model, rate_hz)
        self._recognizer.SetWords(True)
        # Words of a running segment come up to a second after its text, and cost more.
        self._recognizer.SetPartialWords(False)
        self._max_alternatives = max_alternatives
        # 0 stands for one reading with confidences of words.
        self._recognizer.SetMaxAlternatives(max_alternatives if max_alternatives > 1 else 0)
        self._rate_hz = rate_hz
        self._block = rate_hz * _BLOCK_MS // 1000
        # The library's times go on from utterance to utterance.
        self._given = 0
        self._begun_at: int
        self._samples: int
        self._rest: Samples
        self._segments: list[list[Hypothesis]]
        self._partial: str | None
        self._begin()

    def accept(self, samples: Samples) -> None:
        """Decode samples of the running utterance, as far as they make whole blocks."""
        recognizer = self._open_recognizer()
        self._samples += len(samples)
        self._rest = np.concatenate([self._rest, samples])
        while len(self._rest) >= self._block:
            block, self._rest = self._rest[: self._block], self._rest[self._block :]
            self._given += len(block)
            self._partial = None
            if recognizer.AcceptWaveform(to_pcm16(block)):
                self._settle(recognizer.Result())

    def observe(self) -> Observation:
        """Return the text so far; words have no times before the end."""
        if self._partial is None:
            self._partial = json.loads(self._open_recognizer().PartialResult()).get("partial", "")
        texts = [*(segment[0].text for segment in self._segments), self._partial]
        return Observation(Hypothesis(" ".join(text for text in texts if text)))

    def finish(self) -> tuple[Hypothesis, ...]:
        """End the utterance and begin the next one."""
        if not self._samples:
            return ()
        recognizer = self._open_recognizer()
        # A block of silence behind the rest: only a segment that has begun can be made
        # the last one, and only behind a last one the next utterance finds nothing left.
        tail = np.append(self._rest, np.zeros(self._block, dtype=np.float32))
        self._given += len(tail)
        recognizer.AcceptWaveform(to_pcm16(tail))
        self._settle(recognizer.FinalResult())
        readings = _readings(self._segments, self._max_alternatives)
        self._begin()
        return readings

    def close(self) -> None:
        """Free the recognizer. May be called more than once."""
        self._recognizer = None

    def _begin(self) -> None:
        self._begun_at = self._given
        self._samples = 0
        self._rest = np.zeros(0, dtype=np.float32)
        self._segments = []
        self._partial = ""

    def _open_recognizer(self) -> vosk.KaldiRecognizer:
        if self._recognizer is None:
            raise RuntimeError("the stream is closed")
        return self._recognizer

    def _settle(self, result: str) -> None:
        """Keep what the library says of a segment, if it has text."""
        told = json.loads(result)
        if "alternatives" in told:
            readings = self._weighed(told["alternatives"])
        else:
            words = self._words(told)
            readings = [Hypothesis(told.get("text", ""), words, _mean(words))]
        if readings and readings[0].text:
            self._segments.append(readings)

    def _weighed(self, told: list[dict[str, Any]]) -> list[Hypothesis]:
        """Return different readings; a confidence is the reading's share among them.

        The library's own is a log-likelihood.
        """
        best = max(item["confidence"] for item in told)
        shares = [math.exp(item["confidence"] - best) for item in told]
        total = sum(shares)
        readings: dict[str, Hypothesis] = {}
        for item, share in zip(told, shares, strict=True):
            readings.setdefault(
                item["text"], Hypothesis(item["text"], self._words(item), share / total)
            )
        return sorted(readings.values(), key=lambda reading: -reading.confidence)

    def _words(self, told: dict[str, Any]) -> tuple[Word, ...]:
        """Return words with times from the utterance's first sample, within its audio."""
        begun_ms = self._begun_at * 1000 / self._rate_hz
        length_ms = self._samples * 1000 // self._rate_hz
        words: list[Word] = []
        latest_ms = 0
        for item in told.get("result", ()):
            start_ms, end_ms = (round(item[name] * 1000 - begun_ms) for name in ("start", "end"))
            start_ms = min(max(start_ms, latest_ms), max(length_ms, latest_ms))
            latest_ms = max(start_ms, min(end_ms, length_ms))
            confidence = min(1.0, max(0.0, item.get("conf", _CERTAIN)))
            words.append(Word(item["word"], start_ms, latest_ms, confidence))
        return tuple(words)


def _mean(words: tuple[Word, ...]) -> float:
    return sum(word.confidence for word in words) / len(words) if words else _CERTAIN


def _readings(segments: list[list[Hypothesis]], count: int) -> tuple[Hypothesis, ...]:
    """Return readings of the whole utterance: the best, then those with one segment changed."""
    if not segments:
        return ()
    best = [segment[0] for segment in segments]
    if count == 1:
        words = tuple(word for part in best for word in part.words)
        return (Hypothesis(" ".join(part.text for part in best), words, _mean(words)),)
    changed = [
        [*best[:place], other, *best[place + 1 :]]
        for place, segment in enumerate(segments)
        for other in segment[1:]
        if other.text
    ]
    readings = {reading.text: reading for reading in map(_joined, [best, *changed])}
    return tuple(sorted(readings.values(), key=lambda reading: -reading.confidence)[:count])


def _joined(parts: list[Hypothesis]) -> Hypothesis:
    """Return a reading of the whole utterance; its share is that of all its parts together."""
    return Hypothesis(
        " ".join(part.text for part in parts),
        tuple(word for part in parts for word in part.words),
        math.prod(part.confidence for part in parts),
    )
