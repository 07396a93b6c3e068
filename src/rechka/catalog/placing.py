"""From the members of an archive or a folder to an installed model."""

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rechka.catalog.archives import Member, refuse_archive
from rechka.catalog.candidates import FolderCheck
from rechka.catalog.entries import Entry
from rechka.catalog.installed import InstalledRecord, write_record
from rechka.catalog.manifest import MANIFEST, ModelManifest, read_manifest
from rechka.catalog.model_file import model_toml
from rechka.catalog.unpack import unpack
from rechka.catalog.watcher import Watcher
from rechka.errors import ErrorCode, RequestError

__all__ = ["build_entry", "build_own", "disk_errors", "now_text"]


def now_text() -> str:
    """Return the time for a record."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def build_entry(
    entry: Entry,
    members: Iterable[Member],
    into: Path,
    *,
    place: Path | str,
    record: InstalledRecord,
    watcher: Watcher,
) -> None:
    """Build the folder of a model of the catalog.

    Args:
        entry: Of the catalog.
        members: Where its files are among.
        into: Empty folder.
        place: Names the source in errors.
        record: What is known of it; the sums are added here.
        watcher: Told how far it is.

    Raises:
        RequestError: The source is hostile, or lacks a file.
        OSError: The disk fails.
    """
    unpack(
        members,
        into,
        place=place,
        wanted=entry.files,
        limit_bytes=entry.limit_bytes,
        watcher=watcher,
    )
    if not entry.files:
        _lift(into)
    present = {path.name for path in into.iterdir()}
    missing = [name for name in entry.files if name not in present | {*entry.optional}]
    if missing or not present:
        asked = ", ".join(entry.files[name] for name in missing) or "any file"
        raise refuse_archive(place, f"lacks {asked}")
    # One that came along would speak for itself; what the catalog says is what counts.
    _write(into / MANIFEST, model_toml(entry, present))
    write_record(into, record)


def build_own(
    members: Iterable[Member],
    into: Path,
    *,
    place: Path | str,
    limit_bytes: int,
    watcher: Watcher,
    check: FolderCheck,
) -> ModelManifest:
    """Build the folder of a model that says itself what it is, all but its record.

    Args:
        members: All of them are its files.
        into: Empty folder.
        place: Names the source in errors.
        limit_bytes: Most bytes to take.
        watcher: Told how far it is.
        check: Finds what an engine would not load.

    Raises:
        RequestError: The source is hostile, or no `model.toml` is there, or it is no good,
            or no engine would load the model.
        OSError: The disk fails.
    """
    unpack(members, into, place=place, wanted={}, limit_bytes=limit_bytes, watcher=watcher)
    _lift(into)
    if not (into / MANIFEST).is_file():
        raise refuse_archive(
            place,
            f"is no model of the catalog, by its sum or its name, and has no {MANIFEST}",
        )
    try:
        manifest = read_manifest(into)
        check(manifest.engine, into)
    except RequestError as error:
        # The folder where it is built is of no use to who reads this.
        problem = error.message.replace(str(into), str(place))
        raise RequestError(error.code, problem) from None
    return manifest


@contextmanager
def disk_errors(place: Path) -> Iterator[None]:
    """Tell a full or failing disk in words.

    Raises:
        RequestError: For an OSError from within.
    """
    try:
        yield
    except OSError as error:
        problem = (error.strerror or str(error)).lower()
        hint = "; what came is kept, free some space and try again" * (
            error.errno in (errno.ENOSPC, errno.EDQUOT)
        )
        raise RequestError(
            ErrorCode.INVALID_CONFIG, f"{error.filename or place}: {problem}{hint}"
        ) from None


def _lift(folder: Path) -> None:
    """Make the one folder that an archive's files lie in the folder itself."""
    (*items,) = folder.iterdir()
    if len(items) != 1 or not items[0].is_dir():
        return
    # Its own name may stand in it once more.
    root = items[0].rename(folder / ".root")
    for item in root.iterdir():
        item.rename(folder / item.name)
    root.rmdir()


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
