"""What an archive holds, read without trusting anything that it says.

Nothing is written here and no name becomes a path. What a header may cost is bounded, as
is what all members together unpack to, whether they are wanted or not.
"""

import bz2
import gzip
import io
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, Any, cast

from rechka.errors import ErrorCode, RequestError

__all__ = ["CHUNK_BYTES", "Member", "MemberKind", "open_archive", "refuse_archive"]

CHUNK_BYTES = 256 * 1024

# Headers of one member: extended attributes, long names, the map of a sparse file; and the
# directory of a zip file. An archive of a model has a few hundred bytes of them a member.
_HEADER_BYTES = 1024**2
_BROKEN = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError),
    *(ValueError, OverflowError, RecursionError, NotImplementedError, RuntimeError),
)


class MemberKind(StrEnum):
    """What a member is."""

    FILE = "a file"
    FOLDER = "a folder"
    LINK = "a link"
    OTHER = "neither file, folder nor link"


@dataclass(frozen=True, slots=True)
class Member:
    """One member, to be read before the next one is asked for.

    Attributes:
        path: As the archive says it, unchecked.
        kind: What it is.
        size_bytes: As the archive says it, unchecked.
        chunks: Reads the content, at most `CHUNK_BYTES` at a time.
    """

    path: str
    kind: MemberKind
    size_bytes: int
    chunks: Callable[[], Iterator[bytes]]


def refuse_archive(place: Path | str, problem: str) -> RequestError:
    """Return the error of an archive that is not accepted."""
    return RequestError(ErrorCode.INVALID_CONFIG, f"{place}: {problem}")


@contextmanager
def open_archive(path: Path, *, limit_bytes: int) -> Iterator[Iterator[Member]]:
    """Open a tar file, plain or compressed by gzip or bzip2, or a zip file.

    Args:
        path: The file; what it is is told by its content.
        limit_bytes: Most bytes that it may unpack to.

    Raises:
        RequestError: Now or while it is read: it is no such file, is broken, is encrypted,
            or holds more than the limit.
    """
    with path.open("rb") as file:
        start = file.read(512)
        file.seek(0)
        if start.startswith(b"PK\x03\x04"):
            yield _zip_members(file, path, limit_bytes)
        elif start.startswith(b"BZh"):
            with bz2.BZ2File(file) as unpacked:
                yield _tar_members(unpacked, path, limit_bytes)
        elif start.startswith(b"\x1f\x8b"):
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield _tar_members(unpacked, path, limit_bytes)
        elif start[257:262] == b"ustar":
            yield _tar_members(file, path, limit_bytes)
        else:
            raise refuse_archive(path, "is no archive; accepted: .tar.bz2, .tar.gz, .tar, .zip")


class _Metered:
    """A stream whose headers are short and whose whole is within a limit.

    Args:
        raw: Where to read.
        path: Names the archive in errors.
        limit_bytes: Most bytes to read, skipped ones included; None: no limit.
    """

    def __init__(self, raw: IO[bytes], path: Path, limit_bytes: int | None) -> None:
        self._raw = raw
        self._path = path
        self._limit = limit_bytes
        self._at = 0
        self._header_left: int | None = _HEADER_BYTES

    def begin_header(self) -> None:
        """Count what is read from here on as the header of one member."""
        self._header_left = _HEADER_BYTES

    def begin_content(self) -> None:
        """Count what is read from here on as content."""
        self._header_left = None

    def read(self, size: int = -1) -> bytes:
        """Read as a file does; all the rest is never read at once."""
        left = self._header_left
        content = self._raw.read(size if left is None or 0 <= size <= left else left + 1)
        if left is not None:
            if len(content) > left:
                raise refuse_archive(
                    self._path, f"headers of a member are longer than {_HEADER_BYTES} bytes"
                )
            self._header_left = left - len(content)
        self._at += len(content)
        self._check()
        return content

    def tell(self) -> int:
        """Return the position."""
        return self._at if self._limit is not None else self._raw.tell()

    def seek(self, position: int, whence: int = io.SEEK_SET) -> int:
        """Move: anywhere without a limit, with one forward from the start alone."""
        if self._limit is None:
            return self._raw.seek(position, whence)
        if whence != io.SEEK_SET or position < self._at:
            raise refuse_archive(self._path, "its headers contradict each other")
        while self._at < position:
            skipped = self._raw.read(min(CHUNK_BYTES, position - self._at))
            if not skipped:
                break
            self._at += len(skipped)
            self._check()
        return self._at

    def seekable(self) -> bool:
        """Return whether `seek` works."""
        return True

    def _check(self) -> None:
        if self._limit is not None and self._at > self._limit:
            raise refuse_archive(
                self._path, f"unpacks to more than the {self._limit} bytes that are accepted"
            )


def _tar_members(file: IO[bytes] | Any, path: Path, limit_bytes: int) -> Iterator[Member]:
    # Headers and padding are not content: what they may add is small and bounded by it.
    stream = _Metered(file, path, limit_bytes + limit_bytes // 8 + _HEADER_BYTES)
    with _explained(path):
        archive = tarfile.TarFile(fileobj=cast("IO[bytes]", stream), mode="r", errors="strict")
    while True:
        stream.begin_header()
        with _explained(path):
            info = archive.next()
        if info is None:
            break
        stream.begin_content()
        yield Member(info.name, _tar_kind(info), info.size, _tar_reader(archive, info, path))
    # The check sum of what was unpacked comes last of all.
    stream.begin_content()
    with _explained(path):
        while stream.read(CHUNK_BYTES):
            pass


def _tar_kind(info: tarfile.TarInfo) -> MemberKind:
    if info.isdir():
        return MemberKind.FOLDER
    if info.issym() or info.islnk():
        return MemberKind.LINK
    # A sparse file says itself how long its holes are.
    return MemberKind.FILE if info.isreg() and not info.issparse() else MemberKind.OTHER


def _tar_reader(
    archive: tarfile.TarFile, info: tarfile.TarInfo, path: Path
) -> Callable[[], Iterator[bytes]]:
    def chunks() -> Iterator[bytes]:
        left = info.size
        with _explained(path):
            file = archive.extractfile(info)
        while file is not None and left:
            with _explained(path):
                chunk = file.read(min(CHUNK_BYTES, left))
            if not chunk:
                raise refuse_archive(path, f"{info.name!r} is cut short")
            left -= len(chunk)
            yield chunk

    return chunks


def _zip_members(file: IO[bytes], path: Path, limit_bytes: int) -> Iterator[Member]:
    stream = _Metered(file, path, None)
    with _explained(path):
        archive = zipfile.ZipFile(cast("IO[bytes]", stream))
    stream.begin_content()
    left = limit_bytes
    with archive:
        for info in archive.infolist():
            left -= max(info.file_size, 0)
            if left < 0:
                raise refuse_archive(
                    path, f"unpacks to more than the {limit_bytes} bytes that are accepted"
                )
            if info.flag_bits & 0x1:
                raise refuse_archive(path, f"{info.filename!r} is encrypted")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise refuse_archive(
                    path,
                    f"{info.filename!r}: got compression {info.compress_type}; "
                    "accepted: 0 (none), 8 (deflate)",
                )
            # The library cuts a name at a zero byte; the whole name is what is judged.
            yield Member(
                info.orig_filename,
                _zip_kind(info),
                info.file_size,
                _zip_reader(archive, info, path),
            )


def _zip_kind(info: zipfile.ZipInfo) -> MemberKind:
    # The library's own question fails for a name without a character.
    if info.filename.endswith("/"):
        return MemberKind.FOLDER
    mode = stat.S_IFMT(info.external_attr >> 16)
    if mode == stat.S_IFLNK:
        return MemberKind.LINK
    return MemberKind.FILE if mode in (0, stat.S_IFREG) else MemberKind.OTHER


def _zip_reader(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path
) -> Callable[[], Iterator[bytes]]:
    def chunks() -> Iterator[bytes]:
        with _explained(path):
            file = archive.open(info)
        with file:
            while True:
                with _explained(path):
                    chunk = file.read(CHUNK_BYTES)
                if not chunk:
                    return
                yield chunk

    return chunks


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what the libraries raise on a broken file into an error with its name."""
    try:
        yield
    except _BROKEN as error:
        problem = str(error) or type(error).__name__
        raise refuse_archive(path, f"is broken or no such archive: {problem}") from None
