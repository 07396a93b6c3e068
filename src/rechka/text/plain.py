"""The stages of the pipeline as functions of plain text."""

from typing import Literal

from rechka.results import Hypothesis
from rechka.text.languages import primary_language
from rechka.text.numbers import normalizer_for
from rechka.text.profanity import ProfanityRules, profanity_filter_for
from rechka.text.punctuation import punctuator_for
from rechka.text.tokens import hypothesis_of, tokens_of

__all__ = ["filter_profanity", "normalize", "punctuate"]


def normalize(text: str, *, language: str) -> str:
    """Return `text` with spoken numbers, dates, times, money and units written out.

    Args:
        text: Words divided by white space.
        language: BCP 47 tag; a language without rules returns the words unchanged.
    """
    hypothesis = Hypothesis(text)
    normalizer = normalizer_for(primary_language(language))
    tokens = tokens_of(hypothesis)
    return hypothesis_of(normalizer.normalize(tokens) if normalizer else tokens, hypothesis).text


def filter_profanity(
    text: str,
    *,
    language: str,
    mode: Literal["drop", "mask"] = "drop",
    rules: ProfanityRules | None = None,
) -> str:
    """Return `text` without profanity.

    Args:
        text: Words divided by white space.
        language: BCP 47 tag; in a language without a list only `rules` apply.
        mode: "drop" leaves words out; "mask" keeps the first letter and puts an
            asterisk for each other one.
        rules: The operator's own words, added and exempted.
    """
    hypothesis = Hypothesis(text)
    profanity = profanity_filter_for(
        primary_language(language), mode=mode, rules=rules or ProfanityRules()
    )
    return hypothesis_of(profanity.apply(tokens_of(hypothesis)), hypothesis).text


def punctuate(text: str, *, language: str) -> str:
    """Return `text` as one or more sentences with marks and capitals.

    Args:
        text: Words divided by white space.
        language: BCP 47 tag.

    Raises:
        RequestError: The language has no punctuation model.
    """
    hypothesis = Hypothesis(text)
    tokens = punctuator_for(language).punctuate(tokens_of(hypothesis))
    return hypothesis_of(tokens, hypothesis).text
