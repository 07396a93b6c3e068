"""The models on this machine that a server could serve."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rechka.catalog.local import models_folder, starter_models
from rechka.catalog.manifest import MANIFEST, read_manifest
from rechka.catalog.selection import TAGS
from rechka.errors import RequestError

__all__ = ["CARRIED", "Candidate", "Candidates", "FolderCheck", "find_candidates"]


class FolderCheck(Protocol):
    """Finds what is wrong with a model beyond what all engines share."""

    def __call__(self, engine: str, folder: Path, /) -> None:
        """Check the folder of a model for the engine that is to run it.

        Raises:
            RequestError: The engine would not load it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model on this machine that a server could serve.

    Attributes:
        name: Unique.
        engine: Registered name of the engine that runs it.
        languages: BCP 47 tags of what it recognizes.
        tags: Values of the request's `model` that its maker made it for.
        folder: Of its files; None if its engine carries it.
    """

    name: str
    engine: str
    languages: tuple[str, ...]
    tags: tuple[str, ...]
    folder: Path | None


@dataclass(frozen=True, slots=True)
class Candidates:
    """What there is on this machine.

    Attributes:
        models: Better ones first.
        broken: Folders of those that cannot be loaded, and why, as far as a look tells.
    """

    models: tuple[Candidate, ...]
    broken: Mapping[Path, str]


CARRIED = (Candidate("pocketsphinx-en-us", "pocketsphinx", ("en-US",), TAGS, None),)
"""Models that engines carry with them."""


def find_candidates(data_dir: Path, *, check: FolderCheck) -> Candidates:
    """Return the models on this machine, and those that are broken.

    These are the installed ones by name, then the starter models by name, then those
    that engines carry. Of several with the same name the first is meant.

    Args:
        data_dir: Of the server.
        check: Finds what is wrong with a model beyond what all engines share.
    """
    found: dict[str, Candidate] = {}
    broken: dict[Path, str] = {}
    for folder in (models_folder(data_dir), starter_models()):
        here = []
        for path in [] if folder is None else sorted(_manifests(folder)):
            try:
                here.append(_read(path.parent, check))
            except RequestError as error:
                broken[path.parent] = error.message
        for candidate in sorted(here, key=lambda candidate: candidate.name):
            found.setdefault(candidate.name, candidate)
    for candidate in CARRIED:
        found.setdefault(candidate.name, candidate)
    return Candidates(tuple(found.values()), broken)


def _manifests(folder: Path) -> list[Path]:
    # A name with a dot before it is of a model that is just being installed.
    return [path for path in folder.glob(f"*/{MANIFEST}") if not path.parent.name.startswith(".")]


def _read(folder: Path, check: FolderCheck) -> Candidate:
    manifest = read_manifest(folder)
    check(manifest.engine, folder)
    return Candidate(
        manifest.name, manifest.engine, manifest.languages, manifest.tags, manifest.folder
    )
