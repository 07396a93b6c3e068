"""An engine's option `tags`: which tags select a model, instead of those that it names."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from rechka.recognition.options import refuse_option

__all__ = ["ModelTags", "Tagged"]


class Tagged(Protocol):
    """What is read of a model's manifest here."""

    @property
    def name(self) -> str:
        """Of the model."""
        ...

    @property
    def languages(self) -> tuple[str, ...]:
        """BCP 47 tags of what it recognizes."""
        ...

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags that the model names itself."""
        ...


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
                raise refuse_option(f"tags.{name}", problem)
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

    def wanted(self, manifests: Mapping[Path, "Tagged"]) -> list[Path]:
        """Return the folders of the models that some tag selects.

        Args:
            manifests: Of all models that there are, by folder.

        Raises:
            RequestError: The option names another model, or no tag selects any.
        """
        self.require_known(manifest.name for manifest in manifests.values())
        wanted = [
            folder
            for folder, manifest in manifests.items()
            if self.is_wanted(manifest.name, manifest.languages, manifest.tags)
        ]
        if not wanted:
            problem = "no tag selects any model; accepted: a tag for at least one"
            raise refuse_option("tags", problem)
        return wanted

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
                raise refuse_option("tags", f"got a model named {name!r}; accepted: {accepted}")


def _is_list_of_tags(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(tag, str) and tag for tag in value)
