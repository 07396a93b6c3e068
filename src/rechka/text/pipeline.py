"""From hypotheses to written text: profanity, numbers, capitals, punctuation."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from rechka.results import Hypothesis
from rechka.text.languages import LANGUAGES, capitalize, primary_language
from rechka.text.numbers import normalizer_for
from rechka.text.profanity import ProfanityRules, profanity_filter_for
from rechka.text.punctuation import punctuator_for
from rechka.text.tokens import Token, hypothesis_of, tokens_of

__all__ = ["TextOptions", "TextPipeline", "warm_up"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextOptions:
    """How the text of one session is written.

    Attributes:
        language: BCP 47 tag; "auto" and languages without rules get a first
            capital and nothing else.
        raw_results: Leave the words as the engine says them; only the profanity
            filter still works, if asked for.
        literature_text: Add punctuation and capitals; has no effect on raw results.
        profanity_filter: Keep profanity out of the text.
        profanity_mode: "drop" leaves the word out; "mask" keeps its first letter
            and puts an asterisk for each other one.
        profanity_rules: The operator's own words, added and exempted.
        normalize_partials: Write partial results like final ones.
    """

    language: str
    raw_results: bool = False
    literature_text: bool = False
    profanity_filter: bool = False
    profanity_mode: Literal["drop", "mask"] = "drop"
    profanity_rules: ProfanityRules = field(default_factory=ProfanityRules)
    normalize_partials: bool = False


class TextPipeline:
    """Writes the hypotheses of one session. Pure: the same input gives the same output.

    Word lists and models are loaded once a process and shared, so that a
    pipeline for each session costs next to nothing.

    Threading: safe to share.

    Raises:
        RequestError: Punctuation is asked for and the language has no model.
    """

    def __init__(self, options: TextOptions) -> None:
        self._options = options
        self._language = primary_language(options.language)
        written = not options.raw_results
        self._filter = (
            profanity_filter_for(
                self._language, mode=options.profanity_mode, rules=options.profanity_rules
            )
            if options.profanity_filter
            else None
        )
        self._normalizer = normalizer_for(self._language) if written else None
        self._punctuator = (
            punctuator_for(options.language) if written and options.literature_text else None
        )

    def final(self, alternatives: Sequence[Hypothesis]) -> tuple[Hypothesis, ...]:
        """Write the readings of a settled utterance.

        Args:
            alternatives: Readings, best first.

        Returns:
            The readings in the same order, without those that are empty or that
            read like a better one; empty if nothing is left.
        """
        written: dict[str, Hypothesis] = {}
        for alternative in alternatives:
            tokens = self._filtered(tokens_of(alternative))
            if self._normalizer:
                tokens = self._normalizer.normalize(tokens)
            if self._punctuator:
                tokens = self._punctuator.punctuate(tokens)
            hypothesis = hypothesis_of(self._with_first_capital(tokens), alternative)
            if hypothesis.text:
                written.setdefault(hypothesis.text, hypothesis)
        return tuple(written.values())

    def partial(self, hypothesis: Hypothesis) -> Hypothesis:
        """Write the running utterance so far; its text may come out empty.

        Without `normalize_partials` numbers stay words and there is no
        punctuation. With it, what is shown of the words that a later word
        cannot change is what the final will show.
        """
        tokens = self._filtered(tokens_of(hypothesis))
        if self._options.normalize_partials:
            settled = len(tokens)
            if self._normalizer:
                tokens, settled = self._normalizer.normalize_partial(tokens)
            if self._punctuator:
                tokens = self._punctuator.punctuate_partial(tokens, settled=settled)
        return hypothesis_of(self._with_first_capital(tokens), hypothesis)

    def _filtered(self, tokens: tuple[Token, ...]) -> tuple[Token, ...]:
        return self._filter.apply(tokens) if self._filter else tokens

    def _with_first_capital(self, tokens: tuple[Token, ...]) -> tuple[Token, ...]:
        if self._options.raw_results or not tokens:
            return tokens
        first = tokens[0]
        return (replace(first, text=capitalize(first.text, self._language)), *tokens[1:])


def warm_up(
    language: str,
    *,
    profanity_mode: Literal["drop", "mask"] = "drop",
    profanity_rules: ProfanityRules | None = None,
) -> None:
    """Load all that a session in a language can ask for, so that none waits for it.

    Blocks for up to some hundred milliseconds: the first call of a process loads
    the runtime of the punctuation models.

    Args:
        language: BCP 47 tag; one without rules and models has little to load.
        profanity_mode: As the sessions will have it.
        profanity_rules: As the sessions will have them.
    """
    options = TextOptions(
        language=language,
        literature_text=primary_language(language) in LANGUAGES,
        profanity_filter=True,
        profanity_mode=profanity_mode,
        profanity_rules=profanity_rules or ProfanityRules(),
    )
    TextPipeline(options).final([Hypothesis("1 2")])
