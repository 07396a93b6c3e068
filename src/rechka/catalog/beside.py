"""What an operator laid beside a model, such as a language model: it outlives the model."""

import os
import shutil
from collections.abc import Set as AbstractSet
from pathlib import Path

from rechka.catalog.installed import RECORD, read_record
from rechka.errors import RequestError

__all__ = ["keep_beside"]

# The engine ctc compiles the second from one of the first, and takes it before them.
_LANGUAGE_MODELS, _COMPILED = ("lm.arpa", "lm.arpa.gz"), "graph.bin"


def keep_beside(old: Path, new: Path) -> None:
    """Bring what the record of a model does not list into the folder of the next one.

    It stays in the old folder, too. A name that the new folder has is the new folder's.
    Without a record that can be read nothing tells what is whose, and all is brought.

    Args:
        old: Folder of the model that goes.
        new: Folder of the one that comes.

    Raises:
        OSError: The disk fails.
    """
    try:
        record = read_record(old)
    except RequestError:
        record = None
    listed = {RECORD, *(record.files if record else ())}
    if any((new / name).exists() for name in _LANGUAGE_MODELS):
        # What was compiled is of the language model that goes.
        listed.add(_COMPILED)
    _keep(old, new, "", listed)


def _keep(old: Path, new: Path, prefix: str, listed: AbstractSet[str]) -> None:
    with os.scandir(old) as found:
        items = sorted(found, key=lambda item: item.name)
    for item in items:
        place, path = new / item.name, f"{prefix}{item.name}"
        if item.is_dir(follow_symlinks=False):
            # A name that is a file's in the new model leaves no room for a folder.
            if not os.path.lexists(place) or (place.is_dir() and not place.is_symlink()):
                _keep(Path(item.path), place, f"{path}/", listed)
        elif path not in listed and not os.path.lexists(place):
            new.mkdir(parents=True, exist_ok=True)
            _link(Path(item.path), place)
    if prefix and new.is_dir():
        _sync(new)


def _link(file: Path, place: Path) -> None:
    try:
        os.link(file, place, follow_symlinks=False)
    except OSError:
        # Not every file system has hard links.
        shutil.copy2(file, place, follow_symlinks=False)
        if not place.is_symlink():
            _sync(place)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
