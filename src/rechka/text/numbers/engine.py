"""The frame of a language's rules: try them at each word, keep idioms, hold open ends."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from rechka.text.languages import fold
from rechka.text.numbers.matches import Match
from rechka.text.numbers.sentence import Sentence
from rechka.text.tokens import Token

__all__ = ["Normalizer", "Rule"]


class Rule(Protocol):
    """A rule of a language."""

    def __call__(self, words: Sequence[str], at: int, /) -> Match | None:
        """Return what begins at index `at` of the folded words, or None."""
        ...


class Normalizer:
    """Applies the rules of one language.

    Args:
        language: Primary subtag.
        rules: Tried in order at every word in `vocabulary`; the first match wins.
        in_vocabulary: Whether a rule could take this word as a part of a number.
        begins: Whether a rule can begin at this word.
        is_number: Whether a word is a number word; an idiom that ends in one is
            none if another follows.
        idioms: Phrases that stay words, each as words divided by spaces.
        open_from: Index from which words after the last number may still change
            how it is written; the length of the sentence if none can.

    Threading: safe to share.
    """

    def __init__(
        self,
        language: str,
        *,
        rules: Sequence[Rule],
        in_vocabulary: Callable[[str], bool],
        begins: Callable[[str], bool],
        is_number: Callable[[str], bool],
        idioms: Iterable[str],
        open_from: Callable[[Sequence[str]], int] = len,
    ) -> None:
        self._language = language
        self._rules = tuple(rules)
        self._in_vocabulary = in_vocabulary
        self._begins = begins
        self._is_number = is_number
        self._open_from = open_from
        self._idioms: dict[str, list[tuple[str, ...]]] = {}
        for idiom in idioms:
            words = tuple(idiom.split())
            self._idioms.setdefault(words[0], []).append(words)
        for known in self._idioms.values():
            known.sort(key=len, reverse=True)

    def normalize(self, tokens: Sequence[Token]) -> tuple[Token, ...]:
        """Return the tokens with every number written out."""
        words = self._folded(tokens)
        return self._rewritten(tokens, words, len(words))

    def normalize_partial(self, tokens: Sequence[Token]) -> tuple[tuple[Token, ...], int]:
        """Return the tokens with those numbers written out that no later word changes.

        Returns:
            The tokens, and how many of them are settled. The rest, a number at
            the end that may go on, is still in words.
        """
        words = self._folded(tokens)
        settled = self._open_end(words)
        # The words after the settled part are shown to the rules, so that a
        # number is never taken for the whole utterance, but are not rewritten.
        written = self._rewritten(tokens, words, settled)
        return written, len(written) - (len(tokens) - settled)

    def _folded(self, tokens: Sequence[Token]) -> Sentence:
        # Engines and people write е and ё at will; the rules know е only.
        words = [fold(token.text, self._language) for token in tokens]
        if self._language == "ru":
            words = [word.replace("ё", "е") for word in words]
        return Sentence(words)

    def _rewritten(
        self, tokens: Sequence[Token], words: Sequence[str], limit: int
    ) -> tuple[Token, ...]:
        written: list[Token] = []
        at = 0
        while at < limit:
            idiom_words = self._idiom_at(words, at)
            if idiom_words:
                written.extend(tokens[at : at + idiom_words])
                at += idiom_words
                continue
            match = self._match(words, at) if self._begins(words[at]) else None
            if match is None or match.end > limit:
                written.append(tokens[at])
                at += 1
                continue
            for part in match.parts:
                first, last = tokens[part.first], tokens[part.end - 1]
                untouched = part.end == part.first + 1 and part.text == words[part.first]
                written.append(first if untouched else Token(part.text, first.first, last.last))
            at = match.end
        written.extend(tokens[at:])
        return tuple(written)

    def _match(self, words: Sequence[str], at: int) -> Match | None:
        for rule in self._rules:
            match = rule(words, at)
            if match:
                return match
        return None

    def _idiom_at(self, words: Sequence[str], at: int) -> int:
        for idiom in self._idioms.get(words[at], ()):
            end = at + len(idiom)
            goes_on = (
                end < len(words) and self._is_number(idiom[-1]) and self._is_number(words[end])
            )
            if tuple(words[at:end]) == idiom and not goes_on:
                return len(idiom)
        return 0

    def _open_end(self, words: Sequence[str]) -> int:
        """Return where the number or idiom that is still open at the end begins."""
        start = min(self._number_before(words, len(words)), self._open_from(words))
        for at in range(max(0, start - 5), start):
            rest = tuple(words[at:])
            if any(idiom[: len(rest)] == rest for idiom in self._idioms.get(words[at], ())):
                # The idiom's first words may be the end of a number instead.
                return self._number_before(words, at)
        return start

    def _number_before(self, words: Sequence[str], end: int) -> int:
        """Return where the number that may end at `end` begins; `end` if none does."""
        while end and self._in_vocabulary(words[end - 1]):
            end -= 1
        return end
