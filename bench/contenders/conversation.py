"""One stream from its first message to its last, decoded where it is called: no scheduler.

Utterances are cut and replies are written by what Rechka cuts and writes them with, so
that the engine gets the same audio, and clients the same results, from every contender.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

from contenders.choice import Choice
from rechka.audio.samples import Samples, from_pcm16
from rechka.recognition.port import Engine, Finished, Heard
from rechka.results import Result
from rechka.session.endpoint import EndpointParameters
from rechka.session.replies import Replies
from rechka.session.segmenter import (
    Segment,
    Segmenter,
    UtteranceDoubt,
    UtteranceEnd,
    UtteranceStart,
)
from rechka.settings import Settings
from rechka.spec import RecognitionSpec
from rechka.text.pipeline import TextOptions, TextPipeline
from rechka.wire.codec_v2 import decode_config, encode_result
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2 as pb

__all__ = ["Listener"]

# Engines whose streams share nothing that decoding changes, so that threads may decode
# different streams at once: a session of onnxruntime, a recognizer of sherpa-onnx and a
# model of vosk may be run by many threads, pocketsphinx keeps Python's lock.
_FREE = frozenset({"ctc", "pocketsphinx", "sherpa", "vosk"})


class Listener:
    """An engine, and everything that its streams have in common.

    Args:
        engine: Warm.
        choice: What it runs.

    Threading: `converse` may be called by many threads at once.
    """

    def __init__(self, engine: Engine, choice: Choice) -> None:
        self.engine = engine
        self.choice = choice
        self.settings = Settings()
        self.opening = threading.Lock()
        self.decoding: AbstractContextManager[object] = (
            nullcontext() if choice.engine in _FREE else threading.Lock()
        )

    def converse(
        self, requests: Iterator[pb.StreamingRecognitionRequest]
    ) -> Iterator[pb.StreamingRecognitionResponse]:
        """Answer one stream; the first of its messages holds its settings.

        Raises:
            RequestError: The engine does not take the settings.
        """
        first = next(requests, None)
        if first is None:
            return
        spec = decode_config(first.config, normalize_partials=False)
        hearing = _Hearing(self, spec)
        try:
            for request in requests:
                for result in hearing.accept(from_pcm16(request.audio_content)):
                    yield encode_result(result)
            for result in hearing.finish():
                yield encode_result(result)
        finally:
            hearing.close()


class _Hearing:
    """One stream's state."""

    def __init__(self, listener: Listener, spec: RecognitionSpec) -> None:
        settings = listener.settings
        self._listener = listener
        self._rate_hz = spec.sample_rate_hz
        self._segmenter = Segmenter(
            EndpointParameters.from_settings(settings.endpointing), rate_hz=self._rate_hz
        )
        text = TextOptions(language=listener.choice.language, raw_results=spec.raw_results)
        self._replies = Replies(
            settings.results, TextPipeline(text), partial_results=spec.partial_results
        )
        with listener.opening:
            self._stream = listener.engine.open(listener.choice.stream_options(self._rate_hz))
        self._begun_at = self._decoded = 0

    def accept(self, samples: Samples) -> Iterator[Result]:
        """Take a message's audio; yield what there is to say."""
        for segment in self._segmenter.accept(samples):
            yield from self._take(segment)

    def finish(self) -> Iterator[Result]:
        """Yield what there is to say at the end of the audio."""
        for segment in self._segmenter.flush():
            yield from self._take(segment)

    def close(self) -> None:
        """Give the engine's stream back."""
        with self._listener.opening:
            self._stream.close()

    def _take(self, segment: Segment) -> Iterator[Result]:
        offset_ms = self._begun_at * 1000 / self._rate_hz
        result: Result | None
        match segment:
            case UtteranceStart(position):
                self._begun_at, self._decoded = position, 0
                return
            case UtteranceDoubt():
                # All is decoded and observed as soon as it comes.
                return
            case UtteranceEnd():
                with self._listener.decoding:
                    finished = Finished(0, self._stream.finish())
                result = self._replies.final(finished, offset_ms=offset_ms)
            case samples:
                with self._listener.decoding:
                    self._listener.engine.accept([(self._stream, samples)])
                    observation = self._stream.observe()
                self._decoded += len(samples)
                heard = Heard(0, observation, self._decoded * 1000 // self._rate_hz)
                self._segmenter.observe(heard)
                result = self._replies.partial(heard, offset_ms=offset_ms, now_s=time.monotonic())
        if result is not None:
            yield result
