"""A file that comes in pieces, over several runs if need be."""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from rechka.catalog.watcher import Watcher

__all__ = ["Origin", "PartFile"]

_CHUNK_BYTES = 1024**2
_LONGEST_NOTE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Origin:
    """Which version of which file the bytes are of.

    Attributes:
        mirror: Sum of the url that they came from, which may hold a password.
        validator: Strong ETag, or date of the last change; "" if the server told neither.
        total_bytes: Of the whole file; None: the server didn't tell.
    """

    mirror: str
    validator: str
    total_bytes: int | None


class PartFile:
    """The bytes that have come so far, with their sum.

    Nothing is kept in the process: bytes are written as they come, so that what a killed
    process had received is there for the next one.

    Attributes:
        size: Bytes that are there.
        origin: What they are of; None: nothing is there, or it isn't known.
        is_fresh: Whether all of them came in one answer, in this process.

    Args:
        path: Of the file; what is known of it lies in PATH.json.
        watcher: Told how far the reading of what is there is.
    """

    def __init__(self, path: Path, watcher: Watcher) -> None:
        self._path = path
        self._note = path.with_name(f"{path.name}.json")
        self._watcher = watcher
        self._digest = hashlib.sha256()
        self.size = 0
        self.origin: Origin | None = None
        self.is_fresh = False

    def __enter__(self) -> Self:
        """Open it, and read what is there.

        Raises:
            OSError: It cannot be read or written.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.fdopen(os.open(self._path, flags, 0o644), "r+b", buffering=0)
        total = os.fstat(self._file.fileno()).st_size
        while chunk := self._file.read(_CHUNK_BYTES):
            self._digest.update(chunk)
            self.size += len(chunk)
            self._watcher.progress("check", self.size, total)
        self.origin = self._read_note() if self.size else None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it; the bytes stay."""
        self._file.close()

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self._path

    @property
    def sha256(self) -> str:
        """Sum of the bytes that are there, in hexadecimal."""
        return self._digest.hexdigest()

    def begin(self, origin: Origin) -> None:
        """Start anew with the first byte of a file.

        Raises:
            OSError: It cannot be written.
        """
        # In this order: a note beside bytes that it is not of would join two files.
        self.clear()
        self.origin = origin
        self.is_fresh = True
        temporary = self._note.with_name(f"{self._note.name}.new")
        temporary.write_text(json.dumps(asdict(origin)), encoding="utf-8")
        temporary.replace(self._note)

    def resume(self) -> None:
        """Take note that what is appended from here on comes in another answer."""
        self.is_fresh = False

    def append(self, chunk: bytes) -> None:
        """Write the next bytes.

        Raises:
            OSError: The disk is full, or fails.
        """
        view = memoryview(chunk)
        while view:
            written = self._file.write(view)
            self._digest.update(view[:written])
            self.size += written
            view = view[written:]

    def clear(self) -> None:
        """Forget all bytes."""
        self._file.seek(0)
        self._file.truncate(0)
        self._digest = hashlib.sha256()
        self.size = 0
        self.origin = None

    def _read_note(self) -> Origin | None:
        try:
            with self._note.open("rb") as file:
                origin = Origin(**json.loads(file.read(_LONGEST_NOTE_BYTES)))
        except (OSError, ValueError, TypeError, RecursionError):
            # Without it the bytes still count where a sum is known.
            return None
        is_total = origin.total_bytes is None or isinstance(origin.total_bytes, int)
        is_text = isinstance(origin.mirror, str) and isinstance(origin.validator, str)
        return origin if is_total and is_text else None
