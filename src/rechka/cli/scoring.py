"""Error rates of recognized texts against what was said."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Score", "score"]

# An apostrophe or hyphen inside a word belongs to it.
_PUNCTUATION = re.compile(r"[^\w\s'’-]|(?<!\w)['’-]|['’-](?!\w)|_")


@dataclass(frozen=True, slots=True)
class Score:
    """Error rates of a set of texts, each from 0; above 1 when much was inserted.

    Where nothing was said in the whole set, a rate is the number of words, or characters,
    that were recognized.

    Attributes:
        wer: Word error rate without regard to case, punctuation and ё.
        cer: Character error rate, likewise.
        exact_wer: Word error rate of the texts as they are.
        exact_cer: Character error rate of the texts as they are.
    """

    wer: float
    cer: float
    exact_wer: float
    exact_cer: float


def score(references: Sequence[str], texts: Sequence[str]) -> Score:
    """Return the error rates over all pairs, weighted by the length of the references.

    Args:
        references: What was said; empty where nothing was.
        texts: What was recognized, in the same order; may be empty.
    """
    import jiwer  # noqa: PLC0415 - Of an extra; the help of the command needs none of it.

    plain_references = [_plain(text) for text in references]
    plain_texts = [_plain(text) for text in texts]
    return Score(
        wer=jiwer.wer(plain_references, plain_texts),
        cer=jiwer.cer(plain_references, plain_texts),
        exact_wer=jiwer.wer(list(references), list(texts)),
        exact_cer=jiwer.cer(list(references), list(texts)),
    )


def _plain(text: str) -> str:
    folded = text.lower().replace("ё", "е").replace("’", "'")
    return " ".join(_PUNCTUATION.sub(" ", folded).replace("-", " ").split())
