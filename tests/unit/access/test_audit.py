"""The log of refusals: batches, floods, and a store that is away."""

from collections.abc import Sequence

import pytest

from access_fixtures import Clock
from rechka.access.audit import Actor, AuditEvent, AuditLog
from rechka.errors import ErrorCode, UnavailableError
from rechka.storage.access_memory import MemoryAccessStore


@pytest.fixture
def log(store: MemoryAccessStore, clock: Clock) -> AuditLog:
    return AuditLog(store, clock=clock)


async def test_what_was_noted_is_written_once_and_in_order(
    log: AuditLog, store: MemoryAccessStore
) -> None:
    for number in range(1200):
        log.note("authenticate", Actor(), reason=str(number))
    await log.flush()
    await log.flush()
    events = await store.read_events(after_id=0, limit=2000)
    assert [event.reason for event in events] == [str(number) for number in range(1200)]


async def test_a_flood_is_cut_and_the_loss_is_written(
    log: AuditLog, store: MemoryAccessStore
) -> None:
    for _ in range(10_005):
        log.note("authenticate", Actor())
    await log.flush()
    events = await store.read_events(after_id=0, limit=20_000)
    assert len(events) == 10_001
    assert (events[-1].action, events[-1].reason) == ("audit.overflow", "5 events lost")


async def test_events_wait_for_a_store_that_is_away(
    log: AuditLog, store: MemoryAccessStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(events: Sequence[AuditEvent]) -> None:
        raise UnavailableError(ErrorCode.UNAVAILABLE, "gone")

    log.note("authenticate", Actor())
    with monkeypatch.context() as patch:
        patch.setattr(store, "add_events", gone)
        with pytest.raises(UnavailableError):
            await log.flush()
    await log.flush()
    assert len(await store.read_events(after_id=0, limit=10)) == 1


async def test_what_a_client_sends_is_cut(log: AuditLog, store: MemoryAccessStore) -> None:
    log.note("authorize", Actor(), folder_id="x" * 10_000)
    await log.flush()
    (event,) = await store.read_events(after_id=0, limit=10)
    assert event.folder_id == "x" * 100


async def test_what_a_client_sends_cannot_harm_a_database_or_a_terminal(
    log: AuditLog, store: MemoryAccessStore
) -> None:
    log.note("authorize", Actor(), folder_id="a\x00b\n\x1b[2Jc\u202ed\ud800")
    await log.flush()
    (event,) = await store.read_events(after_id=0, limit=10)
    assert event.folder_id == "a\ufffdb\ufffd\ufffd[2Jc\ufffdd\ufffd"


async def test_a_flood_of_one_address_is_one_event_a_flush_with_its_number(
    log: AuditLog, store: MemoryAccessStore
) -> None:
    for number in range(30):
        log.note_flood("authenticate", Actor("", "192.0.2.1", f"r{number}"), reason="X")
    log.note_flood("authenticate", Actor("", "192.0.2.2", "other"), reason="X")
    await log.flush()
    await log.flush()
    events = await store.read_events(after_id=0, limit=10)
    assert [(event.actor.request_id, event.reason) for event in events] == [
        ("r0", "X 30 times"),
        ("other", "X 1 times"),
    ]


async def test_floods_of_very_many_addresses_are_cut(
    log: AuditLog, store: MemoryAccessStore
) -> None:
    for number in range(10_003):
        log.note_flood("authenticate", Actor("", f"host {number}"), reason="X")
    await log.flush()
    events = await store.read_events(after_id=0, limit=20_000)
    assert len(events) == 10_001
    assert events[-1].reason == "3 events lost"
