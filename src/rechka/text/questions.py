"""The words that make a sentence a question."""

import re
from collections.abc import Sequence
from typing import Final

__all__ = ["asks"]

_RUSSIAN: Final = (
    "кто|кого|кому|кем|ком|что|чего|чему|чем|чём|как|где|куда|откуда|когда|почему|отчего|зачем"
    "|сколько|скольким?и?|насколько|как(ой|ая|ое|ие|ого|ому|им|ими|их|ую)|каков[аоы]?"
    "|котор[а-я]{2,3}|ч(ей|ь[яюеё]|ьи|ьего|ьему|ьей|ьим|ьих)|ли|ль|разве|неужели|неужто"
)
_ENGLISH_VERBS: Final = (
    "am|are|is|was|were|do|does|did|have|has|had|can|could|will|would|shall|should|may|might|must"
)
_ENGLISH: Final = (
    f"(who|whom|whose|what|which|when|where|why|how)('s|'re|'d|'ll|'ve)?|({_ENGLISH_VERBS})(n't)?"
    "|can't|won't|ain't"
)
_TURKISH: Final = (
    "m[ıiuü]([sydmn].*)?|ne|neyi?n?|neye|neden|niye|niçin|nasıl.*|kim.*|nere.*|hangi.*|kaç.*|hani"
    "|ne(ler|yle|ci).*"
)
_QUESTION_WORDS: Final = {
    language: re.compile(words)
    for language, words in (("ru", _RUSSIAN), ("en", _ENGLISH), ("tr", _TURKISH))
}


def asks(words: Sequence[str], language: str) -> bool:
    """Whether a question word is among words in small letters.

    Args:
        words: Marks at their ends are no part of them.
        language: Primary subtag of a language with a punctuation model.
    """
    pattern = _QUESTION_WORDS[language]
    return any(pattern.fullmatch(word.strip(".,?!…:;").replace("’", "'")) for word in words)
