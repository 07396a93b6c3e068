"""Choose sentences for synthesized speech: many words, many sequences of letters."""

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from language.corpus import Sentence

__all__ = ["choose_sentences"]

MIN_WORDS: Final = 3
MAX_WORDS: Final = 14
_WORD_GAIN: Final = 2.0


def choose_sentences(pool: Iterable[Sentence], words: frozenset[str], count: int) -> list[Sentence]:
    """Return at most `count` known sentences of 3 to 14 words, the most useful first.

    A sentence gains by each sequence of three letters and, doubly, by each word, the
    less the more often it was chosen before: one, a half, a third of a point and so on.
    What counts is the gain per sequence and word, so that long sentences have no
    advantage.
    """
    candidates = [
        sentence
        for sentence in dict.fromkeys(pool)
        if MIN_WORDS <= len(sentence) <= MAX_WORDS and all(word in words for word in sentence)
    ]
    features = [_features(sentence) for sentence in candidates]
    chosen: Counter[str] = Counter()

    def gain(index: int) -> float:
        total = weight = 0.0
        for feature in features[index]:
            value = _WORD_GAIN if feature[0] == " " else 1.0
            total += value / (1 + chosen[feature])
            weight += value
        return total / weight

    # Gains only fall, so a candidate that stays ahead after an update is the best.
    heap = [(-gain(index), index) for index in range(len(candidates))]
    heapq.heapify(heap)
    result: list[Sentence] = []
    while heap and len(result) < count:
        _, index = heapq.heappop(heap)
        current = -gain(index)
        if heap and current > heap[0][0]:
            heapq.heappush(heap, (current, index))
            continue
        result.append(candidates[index])
        chosen.update(features[index])
    return result


def _features(sentence: Sequence[str]) -> list[str]:
    text = f"#{'_'.join(sentence)}#"
    return [text[at : at + 3] for at in range(len(text) - 2)] + [f" {word}" for word in sentence]
