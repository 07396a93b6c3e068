"""Phrases that one stream prefers, as the text that sherpa-onnx takes with a stream.

It would end the process, or prefer something else, for words that it cannot spell in
the pieces of its model, and for words that it takes for a score or a mark.
"""

from collections.abc import Sequence

from rechka.recognition.engines.sherpa.pieces import Pieces
from rechka.recognition.port import Hotword

__all__ = ["spell_hotwords"]

# Begin a score, a threshold and a caption; "/" separates phrases.
_MARKS = (":", "#", "@")
_SMALLEST_SCORE = 1e-3


def spell_hotwords(hotwords: Sequence[Hotword], pieces: Pieces) -> str:
    """Return the phrases that can be spelled, each with its score.

    sherpa-onnx adds a score with each token of a phrase; a phrase's boosts, one a word,
    are therefore shared among its tokens.

    Args:
        hotwords: Phrases and boosts.
        pieces: Of the model. Phrases with a word that is not made of them are left out.

    Returns:
        Empty if none is left.
    """
    lines: dict[str, str] = {}
    for hotword in hotwords:
        for phrase in _spellings(" ".join(hotword.text.split()), pieces):
            words = phrase.split()
            counts = [pieces.count(word) for word in words]
            if not words or not all(counts) or "/" in phrase or phrase in lines:
                continue
            if any(word.startswith(_MARKS) for word in words):
                continue
            score = hotword.boost * len(words) / sum(counts)
            # Zero would stand for a score of sherpa-onnx's own.
            if abs(score) >= _SMALLEST_SCORE:
                lines[phrase] = f"{phrase} :{score:.4f}"
    return "/".join(lines.values())


def _spellings(text: str, pieces: Pieces) -> list[str]:
    """Return how the model may write a phrase: in the capitals or small letters it has."""
    if not pieces.has_small:
        return [text.upper()]
    if not pieces.has_capitals:
        return [text.lower()]
    small = text.lower()
    first = small[:1].upper() + small[1:]
    each = " ".join(word[:1].upper() + word[1:] for word in small.split())
    return list(dict.fromkeys([text, small, first, each]))
