"""What every engine must do, as tests that an engine's author inherits.

    class TestMyEngine(EngineContract):
        engine_name = "mine"
        speech = from_pcm16(Path("speech.pcm").read_bytes())

pytest collects the methods; nothing here imports it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from rechka.audio.samples import Samples
from rechka.errors import RequestError
from rechka.recognition.claims import check_engine
from rechka.recognition.port import Engine, EngineStream, StreamOptions
from rechka.recognition.registry import create_engine
from rechka.results import Hypothesis

__all__ = ["EngineContract"]


class EngineContract:
    """The contract. A subclass names its engine and gives it something to hear."""

    engine_name: ClassVar[str]
    """Registered name."""
    options: ClassVar[Mapping[str, Any]] = {}
    """The engine's own."""
    speech: ClassVar[Samples]
    """An utterance with several words, at the native rate of the first model."""
    _engine: ClassVar[Engine]

    @classmethod
    def setup_class(cls) -> None:
        """Load the engine once for all tests."""
        cls._engine = create_engine(cls.engine_name, cls.options)
        cls._engine.warm_up()

    @classmethod
    def teardown_class(cls) -> None:
        """Free the engine."""
        cls._engine.close()

    def open(self, *, max_alternatives: int = 1) -> EngineStream:
        """Return a stream of the first model."""
        model = self._engine.models[0]
        return self._engine.open(
            StreamOptions(
                language=model.language,
                model=model.tags[0],
                sample_rate_hz=model.sample_rates_hz[0],
                max_alternatives=max_alternatives,
            )
        )

    def hear(
        self, *, pieces: int = 1, max_alternatives: int = 1, times: int = 1
    ) -> list[tuple[Hypothesis, ...]]:
        """Return what a stream makes of the speech, heard so many times."""
        stream = self.open(max_alternatives=max_alternatives)
        try:
            heard = []
            for _ in range(times):
                for piece in np.array_split(self.speech, pieces):
                    self._engine.accept([(stream, piece)])
                heard.append(stream.finish())
            return heard
        finally:
            stream.close()

    def test_the_models_are_described(self) -> None:
        """Each has a language, a tag, a rate and room for a stream."""
        # As a server does when it loads the engine; an error names the field.
        check_engine("of the contract", self._engine)
        assert self._engine.models
        assert self._engine.max_batch >= 1
        for model in self._engine.models:
            assert model.language
            assert model.tags
            assert model.sample_rates_hz
            assert min(model.max_alternatives, model.max_streams) >= 1

    def test_another_language_is_refused(self) -> None:
        """A request is served as asked or not at all."""
        options = StreamOptions(language="xx-XX", model="general", sample_rate_hz=16_000)
        try:
            self._engine.open(options)
        except RequestError:
            return
        raise AssertionError("a language that no model has was opened")

    def test_speech_has_text_and_words_in_order(self) -> None:
        """Words make up the text and lie within the audio; times are whole numbers."""
        ((best, *_),) = self.hear()
        assert len(best.text.split()) > 1
        model = self._engine.models[0]
        if model.has_word_times:
            assert " ".join(word.text for word in best.words) == best.text
            times = [time for word in best.words for time in (word.start_ms, word.end_ms)]
            assert times == sorted(times)
            assert times[0] >= 0
            assert all(isinstance(time, int) for time in times)
            # A word's last frame may reach into the padding.
            assert times[-1] <= len(self.speech) * 1000 // model.sample_rates_hz[0] + 200
        for word in best.words:
            assert word.text.isprintable()
            assert word.text.split() == [word.text]
        assert best.text.isprintable()
        assert all(0 <= confidence <= 1 for confidence in _confidences(best))

    def test_the_cut_of_the_audio_changes_no_text(self) -> None:
        """The same samples give the same text in any pieces."""
        assert self.hear(pieces=1)[0][0].text == self.hear(pieces=23)[0][0].text

    def test_an_utterance_leaves_nothing_to_the_next(self) -> None:
        """Times begin anew, and the same speech is heard again."""
        first, second = self.hear(times=2)
        assert second[0].words[:1] == () or second[0].words[0].start_ms < 5_000
        assert second[0].text
        assert first[0].text

    def test_alternatives_differ_and_the_best_comes_first(self) -> None:
        """At most as many as asked for, in order of confidence."""
        model = self._engine.models[0]
        (alternatives,) = self.hear(max_alternatives=min(3, model.max_alternatives))
        assert 1 <= len(alternatives) <= 3
        assert len({item.text for item in alternatives}) == len(alternatives)
        confidences = [item.confidence for item in alternatives]
        assert confidences == sorted(confidences, reverse=True)

    def test_nothing_heard_is_no_alternative(self) -> None:
        """An utterance without audio has no text."""
        stream = self.open()
        assert stream.finish() == ()
        stream.close()

    def test_observing_changes_nothing(self) -> None:
        """Twice the same, and the silence at the end is told where claimed."""
        stream = self.open()
        self._engine.accept([(stream, self.speech)])
        assert stream.observe() == stream.observe()
        silence_ms = stream.observe().trailing_silence_ms
        if self._engine.models[0].has_trailing_silence:
            assert silence_ms is not None
        assert silence_ms is None or (isinstance(silence_ms, int) and silence_ms >= 0)
        stream.close()

    def test_streams_do_not_mix(self) -> None:
        """Two streams that are fed in turn hear what one alone hears."""
        expected = self.hear()[0][0].text
        streams = [self.open(), self.open()]
        for piece in np.array_split(self.speech, 10):
            for stream in streams:
                self._engine.accept([(stream, piece)])
        assert [stream.finish()[0].text for stream in streams] == [expected, expected]
        for stream in streams:
            stream.close()

    def test_a_stream_may_be_closed_twice_and_its_place_is_free_again(self) -> None:
        """More streams one after the other than fit at once."""
        for _ in range(2 * min(8, self._engine.models[0].max_streams)):
            stream = self.open()
            assert stream.observe().hypothesis.text == ""
            self._engine.accept([(stream, self.speech[:1600])])
            stream.close()
            stream.close()


def _confidences(hypothesis: Hypothesis) -> Iterator[float]:
    yield hypothesis.confidence
    for word in hypothesis.words:
        yield word.confidence
