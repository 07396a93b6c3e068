"""Finding profanity in a row of words, and dropping or masking it."""

import re
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources
from typing import Final, Literal

from rechka.text.languages import LANGUAGES, fold
from rechka.text.profanity.rules import ProfanityRules, parse_entries
from rechka.text.tokens import Token

__all__ = ["ProfanityFilter", "profanity_filter_for"]

_RUSSIAN_PREFIXES: Final = (
    "(?:без|в|вз?ъ|вы|д[ое]|за|из|изъ|ис|на|недо|не|ни|о|об|обо|объ|от|ото|отъ|пере|по|под"
    "|подъ|пре|при|про|раз|разъ|рас|съ|со|у)?"
)
_RUSSIAN_ENDINGS: Final = (
    "(?:[аеиоуыюяьй]|о[вейюмх]|е[вйюмх]|а[мх]|ами|я[мх]|ями|ы[ейхм]|ыми|и[ейхмя]|ими"
    "|[оеы]го|о?му|ему|ую|юю|ая|яя|ое|ее)?"
)
_ENGLISH_ENDINGS: Final = "(?:e?s|['’]s|s['’])?"
_TURKISH_POSSESSIVES: Final = "(?:[ıiuü]m|[ıiuü]n|s?[ıiuü]|[ıiuü]m[ıiuü]z|[ıiuü]n[ıiuü]z)?"
_TURKISH_CASES: Final = "(?:[yn]?[ıiuü]|[yn]?[ae]|n?[dt][ae]|n?[dt][ae]n|n?[ıiuü]n|y?l[ae]|c[ae])?"
_TURKISH_ENDINGS: Final = (
    f"(?:l[ae]r)?{_TURKISH_POSSESSIVES}{_TURKISH_CASES}(?:d[ıiuü]r|s[ıiuü]n|y[ıiuü]m|ki)?"
)
_ENDINGS: Final = {"ru": _RUSSIAN_ENDINGS, "en": _ENGLISH_ENDINGS, "tr": _TURKISH_ENDINGS}
_PREFIXES: Final = {"ru": _RUSSIAN_PREFIXES}

_LOOKALIKES: Final = str.maketrans("aceopxyk", "асеорхук")
_SIGNS_FOR_LETTERS: Final = str.maketrans("013457@$", "oieastas")
_EDGES: Final = re.compile(r"^\W+|\W+$")
_SENTENCE_MARKS: Final = ".?!…"


class _Matcher:
    """One set of entries, compiled for a language."""

    def __init__(self, entries: Sequence[str], language: str) -> None:
        singles = [entry for entry in entries if " " not in entry]
        pattern = "|".join(_expression(entry, language) for entry in singles)
        self._single = re.compile(pattern or r"(?!)")
        phrases = [entry.split() for entry in entries if " " in entry]
        self._phrases = [
            tuple(re.compile(_expression(word, language)) for word in phrase) for phrase in phrases
        ]
        # Most words begin no phrase, so one cached look spares the search among all.
        firsts = re.compile(
            "|".join(_expression(phrase[0], language) for phrase in phrases) or r"(?!)"
        )
        self._begins_phrase = lru_cache(maxsize=1 << 12)(firsts.fullmatch)

    def matches(self, word: str) -> bool:
        return self._single.fullmatch(word) is not None

    def phrase_at(self, words: Sequence[str], at: int) -> int:
        """Return how many words from `at` are a listed phrase; 0 for none."""
        if not self._begins_phrase(words[at]):
            return 0
        for phrase in self._phrases:
            here = words[at : at + len(phrase)]
            if len(here) == len(phrase) and all(
                pattern.fullmatch(word) for pattern, word in zip(phrase, here, strict=True)
            ):
                return len(phrase)
        return 0


class ProfanityFilter:
    """Drops or masks the words that the lists name.

    Args:
        language: Primary subtag.
        mode: "drop" leaves words out; "mask" keeps the first letter and puts an
            asterisk for each other one.
        rules: The shipped entries together with the operator's.

    Threading: safe to share.
    """

    def __init__(
        self, language: str, *, mode: Literal["drop", "mask"], rules: ProfanityRules
    ) -> None:
        self._language = language
        self._mode = mode
        self._listed = _Matcher(rules.added, language)
        self._exempt = _Matcher(rules.exempted, language)
        self._is_profane = lru_cache(maxsize=1 << 14)(self._judge)

    def apply(self, tokens: Sequence[Token]) -> tuple[Token, ...]:
        """Return the tokens without profanity, or with it masked."""
        words = [_bare(token.text, self._language) for token in tokens]
        profane = [self._is_profane(word) for word in words]
        for at in range(len(words)):
            length = self._listed.phrase_at(words, at)
            if length and not self._exempt.phrase_at(words, at):
                profane[at : at + length] = [True] * length
        for at in range(len(words)):
            length = self._exempt.phrase_at(words, at)
            profane[at : at + length] = [False] * length
        if self._mode == "drop":
            return _without(tokens, profane)
        return tuple(
            Token(_masked(token.text), token.first, token.last) if bad else token
            for token, bad in zip(tokens, profane, strict=True)
        )

    def _judge(self, word: str) -> bool:
        readings = {word, _readable(word, self._language)}
        return any(
            self._listed.matches(reading) and not self._exempt.matches(reading)
            for reading in readings
        )


def profanity_filter_for(
    primary: str, *, mode: Literal["drop", "mask"], rules: ProfanityRules
) -> ProfanityFilter:
    """Return the shared filter of a primary subtag.

    A language without a shipped list has the operator's rules only.
    """
    return _build(primary, mode, rules)


@lru_cache(maxsize=32)
def _build(primary: str, mode: Literal["drop", "mask"], rules: ProfanityRules) -> ProfanityFilter:
    shipped = ProfanityRules()
    if primary in LANGUAGES:
        file = resources.files("rechka.text") / "data" / "profanity" / f"{primary}.txt"
        shipped = parse_entries(file.read_text(encoding="utf-8"), name=f"profanity list {primary}")
    # The operator's word has precedence: an added word wins over a shipped exemption.
    added = {entry.strip("*+~") for entry in rules.added}
    kept = tuple(
        entry
        for entry in shipped.exempted
        if not added.intersection(piece.strip("*+~") for piece in (entry, *entry.split()))
    )
    both = ProfanityRules(shipped.added + rules.added, kept + rules.exempted)
    return ProfanityFilter(primary, mode=mode, rules=both)


def _expression(entry: str, language: str) -> str:
    folded = entry.replace("ё", "е") if language == "ru" else entry
    for sign, expression in (
        ("*", r"[\w'’\-]*"),
        ("~", _PREFIXES.get(language, "")),
    ):
        folded = folded.replace(sign, f"\0{expression}\0")
    pieces = folded.split("\0")
    # Every second piece came from a sign; only the others have "+" as a sign.
    endings = _ENDINGS.get(language, "")
    pieces[::2] = [piece.replace("+", endings) for piece in pieces[::2]]
    return f"(?:{''.join(pieces)})".replace("(", "(?:").replace("(?:?", "(?")


@lru_cache(maxsize=1 << 12)
def _bare(text: str, language: str) -> str:
    word = _EDGES.sub("", fold(text, language))
    return word.replace("ё", "е") if language == "ru" else word


def _readable(word: str, language: str) -> str:
    """Return a word with look-alike signs as the letters that they stand for."""
    if word.isalpha() and (language != "ru" or not re.search("[a-z]", word)):
        return word
    if language == "ru" and re.search("[а-я]", word):
        return word.translate(_LOOKALIKES)
    return word.translate(_SIGNS_FOR_LETTERS) if re.search(r"[^\W\d]", word) else word


def _masked(text: str) -> str:
    first = next((at for at, sign in enumerate(text) if sign.isalnum()), len(text))
    return text[: first + 1] + "".join(
        "*" if sign.isalnum() else sign for sign in text[first + 1 :]
    )


def _without(tokens: Sequence[Token], profane: Sequence[bool]) -> tuple[Token, ...]:
    kept: list[Token] = []
    for token, bad in zip(tokens, profane, strict=True):
        if not bad:
            kept.append(token)
            continue
        mark = token.text[-1]
        if kept and mark in _SENTENCE_MARKS and kept[-1].text[-1] not in _SENTENCE_MARKS:
            last = kept[-1]
            kept[-1] = Token(last.text.rstrip(",;:") + mark, last.first, last.last)
    return tuple(kept)
