"""What is answered, and when: from what the engine heard to results for the client."""

from rechka.recognition.port import Finished, Heard
from rechka.results import Final, Hypothesis, Partial, Word
from rechka.settings import ResultSettings
from rechka.text.pipeline import TextPipeline

__all__ = ["Replies"]


class Replies:
    """Makes the results of one session.

    Args:
        settings: How many alternatives, how often a partial, which confidence.
        pipeline: Writes the text.
        partial_results: Whether the client wants partials.
    """

    def __init__(
        self, settings: ResultSettings, pipeline: TextPipeline, *, partial_results: bool
    ) -> None:
        self._settings = settings
        self._pipeline = pipeline
        self._partial_results = partial_results
        self._shown = ""
        # The engine's own text of which a partial was written last.
        self._written = ""
        self._next_partial_s = float("-inf")

    def partial(self, heard: Heard, *, offset_ms: float, now_s: float) -> Partial | None:
        """Return the partial to send, None if there is nothing new or it is too early.

        One that is too early is dropped: while the utterance runs another
        observation follows, and at its end the final does.

        Args:
            heard: What the engine heard.
            offset_ms: Where the utterance's first sample lies in the session.
            now_s: Present time of the session's clock.
        """
        if not self._partial_results or now_s < self._next_partial_s:
            return None
        raw = heard.observation.hypothesis
        if raw.text == self._written:
            return None
        self._written = raw.text
        hypothesis = self._pipeline.partial(raw)
        if not hypothesis.text or hypothesis.text == self._shown:
            return None
        self._shown = hypothesis.text
        self._next_partial_s = now_s + self._settings.partial_interval_ms / 1000
        hypothesis = self._told(hypothesis, offset_ms)
        start_ms, end_ms = _span(hypothesis)
        return Partial(hypothesis, start_ms=start_ms, end_ms=end_ms)

    def final(self, finished: Finished, *, offset_ms: float) -> Final | None:
        """Return the final of an utterance, None if there was no text in it.

        If a partial has shown text that the final takes back, the final is sent
        with an empty text, so that the client does not keep what is not so.
        """
        written = self._pipeline.final(finished.alternatives)
        was_shown, self._shown, self._written = bool(self._shown), "", ""
        with_text = [item for item in written if item.text]
        if not with_text:
            return Final((Hypothesis(""),)) if was_shown else None
        alternatives = tuple(
            self._told(item, offset_ms) for item in with_text[: self._settings.max_alternatives]
        )
        start_ms, end_ms = _span(alternatives[0])
        return Final(alternatives, start_ms=start_ms, end_ms=end_ms)

    def _told(self, hypothesis: Hypothesis, offset_ms: float) -> Hypothesis:
        """Return a written reading with the session's times and the confidence that is told."""
        is_engines = self._settings.confidence == "engine"
        words = tuple(
            Word(
                word.text,
                round(word.start_ms + offset_ms),
                round(word.end_ms + offset_ms),
                word.confidence if is_engines else 1.0,
            )
            for word in hypothesis.words
        )
        return Hypothesis(hypothesis.text, words, hypothesis.confidence if is_engines else 1.0)


def _span(hypothesis: Hypothesis) -> tuple[int | None, int | None]:
    if not hypothesis.words:
        return None, None
    return hypothesis.words[0].start_ms, hypothesis.words[-1].end_ms
