"""Puts the files of a model into a folder, from members that are not trusted."""

import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from rechka.catalog.archives import CHUNK_BYTES, Member, MemberKind, refuse_archive
from rechka.catalog.watcher import Watcher

__all__ = ["folder_members", "safe_parts", "unpack"]

_MOST_MEMBERS = 10_000
_DEEPEST = 16
_LONGEST_PART = 200
# A model's files lie in an archive at its top or in its one folder.
_NAMED_DEPTH = 2


def safe_parts(path: str) -> tuple[str, ...]:
    """Return the parts of a path within a folder.

    Raises:
        ValueError: It leads out of the folder, or is written as no honest path is; the
            message says how.
    """
    if not path or path.startswith("/"):
        raise ValueError("an absolute or empty path")
    if "\\" in path or not path.isprintable() or path[1:2] == ":":
        raise ValueError("a path with a backslash, a drive or a control character")
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    if ".." in parts:
        raise ValueError("a path that leads upwards")
    if len(parts) > _DEEPEST or any(len(part.encode()) > _LONGEST_PART for part in parts):
        raise ValueError(
            f"a path deeper than {_DEEPEST} or with a part longer than {_LONGEST_PART} bytes"
        )
    return parts


def unpack(
    members: Iterable[Member],
    into: Path,
    *,
    place: Path | str,
    wanted: Mapping[str, str],
    limit_bytes: int,
    watcher: Watcher,
) -> None:
    """Write the wanted files, with permissions of our own, and make them durable.

    Args:
        members: Of an archive or of a folder.
        into: Empty folder.
        place: Names the archive in errors.
        wanted: Name to write under to the pattern of the name in the archive, which is
            looked for at its top and in folders there; empty: everything is wanted, under
            its own path, and what is no file or folder is refused.
        limit_bytes: Most bytes to write.
        watcher: Told how far it is.

    Raises:
        RequestError: A member is hostile, there are too many, or they are too large.
        OSError: The disk is full, or fails.
    """
    writer = _Writer(into, place, limit_bytes, watcher)
    seen = _Names()
    for count, member in enumerate(members, start=1):
        if count > _MOST_MEMBERS:
            raise refuse_archive(place, f"holds more than {_MOST_MEMBERS} members")
        try:
            parts = safe_parts(member.path)
            seen.add(parts, is_folder=member.kind is MemberKind.FOLDER)
        except ValueError as error:
            raise refuse_archive(place, f"{member.path!r} is {error}") from None
        target = _target(parts, wanted)
        if member.kind is MemberKind.OTHER or (target and member.kind is MemberKind.LINK):
            raise refuse_archive(place, f"{member.path!r} is {member.kind}; accepted: files")
        if target and member.kind is MemberKind.FILE:
            writer.write(target, member)
    writer.finish()


def _target(parts: tuple[str, ...], wanted: Mapping[str, str]) -> tuple[str, ...] | None:
    if not wanted:
        return parts
    if not 0 < len(parts) <= _NAMED_DEPTH:
        return None
    for name, pattern in wanted.items():
        if fnmatchcase(parts[-1], pattern):
            return (name,)
    return None


class _Names:
    """Tells paths that mean the same file on some file system, and files that are folders."""

    def __init__(self) -> None:
        self._files: set[tuple[str, ...]] = set()
        self._folders: dict[tuple[str, ...], tuple[str, ...]] = {}

    def add(self, parts: tuple[str, ...], *, is_folder: bool) -> None:
        """Take a path.

        Raises:
            ValueError: It clashes with one before; the message says how.
        """
        for depth in range(1, len(parts) + 1):
            part = parts[:depth]
            key = tuple(unicodedata.normalize("NFC", item).casefold() for item in part)
            if is_folder or depth < len(parts):
                if key in self._files:
                    raise ValueError("in a folder that is a file as well")
                if (exact := self._folders.setdefault(key, part)) != part:
                    raise ValueError(f"in a folder that is {'/'.join(exact)!r} as well")
            elif key in self._folders or key in self._files:
                raise ValueError("there twice, perhaps with other capitals")
            else:
                self._files.add(key)


class _Writer:
    def __init__(self, into: Path, place: Path | str, limit_bytes: int, watcher: Watcher) -> None:
        self._into = into
        self._place = place
        self._limit = limit_bytes
        self._watcher = watcher
        self._written = 0
        self._folders = {into}

    def write(self, target: tuple[str, ...], member: Member) -> None:
        path = self._into.joinpath(*target)
        self._make_folder(path.parent)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            handle = os.open(path, flags, 0o644)
        except FileExistsError:
            raise refuse_archive(
                self._place, f"{member.path!r} is a second {'/'.join(target)!r}"
            ) from None
        with os.fdopen(handle, "wb", buffering=0) as file:
            for chunk in member.chunks():
                self._written += len(chunk)
                if self._written > self._limit:
                    raise refuse_archive(
                        self._place,
                        f"unpacks to more than the {self._limit} bytes that are accepted",
                    )
                file.write(chunk)
                self._watcher.progress("unpack", self._written, None)
            os.fsync(handle)

    def finish(self) -> None:
        """Make the names durable as well."""
        for folder in self._folders:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def _make_folder(self, folder: Path) -> None:
        if folder not in self._folders:
            self._make_folder(folder.parent)
            folder.mkdir(mode=0o755)
            self._folders.add(folder)


def folder_members(folder: Path) -> Iterator[Member]:
    """Yield what lies in a folder, links not followed.

    Raises:
        OSError: A folder cannot be read.
    """
    pending = [folder]
    while pending:
        with os.scandir(pending.pop()) as items:
            found = sorted(items, key=lambda entry: entry.name)
        for item in found:
            path = Path(item.path)
            kind = MemberKind.OTHER
            if item.is_symlink():
                kind = MemberKind.LINK
            elif item.is_dir(follow_symlinks=False):
                kind = MemberKind.FOLDER
                pending.append(path)
            elif item.is_file(follow_symlinks=False):
                kind = MemberKind.FILE
            size = item.stat(follow_symlinks=False).st_size
            yield Member(str(path.relative_to(folder)), kind, size, _file_reader(path))


def _file_reader(path: Path) -> Callable[[], Iterator[bytes]]:
    def chunks() -> Iterator[bytes]:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk

    return chunks
