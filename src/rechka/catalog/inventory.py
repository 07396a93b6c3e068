"""All models that this machine has or could have, in one list."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from rechka.catalog.candidates import FolderCheck
from rechka.catalog.entries import Catalog, Entry
from rechka.catalog.installed import find_faults
from rechka.catalog.local import starter_models
from rechka.catalog.manifest import Card, ModelManifest, read_manifest
from rechka.catalog.store import ModelStore
from rechka.errors import ErrorCode, RequestError

__all__ = ["ModelState", "ModelStatus", "find_status", "take_inventory"]


class ModelState(StrEnum):
    """Where a model is."""

    INSTALLED = "installed"
    STARTER = "starter"
    AVAILABLE = "available"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One model.

    Attributes:
        name: Of the model.
        state: Where it is.
        version: Of the model.
        engine: Registered name of its engine.
        languages: BCP 47 tags.
        tags: Values of a request's `model` that select it.
        default_for: Languages that `rechka models pull` takes for its name.
        sample_rate_hz: Native rate; 0: not known.
        size_bytes: On the disk, or of what is to be fetched; None: not known.
        memory_bytes: Of one worker with the model; None: not known.
        licence: SPDX expression.
        licence_url: Where it can be read; None: not known.
        summary: One line for a person.
        card: More for a person.
        folder: Where it lies; None: not on this machine.
        faults: What is wrong with it, as far as a look without reading its files tells.
    """

    name: str
    state: ModelState
    version: str = ""
    engine: str = ""
    languages: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    default_for: tuple[str, ...] = ()
    sample_rate_hz: int = 0
    size_bytes: int | None = None
    memory_bytes: int | None = None
    licence: str = ""
    licence_url: str | None = None
    summary: str = ""
    card: Card = field(default_factory=Card)
    folder: Path | None = None
    faults: tuple[str, ...] = ()


def take_inventory(
    store: ModelStore, catalog: Catalog, *, available: bool, check: FolderCheck
) -> list[ModelStatus]:
    """Return the installed models, then the starter ones, then those to be had; by name.

    Args:
        store: Of the installed models.
        catalog: Of those to be had.
        available: Whether to list these.
        check: Finds what an engine would not load.
    """
    found = [_installed(store.path(name), catalog, check) for name in store.names()]
    names = {status.name for status in found}
    found += [status for status in _starters(check) if status.name not in names]
    if available:
        entries = (catalog.entries[name] for name in sorted(catalog.entries))
        found += [_available(entry) for entry in entries if entry.name not in names]
    return found


def find_status(
    store: ModelStore, catalog: Catalog, name: str, *, check: FolderCheck
) -> ModelStatus:
    """Return one model, looked for as by `take_inventory`.

    Raises:
        RequestError: There is none of this name; the message names those that there are.
    """
    found = take_inventory(store, catalog, available=True, check=check)
    for status in found:
        if status.name == name:
            return status
    # The name of an archive, too, is one that people know a model by.
    for entry in catalog.entries.values():
        if name in (entry.archive, entry.upstream_name):
            return find_status(store, catalog, entry.name, check=check)
    here = ", ".join(item.name for item in found if item.state is not ModelState.AVAILABLE)
    there = ", ".join(item.name for item in found if item.state is ModelState.AVAILABLE)
    raise RequestError(
        ErrorCode.INVALID_CONFIG,
        f"model: got {name!r}; installed: {here or 'none'}; available: {there or 'none'}",
    )


def _installed(folder: Path, catalog: Catalog, check: FolderCheck) -> ModelStatus:
    faults = find_faults(folder, sums=False)
    try:
        manifest = read_manifest(folder)
    except RequestError as error:
        problem = tuple(dict.fromkeys([error.message, *faults]))
        return ModelStatus(folder.name, ModelState.BROKEN, folder=folder, faults=problem)
    if manifest.name != folder.name:
        faults.append(f"model.toml: name: got {manifest.name!r}; accepted: {folder.name!r}")
    faults += _engine_faults(manifest, check)
    state = ModelState.BROKEN if faults else ModelState.INSTALLED
    entry = catalog.entries.get(folder.name)
    return _from_manifest(manifest, state, faults=tuple(faults), entry=entry)


def _starters(check: FolderCheck) -> Iterator[ModelStatus]:
    folder = starter_models()
    for path in sorted(folder.glob("*/model.toml")) if folder else []:
        try:
            manifest = read_manifest(path.parent)
        except RequestError as error:
            yield ModelStatus(
                path.parent.name, ModelState.BROKEN, folder=path.parent, faults=(error.message,)
            )
            continue
        faults = _engine_faults(manifest, check)
        yield _from_manifest(
            manifest, ModelState.BROKEN if faults else ModelState.STARTER, faults=tuple(faults)
        )


def _engine_faults(manifest: ModelManifest, check: FolderCheck) -> list[str]:
    try:
        check(manifest.engine, manifest.folder)
    except RequestError as error:
        return [error.message]
    return []


def _from_manifest(
    manifest: ModelManifest,
    state: ModelState,
    *,
    faults: tuple[str, ...] = (),
    entry: Entry | None = None,
) -> ModelStatus:
    return ModelStatus(
        name=manifest.folder.name if state is not ModelState.STARTER else manifest.name,
        state=state,
        version=manifest.version,
        engine=manifest.engine,
        languages=manifest.languages,
        tags=manifest.tags,
        default_for=entry.default_for if entry else (),
        sample_rate_hz=manifest.sample_rate_hz,
        size_bytes=manifest.size_bytes,
        memory_bytes=entry.memory_bytes if entry else None,
        licence=manifest.licence,
        licence_url=entry.licence_url if entry else None,
        summary=manifest.summary,
        card=manifest.card,
        folder=manifest.folder,
        faults=faults,
    )


def _available(entry: Entry) -> ModelStatus:
    return ModelStatus(
        name=entry.name,
        state=ModelState.AVAILABLE,
        version=entry.version,
        engine=entry.engine,
        languages=entry.languages,
        tags=entry.tags,
        default_for=entry.default_for,
        sample_rate_hz=entry.sample_rate_hz,
        size_bytes=entry.expected_bytes,
        memory_bytes=entry.memory_bytes,
        licence=entry.licence,
        licence_url=entry.licence_url,
        summary=entry.summary,
        card=entry.card,
    )
