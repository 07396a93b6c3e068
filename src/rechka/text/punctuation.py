"""Capitals and punctuation from a small model a language.

The model looks at the words only: 20 to the left and `RIGHT_CONTEXT_WORDS` to
the right of each. So a decision is settled as soon as that many words follow.
"""

from collections.abc import Sequence
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from rechka.errors import RequestError
from rechka.text.features import RIGHT_CONTEXT_WORDS, word_features
from rechka.text.languages import LANGUAGES, capitalize, fold, primary_language
from rechka.text.questions import asks
from rechka.text.tokens import Token

if TYPE_CHECKING:
    from rechka.onnx_runtime import onnxruntime

__all__ = ["Punctuator", "punctuator_for"]

_MARKS: Final = ("", ",", ".", "?")
_COMMA, _FULL_STOP, _QUESTION = 1, 2, 3
_FIRST_CAPITAL, _ALL_CAPITALS = 1, 2
_SHORT_WORDS: Final = 3
_WRITTEN_MARKS: Final = ".,?!…:;"


class Punctuator:
    """Puts commas, full stops, question marks and capitals.

    Args:
        session: The language's model: input `rows` int64 (3, words), output
            `logits` float32 (words, 7): four of the mark after the word (none,
            comma, full stop, question mark), three of its letters (small,
            first capital, all capitals).
        language: Primary subtag.

    Threading: safe to share.
    """

    def __init__(self, session: "onnxruntime.InferenceSession", language: str) -> None:
        self._session = session
        self._language = language

    def punctuate(self, tokens: Sequence[Token]) -> tuple[Token, ...]:
        """Return whole sentences; the last word always gets a full stop or question mark.

        A few words that hold no question word are an answer: the words alone don't
        tell "yes" from "yes?", and most are said to a question.
        """
        if not tokens:
            return ()
        marks, cases = self._decisions(tokens)
        if marks[-1] not in (_FULL_STOP, _QUESTION):
            marks[-1] = _FULL_STOP
        words = [fold(token.text, self._language) for token in tokens]
        if len(words) <= _SHORT_WORDS and not asks(words, self._language):
            marks = [_FULL_STOP if mark == _QUESTION else mark for mark in marks]
        return self._written(tokens, marks, cases)

    def punctuate_partial(self, tokens: Sequence[Token], *, settled: int) -> tuple[Token, ...]:
        """Return the beginning of sentences that are still being spoken.

        Args:
            tokens: The words so far.
            settled: Number of words from the start that are no part of a number
                which the next word may continue.

        Only decisions that no later word can change are shown.
        """
        if not tokens:
            return ()
        decided = max(0, settled - RIGHT_CONTEXT_WORDS)
        marks, cases = self._decisions(tokens)
        marks[decided:] = [0] * (len(tokens) - decided)
        cases[decided:] = [0] * (len(tokens) - decided)
        return self._written(tokens, marks, cases)

    def _decisions(self, tokens: Sequence[Token]) -> tuple[list[int], list[int]]:
        words = [fold(token.text.rstrip(_WRITTEN_MARKS), self._language) for token in tokens]
        rows = np.array([word_features(word) for word in words], dtype=np.int64).T
        logits: npt.NDArray[np.float32] = self._session.run(["logits"], {"rows": rows})[0]
        return logits[:, :4].argmax(axis=1).tolist(), logits[:, 4:].argmax(axis=1).tolist()

    def _written(
        self, tokens: Sequence[Token], marks: Sequence[int], cases: Sequence[int]
    ) -> tuple[Token, ...]:
        written = []
        starts_sentence = True
        for token, mark, case in zip(tokens, marks, cases, strict=True):
            text = token.text
            if case == _ALL_CAPITALS and not starts_sentence:
                text = text.replace("i", "İ").upper() if self._language == "tr" else text.upper()
            elif starts_sentence or case != 0:
                text = capitalize(text, self._language)
            if mark and text[-1] not in _WRITTEN_MARKS:
                text += _MARKS[mark]
            written.append(Token(text, token.first, token.last))
            starts_sentence = mark in (_FULL_STOP, _QUESTION)
        return tuple(written)


def punctuator_for(language: str) -> Punctuator:
    """Return the shared punctuator of a BCP 47 tag.

    Raises:
        RequestError: The language has no model.
    """
    primary = primary_language(language)
    if primary not in LANGUAGES:
        known = ", ".join(sorted(LANGUAGES))
        problem = (
            f"there is no punctuation model for language {language!r}; there is one for: {known}"
        )
        raise RequestError.about(
            "config.specification.literature_text", problem, message=f"literature_text: {problem}"
        )
    return _load(primary)


@lru_cache(maxsize=len(LANGUAGES))
def _load(primary: str) -> Punctuator:
    # It costs 20 MB, and only this stage needs it.
    from rechka.onnx_runtime import onnxruntime  # noqa: PLC0415

    options = onnxruntime.SessionOptions()
    # One core a call: 20 words take less time than waking another thread.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    model = resources.files("rechka.text") / "data" / "punctuation" / f"{primary}.onnx"
    session = onnxruntime.InferenceSession(
        model.read_bytes(), options, providers=["CPUExecutionProvider"]
    )
    return Punctuator(session, primary)
