"""One stream of the engine: an acoustic state, a decoder, and times in milliseconds."""

import numpy as np

from rechka.audio.samples import Samples
from rechka.recognition.engines.ctc.acoustic import AcousticState, run_together
from rechka.recognition.engines.ctc.greedy import GreedyDecoder
from rechka.recognition.engines.ctc.hotwords import HotwordBoost
from rechka.recognition.engines.ctc.letters import LetterDecoder
from rechka.recognition.engines.ctc.lexical import LexicalDecoder
from rechka.recognition.engines.ctc.model_folder import CtcModel
from rechka.recognition.engines.ctc.quiet import Quiet
from rechka.recognition.engines.ctc.readings import Decoder, Reading
from rechka.recognition.port import Observation, StreamOptions
from rechka.results import Hypothesis, Word

__all__ = ["CtcStream"]

# How long the model must have heard no word until its rest is not asked for in silence.
_SILENT_MS = 300


class CtcStream:
    """An `EngineStream`. `fork` and `commit` are the engine's business.

    Args:
        model: What it is decoded with.
        options: Alternatives and phrases wanted.
    """

    def __init__(self, model: CtcModel, options: StreamOptions) -> None:
        self.model = model
        self._max_alternatives = options.max_alternatives
        self._hotwords = (
            HotwordBoost(options.hotwords, model.graph, lm_weight=model.parameters.lm_weight)
            if options.hotwords and model.graph is not None
            else None
        )
        self._is_closed = False
        self._state: AcousticState
        self._decoder: Decoder
        self._observation: Observation | None
        self._samples: int
        self._begin()

    def fork(self, samples: Samples) -> AcousticState:
        """Return a copy of the acoustic state with more samples; the stream stays as it is.

        Raises:
            RuntimeError: The stream is closed.
        """
        if self._is_closed:
            raise RuntimeError("the stream is closed")
        if self._samples == 0:
            samples = np.concatenate([np.zeros(self._lead_samples, dtype=np.float32), samples])
        return self._state.fork(samples)

    def commit(self, state: AcousticState, samples: Samples) -> None:
        """Go on to a fork after its chunks were run, and decode what came out.

        Args:
            state: The fork.
            samples: What it got.
        """
        self._state = state
        self._samples += len(samples)
        self._quiet.accept(samples)
        self._decode()

    @property
    def missing_samples(self) -> int:
        """Samples until the model hears something new."""
        missing = self._state.front.missing_samples
        return max(1, missing if self._samples else missing - self._lead_samples)

    def observe(self) -> Observation:
        """Return the best reading so far."""
        if self._observation is None:
            silence_ms = self._decoder.silent_frames * self.model.acoustic.frame_ms
            hypothesis = self._hypothesis(self._decoder.observe())
            self._observation = Observation(hypothesis, silence_ms)
        return self._observation

    def finish(self) -> tuple[Hypothesis, ...]:
        """End the utterance and begin the next.

        Unless it ends in silence already, as much silence goes in as the model is late.
        """
        if not self._samples:
            return ()
        acoustic = self.model.acoustic
        silent_ms = self._decoder.silent_frames * acoustic.frame_ms
        if silent_ms < _SILENT_MS or not self._quiet.is_now:
            tail = acoustic.tail_ms * acoustic.sample_rate_hz // 1000
            self._state = self._state.fork(np.zeros(tail, dtype=np.float32))
            run_together(acoustic, [self._state], most=1)
            self._decode()
        readings = self._decoder.finish(self._max_alternatives)
        hypotheses = tuple(self._hypothesis(reading) for reading in readings)
        self._begin()
        return hypotheses

    def close(self) -> None:
        """Free the decoder. May be called more than once."""
        if not self._is_closed:
            self._is_closed = True
            self._begin()

    @property
    def _lead_samples(self) -> int:
        return self.model.acoustic.lead_ms * self.model.acoustic.sample_rate_hz // 1000

    def _begin(self) -> None:
        self._state = self.model.acoustic.begin()
        self._samples = 0
        acoustic = self.model.acoustic
        self._quiet = Quiet(acoustic.sample_rate_hz, acoustic.tail_ms)
        self._observation = None
        if self.model.words is not None:
            self._decoder = LetterDecoder(
                self.model.tokens,
                self.model.words,
                parameters=self.model.parameters,
                calibration=self.model.calibration,
            )
        elif self.model.graph is None:
            self._decoder = GreedyDecoder(self.model.tokens, self.model.calibration)
        else:
            self._decoder = LexicalDecoder(
                self.model.graph,
                self.model.tokens,
                parameters=self.model.parameters,
                calibration=self.model.calibration,
                hotwords=self._hotwords,
            )

    def _decode(self) -> None:
        blocks, self._state.log_probs = self._state.log_probs, []
        for block in blocks:
            self._decoder.accept(block)
        if blocks:
            self._observation = None

    def _hypothesis(self, reading: Reading) -> Hypothesis:
        """Return a reading with times: frames less the model's delay, within the audio."""
        acoustic, times = self.model.acoustic, self.model.manifest.times
        late_ms = acoustic.delay_ms + acoustic.lead_ms
        length_ms = self._samples * 1000 // acoustic.sample_rate_hz
        words: list[Word] = []
        latest_ms = 0
        for word in reading.words:
            start_ms = word.start * acoustic.frame_ms - late_ms + times.start_offset_ms
            end_ms = word.end * acoustic.frame_ms - late_ms + times.end_offset_ms
            start_ms = min(max(start_ms, latest_ms), max(length_ms, latest_ms))
            latest_ms = max(start_ms, min(end_ms, length_ms))
            words.append(Word(word.text, start_ms, latest_ms, word.confidence))
        return Hypothesis(reading.text, tuple(words), reading.confidence)
