"""Which model serves which language and tag: what was selected, and defaults for the rest."""

from collections.abc import Iterable, Mapping, Sequence

from rechka.catalog.candidates import Candidate
from rechka.catalog.selection import TAGS, Selection
from rechka.errors import ErrorCode, RequestError

__all__ = ["Assignment", "assign", "spell"]

_GENERAL = TAGS[0]


Assignment = Mapping[str, Mapping[str, Candidate]]
"""The model by language, in the model's spelling, and tag."""


def assign(candidates: Sequence[Candidate], selection: Selection) -> Assignment:
    """Return which model serves what.

    What was selected holds. Where nothing was, `general` goes to the first candidate
    that has the tag, and another tag to the first that has it and not `general`; if
    there is none, to what serves `general`.

    Args:
        candidates: Better ones first.
        selection: Of models among them.

    Raises:
        RequestError: A selected model is not among them or does not speak the language.
    """
    spellings: dict[str, str] = {}
    for candidate in candidates:
        for language in candidate.languages:
            spellings.setdefault(language.lower(), language)
    for language, chosen in selection.items():
        for tag, name in chosen.items():
            if language not in spellings:
                names = ", ".join(candidate.name for candidate in candidates)
                raise _refusal(
                    f"selection of {language} {tag}: got {name!r}; no model speaks this "
                    f"language; installed: {names or 'none'}"
                )
    return {
        language: _assign_language(candidates, language, selection.get(lower, {}))
        for lower, language in spellings.items()
    }


def spell(candidates: Iterable[Candidate], name: str, language: str) -> str:
    """Return a language as the model of a name writes it.

    Raises:
        RequestError: There is no such model, or it does not speak the language.
    """
    candidates = list(candidates)
    for candidate in candidates:
        if candidate.name != name:
            continue
        for own in candidate.languages:
            if own.lower() == language.lower():
                return own
        spoken = ", ".join(candidate.languages)
        raise _refusal(f"language: got {language!r}; accepted: {spoken}, which {name} recognizes")
    names = ", ".join(candidate.name for candidate in candidates) or "none"
    raise _refusal(f"model: got {name!r}; installed: {names}")


def _assign_language(
    candidates: Sequence[Candidate], language: str, chosen: Mapping[str, str]
) -> Mapping[str, Candidate]:
    lower = language.lower()
    speakers = [
        candidate
        for candidate in candidates
        if lower in (own.lower() for own in candidate.languages)
    ]
    serving: dict[str, Candidate] = {}
    for tag in dict.fromkeys((*TAGS, *(tag for speaker in speakers for tag in speaker.tags))):
        if tag in chosen:
            serving[tag] = _selected(speakers, language, tag, chosen[tag])
            continue
        general = serving.get(_GENERAL)
        made_for = [speaker for speaker in speakers if tag in speaker.tags]
        special = [speaker for speaker in made_for if _GENERAL not in speaker.tags]
        if tag == _GENERAL:
            defaults = made_for
        elif general is not None and (tag in TAGS or tag in general.tags):
            defaults = [*special, general]
        else:
            defaults = [*special, *made_for]
        if defaults:
            serving[tag] = defaults[0]
    return serving


def _selected(speakers: Sequence[Candidate], language: str, tag: str, name: str) -> Candidate:
    for speaker in speakers:
        if speaker.name == name:
            return speaker
    names = ", ".join(speaker.name for speaker in speakers)
    raise _refusal(
        f"selection of {language} {tag}: got {name!r}; accepted: the installed models of the "
        f"language: {names}"
    )


def _refusal(problem: str) -> RequestError:
    return RequestError(ErrorCode.INVALID_CONFIG, problem)
