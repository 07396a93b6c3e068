"""An engine's option `tags`: which tags select a model, instead of those that it names."""

from collections.abc import Iterable, Mapping
from typing import Any

from rechka.errors import ErrorCode, RequestError

__all__ = ["ModelTags"]


class ModelTags:
    """The option, checked.

    Args:
        option: By the name of a model a list of tags for all its languages, or a table
            that has a list for each language by which it is to be selected.

    Raises:
        RequestError: The option is something else.
    """

    def __init__(self, option: Mapping[str, Any]) -> None:
        for name, tags in option.items():
            lists = tags.values() if isinstance(tags, dict) else [tags]
            if not all(_is_list_of_tags(item) for item in lists):
                problem = (
                    f"got {tags!r}; accepted: a list of tags such as ['general'], or a table "
                    "of such lists by language"
                )
                raise _refusal(f"tags.{name}", problem)
        self._option = option

    def of(self, name: str, language: str, own: Iterable[str]) -> tuple[str, ...]:
        """Return the tags that select a model.

        Args:
            name: Of the model.
            language: One of the model's.
            own: The tags that the model names itself; they hold where the option does
                not name the model.
        """
        tags = self._option.get(name, own)
        if isinstance(tags, dict):
            by_language = {key.lower(): chosen for key, chosen in tags.items()}
            tags = by_language.get(language.lower(), ())
        return tuple(tags)

    def is_wanted(self, name: str, languages: Iterable[str], own: Iterable[str]) -> bool:
        """Return whether anything selects the model; if not, it need not be loaded."""
        own = tuple(own)
        return any(self.of(name, language, own) for language in languages)

    def require_known(self, names: Iterable[str]) -> None:
        """Check that the option names nothing but these models.

        Raises:
            RequestError: It does.
        """
        names = tuple(names)
        for name in self._option:
            if name not in names:
                accepted = ", ".join(names) or "none"
                raise _refusal("tags", f"got a model named {name!r}; accepted: {accepted}")


def _is_list_of_tags(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(tag, str) and tag for tag in value)


def _refusal(option: str, problem: str) -> RequestError:
    field = f"recognition.engine_options.{option}"
    return RequestError(
        ErrorCode.INVALID_CONFIG, f"settings: {field}: {problem}", violations={field: problem}
    )
