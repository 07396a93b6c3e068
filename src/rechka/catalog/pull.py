"""`rechka models pull`: from a mirror to an installed model."""

from rechka.catalog.archives import open_archive
from rechka.catalog.consent import Consent, Outcome, expected_sum, other_model, whole_record
from rechka.catalog.download import Download, Expected, Patience, fetch, shown_url
from rechka.catalog.entries import Catalog, Entry
from rechka.catalog.installed import InstalledRecord
from rechka.catalog.part import PartFile
from rechka.catalog.placing import build_entry, disk_errors, now_text
from rechka.catalog.space import check_disk, check_memory
from rechka.catalog.store import ModelStore
from rechka.catalog.watcher import Watcher
from rechka.errors import RequestError, UnavailableError

__all__ = ["pull_model"]


def pull_model(
    store: ModelStore,
    catalog: Catalog,
    entry: Entry,
    *,
    watcher: Watcher,
    consent: Consent,
    patience: Patience | None = None,
) -> Outcome:
    """Install a model of the catalog, or find that it is installed.

    It may be killed at any time: the model is then there whole or not at all, and the next
    call goes on with what had come. Of two calls at once the second waits for the first.

    Args:
        store: Where to.
        catalog: Knows the mirrors.
        entry: Of the catalog.
        watcher: Told what is going on.
        consent: What the operator says.
        patience: With mirrors.

    Raises:
        RequestError: It does not fit, is not what the catalog says, or needs consent.
        UnavailableError: No mirror gave it.
    """
    sha256 = expected_sum(entry, consent)
    with disk_errors(store.folder), store.locked(entry.name, watcher):
        here = whole_record(store, entry.name, consent=consent, watcher=watcher)
        if here and sha256 in (None, here.archive_sha256):
            store.discard_part(entry.name)
            return Outcome(here, store.path(entry.name), was_installed=True)
        if here and not consent.replace:
            raise other_model(store.path(entry.name))
        if not consent.ignore_memory:
            check_memory(entry.memory_bytes or entry.expected_bytes or 0, what=entry.name)
        download = _download(store, catalog, entry, sha256, watcher, patience)
        record = InstalledRecord(
            name=entry.name,
            origin="pull",
            source=shown_url(download.url),
            archive_sha256=download.sha256,
            verified=sha256 is not None,
            installed_at=now_text(),
        )
        _install(store, entry, record, watcher)
        store.discard_part(entry.name)
    return Outcome(record, store.path(entry.name))


def _download(
    store: ModelStore,
    catalog: Catalog,
    entry: Entry,
    sha256: str | None,
    watcher: Watcher,
    patience: Patience | None,
) -> Download:
    with PartFile(store.part(entry.name), watcher) as part:
        left = max((entry.expected_bytes or 0) - part.size, 0)
        check_disk(store.folder, left + entry.needed_bytes, what=entry.name)
        try:
            return fetch(
                catalog.urls(entry),
                part,
                expected=Expected(entry.archive_bytes, sha256),
                watcher=watcher,
                patience=patience,
            )
        except UnavailableError:
            if part.size == 0:
                store.discard_part(entry.name)
            raise


def _install(store: ModelStore, entry: Entry, record: InstalledRecord, watcher: Watcher) -> None:
    with store.building(entry.name) as built:
        try:
            with open_archive(store.part(entry.name), limit_bytes=entry.limit_bytes) as members:
                build_entry(
                    entry, members, built, place=record.source, record=record, watcher=watcher
                )
        except RequestError:
            # Of what nobody vouched for nothing shows that another copy would be the same.
            if not record.verified:
                store.discard_part(entry.name)
            raise
        store.install(entry.name, built)
