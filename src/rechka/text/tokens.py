"""Tokens: what the stages of the pipeline hand on, each tied to its source words."""

from collections.abc import Sequence
from dataclasses import dataclass

from rechka.results import Hypothesis, Word

__all__ = ["Token", "hypothesis_of", "tokens_of"]


@dataclass(frozen=True, slots=True)
class Token:
    """One word of the text being written.

    Attributes:
        text: The word as it would be shown; never empty, without white space.
        first: Index of its first source word.
        last: Index of its last source word, inclusive.
    """

    text: str
    first: int
    last: int


def tokens_of(hypothesis: Hypothesis) -> tuple[Token, ...]:
    """Return a token for each word; of the text, where there are no words."""
    texts = [word.text for word in hypothesis.words] or hypothesis.text.split()
    return tuple(
        Token(text, index, index) for index, text in enumerate(texts) if text and not text.isspace()
    )


def hypothesis_of(tokens: Sequence[Token], source: Hypothesis) -> Hypothesis:
    """Return `source` with the text and the words of `tokens`.

    A word made of several has the start of the first, the end of the last and
    the least of their confidences: it is right only if all of them are, so the
    weakest bounds it. The text is always the words joined by single spaces.
    """
    text = " ".join(token.text for token in tokens)
    if not source.words:
        return Hypothesis(text, confidence=source.confidence)
    words = tuple(_merged(token, source.words) for token in tokens)
    return Hypothesis(text, words, source.confidence)


def _merged(token: Token, source: Sequence[Word]) -> Word:
    first = source[token.first]
    if token.first == token.last and first.text == token.text:
        return first
    words = source[token.first : token.last + 1]
    return Word(
        text=token.text,
        start_ms=first.start_ms,
        end_ms=words[-1].end_ms,
        confidence=min(word.confidence for word in words),
    )
