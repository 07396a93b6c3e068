"""How the text of one session is written."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rechka.results import Hypothesis

__all__ = ["TextOptions", "TextPipeline"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextOptions:
    """What a session asks of its text; names as in `RecognitionSpec`."""

    language: str
    raw_results: bool = False
    literature_text: bool = False
    profanity_filter: bool = False
    normalize_partials: bool = False


class TextPipeline:
    """Writes the hypotheses of one session. Pure."""

    def __init__(self, options: TextOptions) -> None:
        self._options = options

    def final(self, alternatives: Sequence[Hypothesis]) -> tuple[Hypothesis, ...]:
        """Return the alternatives of a final, written, in the same order."""
        return tuple(self._write(item) for item in alternatives)

    def partial(self, hypothesis: Hypothesis) -> Hypothesis:
        """Return a partial's hypothesis, written."""
        return self._write(hypothesis)

    def _write(self, hypothesis: Hypothesis) -> Hypothesis:
        if self._options.raw_results or not hypothesis.text:
            return hypothesis
        first = hypothesis.text[0]
        is_dotted = first == "i" and self._options.language == "tr-TR"
        capital = "İ" if is_dotted else first.upper()
        return replace(hypothesis, text=capital + hypothesis.text[1:])
