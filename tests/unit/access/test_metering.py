"""Leases and usage of one server, also when its store is away."""

import asyncio

import pytest

from access_fixtures import Clock
from rechka.access.audit import Actor, AuditLog
from rechka.access.identities import Account
from rechka.access.metering import SessionMeter
from rechka.access.quota import Load, Quota, QuotaName, judge
from rechka.errors import CapacityError, ErrorCode, UnavailableError
from rechka.storage.access_memory import MemoryAccessStore

CALLER = Actor("service", "192.0.2.1", "request-1")
ONE = Quota(sessions_per_s=0, concurrent_sessions=1, audio_s_per_day=0)


def no_audio() -> int:
    return 0


@pytest.fixture
def audit(store: MemoryAccessStore, clock: Clock) -> AuditLog:
    return AuditLog(store, clock=clock)


@pytest.fixture
def meter(
    store: MemoryAccessStore, audit: AuditLog, service: Account, clock: Clock
) -> SessionMeter:
    return SessionMeter(store, audit=audit, default=ONE, lease_s=40.0, clock=clock)


async def test_a_refusal_names_the_quota_and_when_to_come_again(
    meter: SessionMeter, store: MemoryAccessStore, audit: AuditLog
) -> None:
    await meter.admit("home", caller=CALLER, audio_ms=no_audio)
    with pytest.raises(CapacityError, match="home is used up: concurrent sessions") as caught:
        await meter.admit("home", caller=CALLER, audio_ms=no_audio)
    assert caught.value.code is ErrorCode.QUOTA_EXCEEDED
    assert caught.value.retry_after_s == 5.0
    last = await store.last_event_id()
    await audit.flush()
    (event,) = await store.read_events(after_id=last, limit=10)
    assert (event.action, event.actor, event.folder_id) == ("session.start", CALLER, "home")
    assert event.reason == "concurrent_sessions"


async def test_a_closed_lease_is_free_and_counted(
    meter: SessionMeter, store: MemoryAccessStore
) -> None:
    lease = await meter.admit("home", caller=CALLER, audio_ms=lambda: 1234)
    await lease.close()
    lease = await meter.admit("home", caller=CALLER, audio_ms=no_audio)
    await lease.close()
    await lease.close()
    (usage,) = await store.list_usage(since_day="")
    assert (usage.sessions, usage.audio_ms, usage.refused) == (2, 1234, 0)


async def test_each_beat_counts_the_audio_since_the_last(
    meter: SessionMeter, store: MemoryAccessStore, clock: Clock
) -> None:
    heard_ms = 0
    lease = await meter.admit("home", caller=CALLER, audio_ms=lambda: heard_ms)
    for total_ms in (1000, 1500, 1500):
        heard_ms = total_ms
        clock.now_s += 30.0
        await meter.beat()
    assert [item.audio_ms for item in await store.list_usage(since_day="")] == [1500]
    heard_ms = 2000
    await lease.close()
    assert [item.audio_ms for item in await store.list_usage(since_day="")] == [2000]


async def test_a_session_that_is_cancelled_gives_its_place_back(
    meter: SessionMeter, store: MemoryAccessStore
) -> None:
    entered = asyncio.Event()

    async def session() -> None:
        lease = await meter.admit("home", caller=CALLER, audio_ms=no_audio)
        try:
            entered.set()
            await asyncio.Event().wait()
        finally:
            await lease.close()

    task = asyncio.create_task(session())
    await entered.wait()
    with pytest.raises(CapacityError):
        await meter.admit("home", caller=CALLER, audio_ms=no_audio)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await meter.admit("home", caller=CALLER, audio_ms=no_audio)
    await meter.beat()
    (usage,) = await store.list_usage(since_day="")
    assert (usage.sessions, usage.refused) == (2, 1)


async def test_what_could_not_be_written_is_written_by_a_later_beat(
    meter: SessionMeter, store: MemoryAccessStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = await meter.admit("home", caller=CALLER, audio_ms=lambda: 700)

    async def gone(**_: object) -> None:
        raise UnavailableError(ErrorCode.UNAVAILABLE, "gone")

    with monkeypatch.context() as patch:
        patch.setattr(store, "settle", gone)
        await lease.close()
        with pytest.raises(UnavailableError):
            await meter.beat()
    with pytest.raises(CapacityError):
        await meter.admit("home", caller=CALLER, audio_ms=no_audio)
    await meter.beat()
    await meter.admit("home", caller=CALLER, audio_ms=no_audio)
    (usage,) = await store.list_usage(since_day="")
    assert (usage.sessions, usage.refused, usage.audio_ms) == (1, 1, 700)


async def test_an_admission_that_is_cancelled_after_it_was_written_is_taken_back(
    meter: SessionMeter, store: MemoryAccessStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    admit = store.admit

    async def admit_and_hang(**arguments: object) -> None:
        await admit(**arguments)  # type: ignore[arg-type]
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(store, "admit", admit_and_hang)
        with pytest.raises(asyncio.CancelledError):
            await meter.admit("home", caller=CALLER, audio_ms=no_audio)
    await meter.beat()
    await meter.admit("home", caller=CALLER, audio_ms=no_audio)


async def test_a_server_that_closes_gives_all_places_back(
    meter: SessionMeter, store: MemoryAccessStore
) -> None:
    await meter.admit("home", caller=CALLER, audio_ms=lambda: 500)
    await meter.close()
    await meter.admit("home", caller=CALLER, audio_ms=no_audio)
    assert [item.audio_ms for item in await store.list_usage(since_day="")] == [500]


@pytest.mark.parametrize(
    ("load", "answer"),
    [
        ({}, None),
        ({"running": 2}, None),
        ({"running": 3}, (QuotaName.CONCURRENT_SESSIONS, 5.0)),
        ({"started_in_last_s": 2, "oldest_start_s": 99.5}, (QuotaName.SESSIONS_PER_S, 0.5)),
        ({"audio_ms_today": 10_000}, (QuotaName.AUDIO_S_PER_DAY, 86_300.0)),
        ({"audio_ms_today": 9_999}, None),
    ],
)
def test_the_rule_of_the_quotas(
    load: dict[str, int], answer: tuple[QuotaName, float] | None
) -> None:
    empty: dict[str, object] = {
        "now_s": 100.0,
        "running": 0,
        "started_in_last_s": 0,
        "oldest_start_s": None,
        "audio_ms_today": 0,
    }
    quota = Quota(sessions_per_s=2, concurrent_sessions=3, audio_s_per_day=10)
    assert judge(Load(**{**empty, **load}), quota) == answer  # type: ignore[arg-type]
