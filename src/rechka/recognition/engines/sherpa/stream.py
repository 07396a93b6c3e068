"""One stream of the engine: a fresh stream of sherpa-onnx for each utterance."""

import math
from statistics import fmean

import numpy as np

from rechka.audio.samples import Samples
from rechka.recognition.engines.sherpa.guarded import Result, SherpaModel, Track
from rechka.recognition.engines.sherpa.tokens import TimedWord, join_words
from rechka.recognition.engines.sherpa.writing import lower, strip_punctuation
from rechka.recognition.port import Observation, StreamOptions
from rechka.results import Hypothesis, Word

__all__ = ["SherpaStream"]

# After the last sound is decoded a token may still be on its way; while some come, there is
# more silence, but never more than so many steps.
_MOST_LATE_STEPS = 5
_LOG_ODDS = 30.0


class SherpaStream:
    """An `EngineStream`. `feed` and `track` are the engine's business.

    Args:
        model: What it is decoded with.
        options: Language, and phrases wanted.
    """

    def __init__(self, model: SherpaModel, options: StreamOptions) -> None:
        self.model = model
        self._options = options
        self._track: Track | None = None
        self._samples = 0
        self._steps_seen = -1
        self._observation = Observation(Hypothesis(""), 0)
        self._is_closed = False

    @property
    def is_closed(self) -> bool:
        """Whether it takes no more audio."""
        return self._is_closed

    def feed(self, samples: Samples) -> Track:
        """Hand over audio of the running utterance; return what is to be run."""
        if self._track is None:
            self._track = self.model.begin(self._options.language, self._options.hotwords)
        self.model.feed(self._track, samples)
        self._samples += len(samples)
        return self._track

    def observe(self) -> Observation:
        """Return the best reading so far.

        Raises:
            Exception: A run of this stream failed.
        """
        track = self._track
        if track is None:
            return Observation(Hypothesis(""), 0)
        if track.failure is not None or track.steps != self._steps_seen:
            result = self.model.result(track)
            decoded_ms = track.steps * self.model.step_ms
            end_ms = result.times_ms[-1] + self.model.layout.frame_ms if result.times_ms else 0
            silence_ms = max(0, decoded_ms - end_ms)
            self._observation = Observation(self._hypothesis(result), silence_ms)
            self._steps_seen = track.steps
        return self._observation

    def finish(self) -> tuple[Hypothesis, ...]:
        """End the utterance, after as much silence as the model needs, and begin the next.

        Raises:
            Exception: A run of this stream failed.
        """
        track = self._track
        if track is None:
            return ()
        try:
            self._add_silence(track, self.model.window_ms + self.model.step_ms)
            result = self.model.result(track)
            for _ in range(_MOST_LATE_STEPS):
                before = len(result.tokens)
                self._add_silence(track, self.model.step_ms)
                result = self.model.result(track)
                if len(result.tokens) == before:
                    break
            hypothesis = self._hypothesis(result)
        finally:
            self._begin()
        return (hypothesis,) if hypothesis.text else ()

    def close(self) -> None:
        """Free the stream. May be called more than once."""
        self._is_closed = True
        self._begin()

    def _begin(self) -> None:
        self._track = None
        self._samples = 0
        self._steps_seen = -1

    def _add_silence(self, track: Track, length_ms: int) -> None:
        samples = self.model.manifest.sample_rate_hz * length_ms // 1000
        self.model.feed(track, np.zeros(samples, dtype=np.float32))
        self.model.run([track])

    def _hypothesis(self, result: Result) -> Hypothesis:
        """Return words with times within the audio."""
        manifest = self.model.manifest
        length_ms = self._samples * 1000 // manifest.sample_rate_hz
        words: list[Word] = []
        latest_ms = 0
        for item in join_words(result.tokens, result.times_ms, result.log_probs):
            text = self._written(item.text)
            if not text:
                continue
            start_ms = item.start_ms + manifest.times.start_offset_ms
            end_ms = item.end_ms + self.model.layout.frame_ms + manifest.times.end_offset_ms
            start_ms = min(max(start_ms, latest_ms), max(length_ms, latest_ms))
            latest_ms = max(start_ms, min(end_ms, length_ms))
            words.append(Word(text, start_ms, latest_ms, self._confidence(item)))
        confidence = fmean(word.confidence for word in words) if words else 1.0
        return Hypothesis(" ".join(word.text for word in words), tuple(words), confidence)

    def _written(self, text: str) -> str:
        rules = self.model.manifest.text
        if rules.drop_punctuation:
            text = strip_punctuation(text)
        return lower(text, self._options.language) if rules.lower_case else text

    def _confidence(self, word: TimedWord) -> float:
        """Return a calibrated probability; 1 where the model's is not known."""
        if not word.log_probs:
            return 1.0
        calibration = self.model.manifest.confidence
        share = min(max(math.exp(min(fmean(word.log_probs), 0.0)), 1e-6), 1 - 1e-6)
        odds = calibration.bias + calibration.scale * math.log(share / (1 - share))
        return 1 / (1 + math.exp(-min(max(odds, -_LOG_ODDS), _LOG_ODDS)))
