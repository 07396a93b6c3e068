"""What may be installed: sums that are known or consented to, names that are free."""

import os
from dataclasses import dataclass
from pathlib import Path

from rechka.catalog.entries import Entry
from rechka.catalog.installed import RECORD, InstalledRecord, find_faults, read_record
from rechka.catalog.store import ModelStore
from rechka.catalog.watcher import Watcher
from rechka.errors import ErrorCode, RequestError

__all__ = ["Consent", "Outcome", "expected_sum", "other_model", "whole_record"]


@dataclass(frozen=True, slots=True)
class Consent:
    """What the operator says about a model.

    Attributes:
        sha256: Sum to expect where the catalog has none; None: not given.
        allow_unverified: Whether a model may come whose sum nobody told.
        replace: Whether another model of the same name may be replaced.
        ignore_memory: Whether a model may be installed that cannot run here.
    """

    sha256: str | None = None
    allow_unverified: bool = False
    replace: bool = False
    ignore_memory: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command did.

    Attributes:
        record: Of the model that is installed now.
        folder: Where it lies.
        was_installed: Whether it lay there whole already, so that nothing was done.
    """

    record: InstalledRecord
    folder: Path
    was_installed: bool = False


def expected_sum(entry: Entry, consent: Consent) -> str | None:
    """Return the sum that an archive must have, None: any, and the operator says so.

    Raises:
        RequestError: Nobody told it, or the operator's is not the catalog's.
    """
    if entry.sha256 is None and consent.sha256 is None and not consent.allow_unverified:
        raise RequestError(
            ErrorCode.INVALID_CONFIG,
            f"{entry.name}: nobody has published a sha256 of {entry.archive}, so it cannot be "
            "told from a forgery; accepted: --sha256 with a sum that you trust, or "
            "--allow-unverified",
        )
    if consent.sha256 and entry.sha256 and consent.sha256 != entry.sha256:
        raise RequestError(
            ErrorCode.INVALID_CONFIG,
            f"sha256: got {consent.sha256}; accepted: {entry.sha256}, which the catalog has "
            f"for {entry.name}",
        )
    return entry.sha256 or consent.sha256


def whole_record(
    store: ModelStore, name: str, *, consent: Consent, watcher: Watcher
) -> InstalledRecord | None:
    """Return what is known of an installed model that is whole; None: absent or broken.

    Args:
        store: Where it lies. Call it locked.
        name: Of the model.
        consent: Whether a folder of which nothing is known may be replaced.
        watcher: Told what is wrong with it.

    Raises:
        RequestError: A folder that no command of ours made has this name, and is not to
            be replaced.
    """
    folder = store.path(name)
    if not os.path.lexists(folder):
        return None
    if not (folder / RECORD).exists() and not consent.replace:
        raise other_model(folder)
    if faults := find_faults(folder, sums=True, watcher=watcher):
        watcher.note(f"{name} is broken and will be replaced: {'; '.join(faults)}")
        return None
    return read_record(folder)


def other_model(folder: Path) -> RequestError:
    """Return the error of a name that is taken."""
    return RequestError(
        ErrorCode.INVALID_CONFIG,
        f"{folder}: another model of this name is installed; --replace puts this one in its place",
    )
