"""US English by pocketsphinx: its wheel carries the model, so it works at once.

A decoder holds Python's lock while it decodes and 90 MB of memory of its own,
and takes a quarter of a second to make. So there is one for each stream that a
worker may have, made before the first stream, and given on from stream to stream.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import pocketsphinx

from rechka.audio.samples import Samples
from rechka.errors import CapacityError, ErrorCode, RequestError, refused_setting
from rechka.recognition.engines.pocketsphinx.cepstra import RATE_HZ, Cepstra, RunningMean
from rechka.recognition.options import read_options
from rechka.recognition.port import EngineStream, ModelInfo, Observation, StreamOptions
from rechka.recognition.tags import ModelTags
from rechka.results import Hypothesis, Word

__all__ = ["PocketsphinxEngine"]

_FRAME_MS = 10
# The decoder looks 5 frames ahead and its features 3; the rest is for the word's end.
_TAIL = np.zeros(RATE_HZ * 150 // 1000, dtype=np.float32)
# Paths of the lattice that differ in fillers only are many.
_MOST_PATHS = 200
_PRONUNCIATION = re.compile(r"\(\d+\)$")
_FILLER_STARTS = ("<", "[", "+")

_NAME = "pocketsphinx-en-us"
_LANGUAGE = "en-US"
_TAGS = ("general", "general:rc", "general:deprecated")
_DEFAULTS: Mapping[str, Any] = {"max_streams": 4, "tags": {}}


class PocketsphinxEngine:
    """The model of the pocketsphinx wheel.

    Args:
        options: `max_streams`, streams that one worker serves; 4 of them take most
            of a core; `tags`, by the model's name the tags that select it.

    Raises:
        RequestError: An option is not accepted.
    """

    max_batch = 1

    def __init__(self, options: Mapping[str, Any]) -> None:
        chosen = read_options(options, _DEFAULTS)
        self._max_streams: int = chosen["max_streams"]
        tags = ModelTags(chosen["tags"])
        tags.require_known([_NAME])
        selecting = tags.of(_NAME, _LANGUAGE, _TAGS)
        if not selecting:
            problem = f"got no tag for {_NAME}; accepted: at least one"
            raise refused_setting("recognition.engine_options.tags", problem)
        self._idle: list[pocketsphinx.Decoder] = []
        self.models: Sequence[ModelInfo] = (
            ModelInfo(
                name=_NAME,
                engine="pocketsphinx",
                language=_LANGUAGE,
                tags=selecting,
                sample_rates_hz=(RATE_HZ,),
                max_alternatives=10,
                has_confidences=True,
                has_word_times=True,
                has_trailing_silence=True,
                max_streams=self._max_streams,
            ),
        )

    def warm_up(self) -> None:
        """Make every decoder and run each once."""
        self._idle = [_make_decoder() for _ in range(self._max_streams)]
        for decoder in list(self._idle):
            stream = PocketsphinxStream(decoder, max_alternatives=1, given_back=[])
            stream.accept(np.zeros(RATE_HZ, dtype=np.float32))
            stream.finish()

    def open(self, options: StreamOptions) -> "PocketsphinxStream":
        """Return a stream with a decoder that is not in use.

        Raises:
            RequestError: The rate or language is another one.
            CapacityError: Every decoder is in use.
        """
        model = self.models[0]
        if options.language != model.language or options.sample_rate_hz != RATE_HZ:
            raise RequestError(
                ErrorCode.INVALID_CONFIG,
                f"got {options.language} at {options.sample_rate_hz} Hz; "
                f"accepted: {model.language} at {RATE_HZ} Hz",
            )
        if not self._idle:
            raise CapacityError(ErrorCode.OVERLOADED, "Every decoder is in use", retry_after_s=1.0)
        return PocketsphinxStream(
            self._idle.pop(), max_alternatives=options.max_alternatives, given_back=self._idle
        )

    def accept(self, batch: Sequence[tuple[EngineStream, Samples]]) -> None:
        """Decode the one stream of the batch."""
        for stream, samples in batch:
            if isinstance(stream, PocketsphinxStream):
                stream.accept(samples)

    def close(self) -> None:
        """Free the decoders."""
        self._idle.clear()


class PocketsphinxStream:
    """One decoder on loan.

    Args:
        decoder: Not in an utterance.
        max_alternatives: Most readings of an utterance.
        given_back: Where the decoder goes when the stream is closed.
    """

    def __init__(
        self,
        decoder: pocketsphinx.Decoder,
        *,
        max_alternatives: int,
        given_back: list[pocketsphinx.Decoder],
    ) -> None:
        self._decoder: pocketsphinx.Decoder | None = decoder
        self._cepstra = Cepstra()
        self._mean = RunningMean()
        self._max_alternatives = max_alternatives
        self._given_back = given_back
        self._decoded = 0
        self._is_in_utterance = False

    def accept(self, samples: Samples) -> None:
        """Decode samples of the running utterance."""
        decoder = self._lent()
        if not self._is_in_utterance:
            decoder.start_utt()
            self._is_in_utterance = True
            self._cepstra.begin()
            self._mean.begin()
        self._search(self._mean.remove(self._cepstra.accept(samples)))
        self._decoded += len(samples)

    def observe(self) -> Observation:
        """Return the best path so far."""
        # Between utterances the decoder still holds the last one, perhaps of another stream.
        if not self._is_in_utterance:
            return Observation(_hypothesis(()), 0)
        words = tuple(self._words())
        end_ms = words[-1].end_ms if words else 0
        silence_ms = max(0, self._decoded * 1000 // RATE_HZ - end_ms)
        return Observation(_hypothesis(words), silence_ms)

    def finish(self) -> tuple[Hypothesis, ...]:
        """End the utterance and begin the next one."""
        if not self._is_in_utterance:
            return ()
        self.accept(_TAIL)
        self._search(self._mean.rest())
        decoder = self._lent()
        decoder.end_utt()
        self._is_in_utterance = False
        self._decoded = 0
        best = _hypothesis(tuple(self._words()))
        if not best.text:
            return ()
        return (best, *islice(self._others(best), self._max_alternatives - 1))

    def close(self) -> None:
        """Give the decoder back. May be called more than once."""
        decoder, self._decoder = self._decoder, None
        if decoder is None:
            return
        if self._is_in_utterance:
            decoder.end_utt()
        self._given_back.append(decoder)

    def _search(self, cepstra: npt.NDArray[np.float64]) -> None:
        if len(cepstra):
            self._lent().process_cep(cepstra.astype(np.float32).tobytes())

    def _lent(self) -> pocketsphinx.Decoder:
        if self._decoder is None:
            raise RuntimeError("the stream is closed")
        return self._decoder

    def _words(self) -> Iterator[Word]:
        for segment in self._lent().seg() or ():
            if not segment.word.startswith(_FILLER_STARTS):
                yield Word(
                    _PRONUNCIATION.sub("", segment.word),
                    start_ms=segment.start_frame * _FRAME_MS,
                    # The last frame belongs to the word.
                    end_ms=(segment.end_frame + 1) * _FRAME_MS,
                    confidence=min(1.0, segment.prob),
                )

    def _others(self, best: Hypothesis) -> Iterator[Hypothesis]:
        """Yield readings other than the best, better ones first.

        Their confidence is that of the best one, less by the ratio of the scores.
        """
        seen = {best.text}
        best_score = None
        for path in islice(self._lent().nbest(), _MOST_PATHS):
            best_score = best_score or path.score
            words = (_PRONUNCIATION.sub("", word) for word in path.hypstr.split())
            text = " ".join(word for word in words if not word.startswith(_FILLER_STARTS))
            if text and text not in seen:
                seen.add(text)
                ratio = min(1.0, path.score / best_score) if best_score else 0.0
                yield Hypothesis(text, confidence=best.confidence * ratio)


def _make_decoder() -> pocketsphinx.Decoder:
    decoder = pocketsphinx.Decoder(samprate=RATE_HZ, loglevel="FATAL")
    # The model's folder asks for a mean, so only a setting made afterwards turns it off.
    decoder.config["cmn"] = "none"
    decoder.reinit_feat()
    return decoder


def _hypothesis(words: tuple[Word, ...]) -> Hypothesis:
    """Return the reading of these words; its confidence is the mean of theirs."""
    confidence = sum(word.confidence for word in words) / len(words) if words else 1.0
    return Hypothesis(" ".join(word.text for word in words), words, confidence)
