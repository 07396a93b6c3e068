"""What is known of an installed model beside its own `model.toml`: `installed.json`."""

import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rechka.catalog.unpack import folder_members, safe_parts
from rechka.catalog.watcher import SilentWatcher, Watcher
from rechka.errors import ErrorCode, RequestError

__all__ = ["RECORD", "InstalledRecord", "find_faults", "read_record", "write_record"]

RECORD = "installed.json"
_LONGEST_RECORD_BYTES = 4 * 1024**2
_CHUNK_BYTES = 1024**2

_Sum = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _FileRecord(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    size_bytes: Annotated[int, Field(ge=0)]
    sha256: _Sum


class InstalledRecord(BaseModel):
    """How a model came here.

    Attributes:
        format: Of the record.
        name: Of the model.
        origin: Which command brought it.
        source: Url or path that it came from, without secrets.
        archive_sha256: Of the archive; None: it came as a folder.
        verified: Whether this sum is one that the catalog or the operator gave.
        installed_at: UTC, as in "2026-01-31T12:00:00Z".
        files: Path in the folder to size and sum, this record's own left out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    name: str
    origin: Literal["pull", "import"]
    source: str
    archive_sha256: _Sum | None
    verified: bool
    installed_at: str
    files: Mapping[str, _FileRecord] = {}


def write_record(folder: Path, record: InstalledRecord) -> InstalledRecord:
    """Take the sums of all files of a folder and write them with the record into it.

    Returns:
        The record with the sums.

    Raises:
        OSError: A file cannot be read or written.
    """
    found = {
        member.path: _FileRecord(
            size_bytes=member.size_bytes, sha256=_sum_file(folder / member.path, SilentWatcher())
        )
        for member in folder_members(folder)
        if stat.S_ISREG((folder / member.path).lstat().st_mode) and member.path != RECORD
    }
    whole = record.model_copy(update={"files": found})
    with (folder / RECORD).open("w", encoding="utf-8") as file:
        file.write(whole.model_dump_json(indent=1) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return whole


def read_record(folder: Path) -> InstalledRecord | None:
    """Return the record of a folder, None if there is none.

    Raises:
        RequestError: It is no good.
    """
    path = folder / RECORD
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST_RECORD_BYTES)
        return InstalledRecord.model_validate_json(content)
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        problem = str(error).splitlines()[0]
        raise RequestError(ErrorCode.INVALID_CONFIG, f"{path}: is broken: {problem}") from None


def find_faults(folder: Path, *, sums: bool, watcher: Watcher | None = None) -> list[str]:
    """Return what is wrong with the files of an installed model, a line each; sorted.

    Files that the record does not know are no fault: an operator may lay some beside.

    Args:
        folder: Of the model.
        sums: Whether to read every file; otherwise sizes alone are looked at.
        watcher: Told how far the reading is.
    """
    try:
        record = read_record(folder)
    except RequestError as error:
        return [error.message]
    if record is None:
        return [f"{RECORD}: missing, so nothing is known of the files; import the folder"]
    faults = []
    for name, file in sorted(record.files.items()):
        try:
            problem = _fault(folder, name, file, watcher or SilentWatcher(), sums=sums)
        except ValueError as error:
            problem = f"{error}, which no record of ours holds"
        except FileNotFoundError:
            problem = "missing"
        except OSError as error:
            problem = f"cannot be read: {error.strerror}"
        if problem:
            faults.append(f"{name}: {problem}")
    return faults


def _fault(
    folder: Path, name: str, expected: _FileRecord, watcher: Watcher, *, sums: bool
) -> str | None:
    path = folder.joinpath(*safe_parts(name))
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        return "no longer a file"
    if found.st_size != expected.size_bytes:
        return f"got {found.st_size} bytes; accepted: {expected.size_bytes}"
    if sums and (got := _sum_file(path, watcher)) != expected.sha256:
        return f"changed: got sha256 {got}; accepted: {expected.sha256}"
    return None


def _sum_file(path: Path, watcher: Watcher) -> str:
    digest = hashlib.sha256()
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(handle, "rb", buffering=0) as file:
        total, done = os.fstat(handle).st_size, 0
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            done += len(chunk)
            watcher.progress("check", done, total)
    return digest.hexdigest()
