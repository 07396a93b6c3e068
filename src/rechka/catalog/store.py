"""The folder of installed models, changed only as a whole and by one command at a time.

What is under way lies in `.work` in it: `NAME.lock`, what has come of a download
(`NAME.part`, `NAME.part.json`), what is being unpacked (`NAME.new`) and what is on its way
out (`NAME.old`). A command that is killed leaves these behind; the next one for the same
model takes up the download and clears away the rest.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rechka.catalog.beside import keep_beside
from rechka.catalog.watcher import Watcher
from rechka.errors import ErrorCode, RequestError

__all__ = ["DESK", "ModelStore", "check_name"]

# What is locked, and built, under this name has no name of its own yet.
DESK = ".import"

# Beside the models lie files of their own: `selection.toml`, `catalog.toml`.
_NAME = re.compile(r"(?!.*\.toml\Z)[a-z0-9][a-z0-9._-]{0,99}", re.IGNORECASE | re.ASCII)
_WORK = ".work"
_FOLDER_MODE = 0o755


def check_name(name: str) -> str:
    """Return a model's name if it may be that of a folder.

    Raises:
        RequestError: It may not.
    """
    if not _NAME.fullmatch(name):
        raise RequestError(
            ErrorCode.INVALID_CONFIG,
            f"model: got {name!r}; accepted: a name of letters, digits, '.', '_' and '-' "
            "that begins with a letter or digit and does not end in '.toml', at most 100 long",
        )
    return name


class ModelStore:
    """Models that were pulled or imported.

    Args:
        folder: `data_dir/models`; it is made when something is installed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._work = folder / _WORK

    def path(self, name: str) -> Path:
        """Return where a model lies, or would.

        Raises:
            RequestError: It is no name.
        """
        return self.folder / check_name(name)

    def names(self) -> list[str]:
        """Return the names of all folders of models, whole or broken.

        Raises:
            RequestError: The folder cannot be read.
        """
        try:
            with os.scandir(self.folder) as items:
                return sorted(
                    item.name for item in items if _NAME.fullmatch(item.name) and item.is_dir()
                )
        except FileNotFoundError:
            return []
        except OSError as error:
            raise RequestError(
                ErrorCode.INVALID_CONFIG, f"{self.folder}: cannot be read: {error.strerror}"
            ) from None

    @contextmanager
    def locked(self, name: str, watcher: Watcher) -> Iterator[None]:
        """Keep every other command off a model, and clear what a killed one left.

        Raises:
            RequestError: The folder cannot be written.
        """
        path = self._work / f"{_work_name(name)}.lock"
        try:
            self._work.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            # A lock's file is never removed: two processes could then lock two of them.
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise RequestError(
                ErrorCode.INVALID_CONFIG, f"{path}: cannot be written: {error.strerror}"
            ) from None
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                watcher.note(f"{name}: another command works on it; waiting for its end")
                fcntl.flock(handle, fcntl.LOCK_EX)
            self._clear(name)
            yield
        finally:
            os.close(handle)

    def part(self, name: str) -> Path:
        """Return where what has come of a download lies. Call it locked."""
        return self._work / f"{check_name(name)}.part"

    def discard_part(self, name: str) -> bool:
        """Remove what has come of a download; return whether there was any. Call it locked."""
        part = self.part(name)
        was_there = part.exists()
        for path in (part, *(part.with_name(f"{part.name}.json{end}") for end in ("", ".new"))):
            path.unlink(missing_ok=True)
        return was_there

    @contextmanager
    def building(self, name: str) -> Iterator[Path]:
        """Give a new empty folder to build a model in; what is left there goes. Call it locked."""
        path = self._work / f"{_work_name(name)}.new"
        _remove(path)
        path.mkdir(mode=_FOLDER_MODE)
        try:
            yield path
        finally:
            _remove(path)

    def install(self, name: str, built: Path) -> None:
        """Put a folder in a model's place at once, durably. Call it locked.

        What an operator laid beside the model that was there comes along.

        Raises:
            OSError: The disk fails.
        """
        target, old = self.path(name), self._work / f"{name}.old"
        # Before the renamings: whenever the process is killed, one place has all of it.
        if target.is_dir() and not target.is_symlink():
            keep_beside(target, built)
        _sync(built)
        if os.path.lexists(target):
            target.rename(old)
        built.rename(target)
        _sync(self.folder)
        _sync(self._work)
        _remove(old)

    def remove(self, name: str) -> None:
        """Remove a model at once. Call it locked.

        Raises:
            RequestError: There is none, or it is a link.
        """
        target, gone = self.path(name), self._work / f"{name}.gone"
        if target.is_symlink():
            raise RequestError(
                ErrorCode.INVALID_CONFIG,
                f"{target}: is a link to somewhere else; remove it by hand",
            )
        if not target.is_dir():
            names = ", ".join(self.names()) or "none"
            raise RequestError(ErrorCode.INVALID_CONFIG, f"model: got {name!r}; installed: {names}")
        target.rename(gone)
        _sync(self.folder)
        _remove(gone)

    def _clear(self, name: str) -> None:
        if name == DESK:
            _remove(self._work / f"{name}.new")
            return
        target, old = self.path(name), self._work / f"{name}.old"
        # Between the two renamings of `install` the old model is the only one.
        if os.path.lexists(old) and not os.path.lexists(target):
            old.rename(target)
        for leftover in (old, self._work / f"{name}.new", self._work / f"{name}.gone"):
            _remove(leftover)


def _work_name(name: str) -> str:
    return name if name == DESK else check_name(name)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
