"""What the workers of a server are started with: the settings, the installed models, the choice."""

import os
import stat
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rechka.catalog.assignment import assign
from rechka.catalog.candidates import Candidate, find_candidates
from rechka.catalog.local import models_folder
from rechka.catalog.selection import Selection, read_selection
from rechka.errors import ErrorCode, RequestError, refused_setting
from rechka.recognition.registry import (
    check_model,
    engine_names,
    how_to_install,
    installed_engines,
)
from rechka.settings import RecognitionSettings, Settings

__all__ = ["Plan", "Stamp", "look", "read_plan", "require_selectable"]

_AUTOMATIC = "auto"
# What the catalog notes beside a model; no engine reads it.
_RECORD = "installed.json"
Stamp = tuple[tuple[str, int, int, int], ...]
"""Path, time of change in ns, size in bytes and inode of some files."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What workers are started with.

    Attributes:
        recognition: The settings, with every engine and model named.
        files: Of the models; changed files make another plan.
        passed_over: Installed models whose engine is not installed, with its name.
        broken: Folders of models that cannot be loaded, and why, as far as a look tells.
    """

    recognition: RecognitionSettings
    files: Stamp = ()
    passed_over: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    broken: Mapping[Path, str] = field(default_factory=dict, compare=False)

    def loads(self, folder: Path) -> bool:
        """Return whether a folder is that of a model that is to be served."""
        options = self.recognition.engine_options.values()
        return any(
            str(folder) in table.get("models", ()) for table in options if isinstance(table, dict)
        )


def read_plan(settings: Settings) -> Plan:
    """Find out what is to be served: what the settings say, or for `auto` what is installed.

    An engine that has `models` or `tags` in the settings serves those, before all
    others; what is installed or selected for it is not looked at.

    Raises:
        RequestError: The selection or a setting is not accepted, or there is nothing to
            serve. A model of which a look tells that it cannot be loaded is passed over.
    """
    recognition = settings.recognition
    if recognition.engine != _AUTOMATIC:
        return Plan(recognition)
    own = _own_options(recognition)
    fixed = _fixed(own)
    selection = read_selection(settings.data_dir)
    found = find_candidates(settings.data_dir, check=check_model)
    candidates, passed_over = _usable(found.models, recognition, selection, fixed)
    try:
        assignment = assign(candidates, selection)
    except RequestError as error:
        raise RequestError(error.code, _with_broken(error.message, found.broken)) from None
    tags: dict[Candidate, dict[str, list[str]]] = {}
    for language, serving in assignment.items():
        for tag, candidate in serving.items():
            tags.setdefault(candidate, {}).setdefault(language, []).append(tag)
    used = [candidate for candidate in candidates if candidate in tags]
    names = tuple(dict.fromkeys([*fixed, *(candidate.engine for candidate in used)]))
    if not names:
        problem = _with_broken("got 'auto', and no model is installed", found.broken)
        raise refused_setting("recognition.engine", problem)
    options = {name: dict(own.get(name, {})) for name in names}
    for candidate in used:
        _add(options[candidate.engine], candidate, tags[candidate])
    folders = [candidate.folder for candidate in used if candidate.folder is not None]
    return Plan(
        recognition.model_copy(update={"engine": names, "engine_options": options}),
        files=tuple(item for folder in folders for item in _stamp(folder)),
        passed_over=tuple(passed_over),
        broken=found.broken,
    )


def _usable(
    models: Iterable[Candidate],
    recognition: RecognitionSettings,
    selection: Selection,
    fixed: Collection[str],
) -> tuple[list[Candidate], list[tuple[str, str]]]:
    """Return the models that can be served, and those whose engine is not installed, with it."""
    selected = {name for chosen in selection.values() for name in chosen.values()}
    candidates, passed_over = [], []
    for candidate in models:
        if candidate.engine in fixed and candidate.name not in selected:
            continue
        if candidate.name in selected:
            require_selectable(candidate, recognition)
        if candidate.engine in installed_engines():
            candidates.append(candidate)
        else:
            passed_over.append((candidate.name, candidate.engine))
    return candidates, passed_over


def _with_broken(problem: str, broken: Mapping[Path, str]) -> str:
    """Return what is wrong, with the broken models, among which the missing one may be."""
    return "; broken: ".join([problem, *broken.values()])


def require_selectable(candidate: Candidate, recognition: RecognitionSettings) -> None:
    """Check that a model can be selected with these settings.

    Raises:
        RequestError: Its engine is not installed, or serves what the settings say.
    """
    if candidate.engine not in installed_engines():
        accepted = ", ".join(installed_engines())
        problem = f"got {candidate.name!r} of the engine {candidate.engine!r}, which is not "
        advice = how_to_install(candidate.engine)
        raise RequestError(
            ErrorCode.INVALID_CONFIG,
            f"model: {problem}installed; accepted engines: {accepted}"
            + (f"; to have it: {advice}" if advice else ""),
        )
    if candidate.engine in _fixed(_own_options(recognition)):
        raise refused_setting(
            f"recognition.engine_options.{candidate.engine}",
            f"says which models the engine serves, so that {candidate.name!r} cannot be "
            "selected beside it; accepted: no `models` and `tags` here, or no selection",
        )


def look(settings: Settings) -> Stamp:
    """Return what tells that the selection or an installed model may have changed."""
    if settings.recognition.engine != _AUTOMATIC:
        return ()
    folder = models_folder(settings.data_dir)
    # A model may be linked in from elsewhere, and a walk through folders passes over links.
    links = [path for path in sorted(folder.glob("[!.]*")) if path.is_symlink()]
    return (*_stamp(folder), *(item for link in links for item in (*_of_link(link), *_stamp(link))))


def _fixed(own: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the engines whose models the settings name."""
    return [name for name, options in own.items() if {"models", "tags"} & options.keys()]


def _own_options(recognition: RecognitionSettings) -> dict[str, dict[str, Any]]:
    for name, options in recognition.engine_options.items():
        field = f"recognition.engine_options.{name}"
        if name not in engine_names():
            accepted = ", ".join(engine_names(beside=recognition.engine_options))
            raise refused_setting(field, f"there is no such engine; accepted: {accepted}")
        if not isinstance(options, dict):
            raise refused_setting(
                field, f"got {options!r}; accepted: a table of the engine's options"
            )
    return recognition.engine_options


def _add(options: dict[str, Any], candidate: Candidate, tags: dict[str, list[str]]) -> None:
    """Add a model, with the tags by language that select it, to its engine's options."""
    if candidate.folder is not None:
        options.setdefault("models", []).append(str(candidate.folder))
    lists = list(tags.values())
    is_same_for_all = len(tags) == len(candidate.languages) and all(
        item == lists[0] for item in lists
    )
    options.setdefault("tags", {})[candidate.name] = lists[0] if is_same_for_all else tags


def _of_link(link: Path) -> Stamp:
    try:
        return (_item(link, link.lstat()),)
    except OSError:
        # It has just gone.
        return ()


def _item(path: Path, status: os.stat_result) -> tuple[str, int, int, int]:
    return str(path), status.st_mtime_ns, status.st_size, status.st_ino


def _stamp(folder: Path) -> Stamp:
    stamps = []
    for file in sorted(folder.rglob("*")):
        # What is being written or installed has a dot before its name.
        is_hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        if is_hidden or file.name == _RECORD:
            continue
        try:
            status = file.stat()
        except OSError:
            # It has just gone, and whoever took it away is still at work.
            continue
        if not stat.S_ISDIR(status.st_mode):
            stamps.append(_item(file, status))
    return tuple(stamps)
