"""Decoding by a beam search over letters, with a language model over words at the spaces.

For models whose tokens are letters and a space, and a language model without a list of
its words: any word can come out, and those that the model knows are likelier.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rechka.recognition.engines.ctc.beam import BeamParameters
from rechka.recognition.engines.ctc.kenlm_words import KenlmWords
from rechka.recognition.engines.ctc.readings import Calibration, DecodedWord, Reading
from rechka.recognition.engines.ctc.tokens import Tokens

__all__ = ["LetterDecoder"]

_NEVER = -math.inf
# Tokens less likely than the best one of a frame by this much are passed over.
_TOKEN_BEAM = 6.0
# Readings that a word's share in the probability is taken over.
_COMPARED = 20
# The same word so few frames apart is the same word said once.
_SAME_TIME = 4


@dataclass(frozen=True, slots=True)
class _Word:
    """A word that is complete, behind those before it."""

    before: "_Word | None"
    text: str
    start: int
    end: int
    quality: float


@dataclass(slots=True)
class _Prefix:
    """Letters so far. Ways that end in the blank and in the last token are summed apart.

    Attributes:
        words: The last word that is complete.
        history: Number of the words so far, equal for equal words.
        text: Letters of the running word.
        last: Last token; the blank if there is none.
        prior: What language model and bonus have given.
        state: The language model's, behind the words.
        start: Frame of the running word's first letter.
        end: Frame after the latest letter.
        fit: Sum of log-ratios to the best token since `start`.
        blank: Log-probability of the ways that end in the blank.
        token: Log-probability of the ways that end in the last token.
    """

    words: _Word | None
    history: int
    text: str
    last: int
    prior: float
    state: Any
    start: int
    end: int
    fit: float
    blank: float = _NEVER
    token: float = _NEVER

    @property
    def total(self) -> float:
        return _sum(self.blank, self.token)

    @property
    def score(self) -> float:
        return self.total + self.prior


class LetterDecoder:
    """Decodes one utterance.

    Args:
        tokens: Inventory of the acoustic model; letters, the blank and a space.
        words: The language model.
        parameters: Weights and widths of the search.
        calibration: Of confidences.
    """

    def __init__(
        self,
        tokens: Tokens,
        words: KenlmWords,
        *,
        parameters: BeamParameters,
        calibration: Calibration,
    ) -> None:
        self._tokens = tokens
        self._words = words
        self._parameters = parameters
        self._calibration = calibration
        self._frame = 0
        first = _Prefix(None, 0, "", tokens.blank, 0.0, words.begin, 0, 0, 0.0, blank=0.0)
        self._beam = [first]

    def accept(self, log_probs: npt.NDArray[np.float32]) -> None:
        """Go on by some frames; shape (frames, tokens)."""
        for row in log_probs:
            self._step(row)

    def observe(self) -> Reading:
        """Return the best reading so far; the last word may not be whole."""
        best = self._beam[0]
        shares = self._calibration.shares([prefix.score for prefix in self._beam[:_COMPARED]])
        words = self._decoded(best, list(zip(self._beam, shares, strict=False)))
        return Reading(words, _mean(words))

    @property
    def silent_frames(self) -> int:
        """Frames since the last letter of the best reading."""
        return self._frame - self._beam[0].end

    def finish(self, count: int) -> list[Reading]:
        """Return at most so many readings, best first; only such as have words."""
        finals: dict[int, _Prefix] = {}
        for prefix in self._beam:
            final = self._completed(prefix, prefix.total) if prefix.text else prefix
            final.prior += self._parameters.lm_weight * self._words.end(final.state)
            known = finals.setdefault(final.history, final)
            if known is not final:
                known.token = _sum(known.total, final.total)
                known.blank = _NEVER
        ranked = sorted(finals.values(), key=lambda prefix: -prefix.score)
        if ranked[0].words is None:
            # The best reading of all is that nothing was said.
            return []
        compared = ranked[:_COMPARED]
        shares = self._calibration.shares([prefix.score for prefix in compared])
        voters = list(zip(compared, shares, strict=True))
        readings: list[Reading] = []
        for prefix in ranked[: count + 1]:
            words = self._decoded(prefix, voters)
            if words and len(readings) < count:
                worse = math.exp(self._calibration.scale * (prefix.score - ranked[0].score))
                first = readings[0].confidence if readings else _mean(words)
                readings.append(Reading(words, first * min(1.0, worse)))
        return readings

    def _step(self, row: npt.NDArray[np.float32]) -> None:
        weighted = row.astype(np.float64)
        weighted[self._tokens.blank] -= self._parameters.blank_penalty
        weighted -= weighted.max()
        chosen = np.flatnonzero(weighted >= -_TOKEN_BEAM)
        chosen = chosen[np.argsort(-weighted[chosen], kind="stable")]
        heard = list(zip(chosen.tolist(), weighted[chosen].tolist(), strict=True))
        beam: dict[tuple[int, str, bool], _Prefix] = {}
        # The likeliest token is certain, so that no score of the next frame is below
        # what the best prefix has now but by the price of a word.
        lowest = self._beam[0].score - self._parameters.score_beam
        for prefix in self._beam:
            score = prefix.score
            for token, log in heard:
                if score + log < lowest:
                    break
                self._go_on(beam, prefix, token, log)
        self._frame += 1
        scored = sorted(((prefix.score, prefix) for prefix in beam.values()), key=_by_score)
        lowest = scored[0][0] - self._parameters.score_beam
        kept = scored[: self._parameters.beam]
        self._beam = [prefix for score, prefix in kept if score >= lowest]

    def _go_on(
        self, beam: dict[tuple[int, str, bool], _Prefix], prefix: _Prefix, token: int, log: float
    ) -> None:
        """Put what a prefix becomes by a token into the next beam."""
        tokens, total = self._tokens, prefix.total
        if token == tokens.blank:
            _put(beam, self._same(prefix, log, blank=total + log))
        elif token == tokens.space:
            if prefix.text:
                _put(beam, self._completed(prefix, total + log))
            else:
                # Between words a space more is silence.
                _put(beam, self._same(prefix, log, token=total + log))
        elif token == prefix.last and prefix.text:
            _put(beam, self._same(prefix, log, token=prefix.token + log))
            if prefix.blank > _NEVER:
                _put(beam, self._longer(prefix, token, log, prefix.blank + log))
        else:
            _put(beam, self._longer(prefix, token, log, total + log))

    def _same(
        self, prefix: _Prefix, log: float, *, blank: float = _NEVER, token: float = _NEVER
    ) -> _Prefix:
        is_letter = token > _NEVER and prefix.text
        return _Prefix(
            prefix.words,
            prefix.history,
            prefix.text,
            prefix.last,
            prefix.prior,
            prefix.state,
            prefix.start,
            self._frame + 1 if is_letter else prefix.end,
            prefix.fit + log,
            blank=blank,
            token=token,
        )

    def _longer(self, prefix: _Prefix, token: int, log: float, total: float) -> _Prefix:
        is_first = not prefix.text
        return _Prefix(
            prefix.words,
            prefix.history,
            prefix.text + self._tokens.texts[token],
            token,
            prefix.prior,
            prefix.state,
            self._frame if is_first else prefix.start,
            self._frame + 1,
            log if is_first else prefix.fit + log,
            token=total,
        )

    def _completed(self, prefix: _Prefix, total: float) -> _Prefix:
        """Return the prefix with its running word made one of its words."""
        log, state = self._words.score(prefix.state, prefix.text)
        quality = prefix.fit / max(1, self._frame - prefix.start)
        return _Prefix(
            _Word(prefix.words, prefix.text, prefix.start, prefix.end, quality),
            hash((prefix.history, prefix.text)),
            "",
            self._tokens.blank,
            prefix.prior + self._parameters.lm_weight * log + self._parameters.word_bonus,
            state,
            prefix.start,
            prefix.end,
            0.0,
            token=total,
        )

    def _decoded(
        self, prefix: _Prefix, voters: list[tuple[_Prefix, float]]
    ) -> tuple[DecodedWord, ...]:
        """Return a prefix's words; a word's share is that of the prefixes that agree in it."""
        votes: dict[str, list[tuple[int, float]]] = {}
        for voter, share in voters:
            for word in self._chain(voter):
                votes.setdefault(word.text, []).append((word.start, share))
        decoded = []
        for word in self._chain(prefix):
            reach = max(_SAME_TIME, word.end - word.start)
            near = (
                share for at, share in votes.get(word.text, ()) if abs(at - word.start) <= reach
            )
            confidence = self._calibration.word(min(1.0, sum(near)), word.quality)
            decoded.append(DecodedWord(word.text, word.start, word.end, confidence))
        return tuple(decoded)

    def _chain(self, prefix: _Prefix) -> list[_Word]:
        words: list[_Word] = []
        if prefix.text:
            quality = prefix.fit / max(1, self._frame - prefix.start)
            words.append(_Word(None, prefix.text, prefix.start, prefix.end, quality))
        word = prefix.words
        while word is not None:
            words.append(word)
            word = word.before
        return words[::-1]


def _put(beam: dict[tuple[int, str, bool], _Prefix], prefix: _Prefix) -> None:
    """Add a way to those with the same letters; times are those of the likelier ways."""
    key = (prefix.history, prefix.text, prefix.words is None)
    known = beam.get(key)
    if known is None:
        beam[key] = prefix
        return
    if prefix.total > known.total:
        known, prefix = prefix, known
        beam[key] = known
    known.blank = _sum(known.blank, prefix.blank)
    known.token = _sum(known.token, prefix.token)


def _by_score(scored: tuple[float, _Prefix]) -> float:
    return -scored[0]


def _sum(first: float, second: float) -> float:
    """Return the logarithm of the sum of two probabilities."""
    if first < second:
        first, second = second, first
    return first if second == _NEVER else first + math.log1p(math.exp(second - first))


def _mean(words: tuple[DecodedWord, ...]) -> float:
    return sum(word.confidence for word in words) / len(words) if words else 1.0
