"""`rechka models import`: the same checks for what was carried here."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rechka.catalog.archives import Member, open_archive, refuse_archive
from rechka.catalog.candidates import CARRIED, FolderCheck
from rechka.catalog.consent import (
    Consent,
    Outcome,
    expected_sum,
    other_model,
    whole_record,
)
from rechka.catalog.entries import Catalog, Entry
from rechka.catalog.installed import (
    RECORD,
    InstalledRecord,
    find_faults,
    write_record,
)
from rechka.catalog.local import find_models
from rechka.catalog.manifest import MANIFEST
from rechka.catalog.placing import build_entry, build_own, disk_errors, now_text
from rechka.catalog.space import check_disk, check_memory
from rechka.catalog.store import DESK, ModelStore, check_name
from rechka.catalog.unpack import folder_members
from rechka.catalog.watcher import Watcher
from rechka.errors import ErrorCode, RequestError

__all__ = ["Source", "import_model", "recognize_source"]

_CHUNK_BYTES = 1024**2
_OWN_LIMIT_BYTES = 16 * 1024**3


@dataclass(frozen=True, slots=True)
class Source:
    """What is to be imported.

    Attributes:
        path: Of a file or a folder.
        entry: Which model of the catalog it is; None: it must say itself what it is.
        sha256: Of the file; "" of a folder.
    """

    path: Path
    entry: Entry | None
    sha256: str


def recognize_source(catalog: Catalog, path: Path, watcher: Watcher) -> Source:
    """Return what a file or folder is.

    A file is known by its sum, or by its name; a folder by its name, unless it has a
    `model.toml`, by which it speaks for itself.

    Raises:
        RequestError: It cannot be read.
    """
    with disk_errors(path):
        if path.is_dir():
            is_own = (path / MANIFEST).exists()
            return Source(path, None if is_own else _by_name(catalog, path.resolve().name), "")
        sha256 = _sum(path, watcher)
    by_sum = (entry for entry in catalog.entries.values() if entry.sha256 == sha256)
    return Source(path, next(by_sum, None) or _by_name(catalog, path.name), sha256)


def import_model(
    store: ModelStore, source: Source, *, watcher: Watcher, consent: Consent, check: FolderCheck
) -> Outcome:
    """Install a model from an archive or a folder of this machine.

    Args:
        store: Where to.
        source: An archive of the catalog, or of a model with a `model.toml`; or a folder of
            either.
        watcher: Told what is going on.
        consent: What the operator says.
        check: Finds what an engine would not load.

    Raises:
        RequestError: It is not what it should be, does not fit, or needs consent.
    """
    with disk_errors(source.path), store.locked(DESK, watcher):
        if source.entry is None:
            return _import_own(store, source, watcher, consent, check)
        return _import_entry(store, source, source.entry, watcher, consent)


def _import_entry(
    store: ModelStore, source: Source, entry: Entry, watcher: Watcher, consent: Consent
) -> Outcome:
    path, sha256 = source.path, source.sha256
    if not sha256 and not consent.allow_unverified:
        raise RequestError(
            ErrorCode.INVALID_CONFIG,
            f"{path}: the catalog knows the sum of {entry.archive}, not of a folder; accepted: "
            "the archive, or --allow-unverified",
        )
    expected = expected_sum(entry, consent) if sha256 else None
    if expected not in (None, sha256):
        raise refuse_archive(
            path,
            f"is broken, or is not {entry.archive}: got sha256 {sha256}; accepted: {expected}",
        )
    record = _record(entry.name, path, sha256, verified=expected is not None)
    with store.locked(entry.name, watcher):
        here = whole_record(store, entry.name, consent=consent, watcher=watcher)
        if here and sha256 in ("", here.archive_sha256):
            return Outcome(here, store.path(entry.name), was_installed=True)
        if here and not consent.replace:
            raise other_model(store.path(entry.name))
        if not consent.ignore_memory:
            check_memory(entry.memory_bytes or entry.expected_bytes or 0, what=entry.name)
        check_disk(store.folder, entry.needed_bytes, what=entry.name)
        limit_bytes = entry.limit_bytes
        with store.building(entry.name) as built, _members(path, limit_bytes) as members:
            build_entry(entry, members, built, place=path, record=record, watcher=watcher)
            store.install(entry.name, built)
    return Outcome(record, store.path(entry.name))


def _import_own(
    store: ModelStore, source: Source, watcher: Watcher, consent: Consent, check: FolderCheck
) -> Outcome:
    path, sha256 = source.path, source.sha256
    if consent.sha256 and consent.sha256 != sha256:
        raise refuse_archive(
            path, f"got sha256 {sha256 or 'of no file'}; accepted: {consent.sha256}"
        )
    # The record of a copy of an installed model tells whether all of it came along.
    has_record = not sha256 and (path / RECORD).exists()
    if has_record and (faults := find_faults(path, sums=True, watcher=watcher)):
        raise refuse_archive(path, f"is broken: {'; '.join(faults)}")
    check_disk(store.folder, _size_bytes(path), what=str(path))
    limit_bytes = _OWN_LIMIT_BYTES
    with store.building(DESK) as built:
        with _members(path, limit_bytes) as members:
            manifest = build_own(
                members,
                built,
                place=path,
                limit_bytes=limit_bytes,
                watcher=watcher,
                check=check,
            )
        name = check_name(manifest.name)
        _refuse_taken(name, path)
        record = _record(name, path, sha256, verified=consent.sha256 is not None)
        record = write_record(built, record)
        with store.locked(name, watcher):
            here = whole_record(store, name, consent=consent, watcher=watcher)
            if here and here.files == record.files:
                return Outcome(here, store.path(name), was_installed=True)
            if here and not consent.replace:
                raise other_model(store.path(name))
            store.install(name, built)
    return Outcome(record, store.path(name))


def _refuse_taken(name: str, path: Path) -> None:
    """Refuse a name that would hide a model which comes with a package.

    Raises:
        RequestError: It is that of a starter model, or of one that an engine carries.
    """
    owners = {starter.name: "a starter model's" for starter in find_models()}
    owners |= {model.name: f"the model's that {model.engine} carries" for model in CARRIED}
    if name in owners:
        raise RequestError(
            ErrorCode.INVALID_CONFIG, f"{path}: name: got {name!r}, which is {owners[name]}"
        )


@contextmanager
def _members(path: Path, limit_bytes: int) -> Iterator[Iterator[Member]]:
    if path.is_dir():
        yield folder_members(path)
    else:
        with open_archive(path, limit_bytes=limit_bytes) as members:
            yield members


def _size_bytes(path: Path) -> int:
    if path.is_dir():
        return sum(member.size_bytes for member in folder_members(path))
    return path.stat().st_size


def _record(name: str, path: Path, sha256: str, *, verified: bool) -> InstalledRecord:
    return InstalledRecord(
        name=name,
        origin="import",
        source=path.name,
        archive_sha256=sha256 or None,
        verified=verified,
        installed_at=now_text(),
    )


def _by_name(catalog: Catalog, name: str) -> Entry | None:
    for entry in catalog.entries.values():
        if name in (entry.archive, entry.upstream_name, entry.name):
            return entry
    return None


def _sum(path: Path, watcher: Watcher) -> str:
    digest = hashlib.sha256()
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(handle, "rb", buffering=0) as file:
        if not path.is_file():
            raise refuse_archive(path, "is neither a file nor a folder")
        total, done = os.fstat(handle).st_size, 0
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            done += len(chunk)
            watcher.progress("check", done, total)
    return digest.hexdigest()
