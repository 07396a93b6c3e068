"""What recognition returns: words, hypotheses, partial and final results.

All times are whole milliseconds from the first sample of the session's audio.
Inside an engine stream they count from the first sample of the utterance;
`Hypothesis.shifted` carries them over.
"""

from dataclasses import dataclass

__all__ = ["Final", "Hypothesis", "Partial", "Result", "Word"]


@dataclass(frozen=True, slots=True)
class Word:
    """One recognized word.

    Attributes:
        text: The word as written.
        start_ms: Start of the word, inclusive.
        end_ms: End of the word, exclusive; never before `start_ms`.
        confidence: Probability from 0 to 1 that the word is right; 1 where the
            engine does not tell.
    """

    text: str
    start_ms: int
    end_ms: int
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One reading of an utterance.

    Attributes:
        text: The whole text.
        words: The words in order of time; empty where the engine has no times.
        confidence: Probability from 0 to 1 that the text is right; 1 where the
            engine does not tell.
    """

    text: str
    words: tuple[Word, ...] = ()
    confidence: float = 1.0

    def shifted(self, offset_ms: float) -> "Hypothesis":
        """Return the same hypothesis with all times moved by `offset_ms`, rounded."""
        words = tuple(
            Word(
                word.text,
                round(word.start_ms + offset_ms),
                round(word.end_ms + offset_ms),
                word.confidence,
            )
            for word in self.words
        )
        return Hypothesis(self.text, words, self.confidence)


@dataclass(frozen=True, slots=True)
class Partial:
    """What was heard of the running utterance so far; the next one replaces it.

    Attributes:
        hypothesis: The best reading of the whole utterance so far.
        start_ms: Start of the utterance's first word, None where unknown.
        end_ms: End of the last word, None where unknown.
    """

    hypothesis: Hypothesis
    start_ms: int | None = None
    end_ms: int | None = None

    @property
    def text(self) -> str:
        """The best reading's text."""
        return self.hypothesis.text


@dataclass(frozen=True, slots=True)
class Final:
    """The settled text of an utterance.

    Attributes:
        alternatives: At least one reading, best first.
        end_of_utterance: True when the utterance ends with this result, so
            that the next result belongs to a new one.
        start_ms: Start of the utterance's first word, None where unknown.
        end_ms: End of the last word, None where unknown.
    """

    alternatives: tuple[Hypothesis, ...]
    end_of_utterance: bool = True
    start_ms: int | None = None
    end_ms: int | None = None

    @property
    def text(self) -> str:
        """The best reading's text."""
        return self.alternatives[0].text


Result = Partial | Final
