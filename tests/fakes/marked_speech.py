"""Speech that tells its own words, and a recognizer that reads them.

A "word" is a run of one sample value, silence is zeros, and there are 1000 samples
a second, so that positions are milliseconds. The recognizer knows how long each
word is: what it hears too short comes out as another word, so that a word that was
cut cannot pass unseen.
"""

from __future__ import annotations

import random
from array import array
from dataclasses import dataclass, field
from itertools import groupby

from rechka.results import Final, Hypothesis, Partial, Result, Word

RATE_HZ = 1_000
PAUSE_MS = 300
# Shorter sounds are noise to the recognizer.
NOISE_MS = 30
# A word is heard right if at least this part of it is heard.
WHOLE_PART = 0.9


@dataclass(frozen=True)
class Speech:
    """What is said: `(value, start_ms, end_ms)` for each word, and the samples."""

    words: tuple[tuple[int, int, int], ...]
    samples: array[int]

    @property
    def texts(self) -> list[str]:
        return [f"w{value}" for value, _, _ in self.words]

    @property
    def lengths(self) -> dict[int, int]:
        return {value: end - start for value, start, end in self.words}

    @property
    def pcm(self) -> bytes:
        return self.samples.tobytes()


@dataclass
class SpeechMaker:
    """Puts words and pauses together."""

    words: list[tuple[int, int, int]] = field(default_factory=list)
    samples: array[int] = field(default_factory=lambda: array("h"))

    def say(self, length_ms: int) -> None:
        value = len(self.words) + 1
        start = len(self.samples)
        self.samples.extend([value] * length_ms)
        self.words.append((value, start, start + length_ms))

    def pause(self, length_ms: int) -> None:
        self.samples.extend([0] * length_ms)

    def made(self) -> Speech:
        return Speech(tuple(self.words), self.samples)


def random_speech(seed: int, *, utterances: int, words: int = 6, step_ms: int = 1) -> Speech:
    """Return utterances of up to `words` words; all lengths are multiples of `step_ms`."""
    dice = random.Random(seed)
    maker = SpeechMaker()

    def length(low: int, high: int) -> int:
        return dice.randrange(low, high, step_ms)

    maker.pause(length(0, 1_000))
    for _ in range(utterances):
        for _ in range(dice.randint(1, words)):
            maker.say(length(200, 700))
            maker.pause(length(0, 260))
        maker.pause(length(340, 1_500))
    return maker.made()


def breathless_speech(seed: int, *, words: int, step_ms: int = 1) -> Speech:
    """Return words without any pause between them."""
    dice = random.Random(seed)
    maker = SpeechMaker()
    for _ in range(words):
        maker.say(dice.randrange(200, 700, step_ms))
    return maker.made()


class MarkedRecognizer:
    """One session of a server that reads `Speech`.

    Args:
        lengths: How long each word is.
        max_utterance_ms: After so much an utterance ends at the next change of word.
        has_word_times: Whether finals carry words.
    """

    def __init__(
        self,
        lengths: dict[int, int],
        *,
        max_utterance_ms: int = 1_000_000,
        has_word_times: bool = True,
    ) -> None:
        self._lengths = lengths
        self._max_utterance_ms = max_utterance_ms
        self._has_word_times = has_word_times
        self._value = 0
        self._run_from = 0
        self._position = 0
        self._words: list[Word] = []

    def hear(self, samples: array[int]) -> list[Result]:
        """Take samples; return the results that they bring about."""
        results: list[Result] = []
        for value, group in groupby(samples):
            if value != self._value:
                results += self._end_run()
                self._value, self._run_from = value, self._position
            self._position += sum(1 for _ in group)
            if value == 0 and self._position - self._run_from >= PAUSE_MS:
                results += self._final()
        return results

    def finish(self) -> list[Result]:
        """Return the last results, as after a half-close."""
        return [*self._end_run(), *self._final()]

    def _end_run(self) -> list[Result]:
        heard = self._position - self._run_from
        if self._value == 0 or heard < NOISE_MS:
            return []
        is_whole = heard >= WHOLE_PART * self._lengths[self._value]
        text = f"w{self._value}" if is_whole else f"cut{self._value}"
        self._words.append(Word(text, self._run_from, self._position))
        if self._position - self._words[0].start_ms >= self._max_utterance_ms:
            return self._final()
        return [Partial(Hypothesis(self._text()))]

    def _final(self) -> list[Result]:
        if not self._words:
            return []
        words = tuple(self._words)
        text = self._text()
        self._words = []
        if not self._has_word_times:
            return [Final((Hypothesis(text),))]
        reading = Hypothesis(text, words=words)
        return [Final((reading,), start_ms=words[0].start_ms, end_ms=words[-1].end_ms)]

    def _text(self) -> str:
        return " ".join(word.text for word in self._words)
