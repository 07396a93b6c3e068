"""What every access store does, whatever it is made of."""

import asyncio
import contextlib
from dataclasses import replace

import pytest

from access_fixtures import Clock, OpenStore
from rechka.access.audit import Actor, AuditEvent, AuditLog, Outcome
from rechka.access.credentials import ApiKey, AuthorizedKey, SigningKey
from rechka.access.identities import Account, AccountKind, Folder, Role, RoleBinding
from rechka.access.port import AccessStore, Usage
from rechka.access.quota import Quota, QuotaName
from rechka.errors import AccessError, ErrorCode

FOLDER = Folder("b1gone", "one", 1.0)
SERVICE = Account("ajeone", AccountKind.SERVICE, "b1gone", "robot", 2.0)
USER = Account("bfbone", AccountKind.USER, "", "Ann", 3.0)
API_KEY = ApiKey("ajkone", SERVICE, "0123456789abcdef" * 4, "laptop", 4.0)
AUTHORIZED_KEY = AuthorizedKey("ajktwo", SERVICE, "-----BEGIN PUBLIC KEY-----", 5.0)
SIGNING_KEY = SigningKey("0011", bytes(range(32)), 6.0)
EDITOR = RoleBinding("b1gone", "ajeone", Role.EDITOR)
UNLIMITED = Quota(sessions_per_s=0, concurrent_sessions=0, audio_s_per_day=0)
ACTOR = Actor("os:root", "192.0.2.1", "request")


def event(action: str = "test", at_s: float = 10.0) -> AuditEvent:
    return AuditEvent(at_s=at_s, action=action, actor=ACTOR)


async def fill(store: AccessStore) -> None:
    assert await store.add_folder(FOLDER, event())
    assert await store.add_account(SERVICE, event())
    assert await store.add_account(USER, event())


async def admit(
    store: AccessStore, lease_id: str, quota: Quota, *, life_s: float = 40.0
) -> tuple[QuotaName, float] | None:
    return await store.admit(
        lease_id=lease_id, folder_id="b1gone", server_id="here", life_s=life_s, default=quota
    )


async def actions(store: AccessStore) -> list[str]:
    return [item.action for item in await store.read_events(after_id=0, limit=100)]


async def test_what_was_kept_is_found_as_it_was(store: AccessStore) -> None:
    await fill(store)
    assert await store.find_folder("b1gone") == FOLDER
    assert await store.find_account("ajeone") == SERVICE
    assert await store.find_account("bfbone") == USER
    assert await store.list_folders() == [FOLDER]
    assert await store.list_accounts() == [SERVICE, USER]


async def test_what_was_never_kept_is_not_found(store: AccessStore) -> None:
    assert await store.find_folder("none") is None
    assert await store.find_account("none") is None
    assert await store.find_api_key("none") is None
    assert await store.find_authorized_key("none") is None
    assert await store.find_roles(account_id="none", folder_id="none") == frozenset()
    assert await store.last_event_id() == 0


async def test_the_first_of_two_with_one_id_stays(store: AccessStore) -> None:
    await fill(store)
    assert not await store.add_folder(replace(FOLDER, name="other"), event("again"))
    assert not await store.add_account(replace(USER, name="other"), event("again"))
    assert await store.find_folder("b1gone") == FOLDER
    assert await store.find_account("bfbone") == USER
    assert "again" not in await actions(store)


async def test_a_deleted_folder_is_gone_with_its_roles_and_its_id_stays_taken(
    store: AccessStore,
) -> None:
    await fill(store)
    await store.grant(EDITOR, event())
    assert await store.delete_folder("b1gone", event("delete"))
    assert not await store.delete_folder("b1gone", event("again"))
    assert await store.find_folder("b1gone") is None
    assert await store.list_folders() == []
    assert await store.list_bindings() == []
    assert not await store.add_folder(FOLDER, event("again"))
    assert (await actions(store))[-1] == "delete"


async def test_roles_are_given_once_and_taken_once(store: AccessStore) -> None:
    await fill(store)
    assert await store.grant(EDITOR, event())
    assert not await store.grant(EDITOR, event("again"))
    assert await store.grant(replace(EDITOR, role=Role.VIEWER), event())
    found = await store.find_roles(account_id="ajeone", folder_id="b1gone")
    assert found == {Role.EDITOR, Role.VIEWER}
    assert await store.list_bindings(account_id="bfbone") == []
    assert len(await store.list_bindings(folder_id="b1gone")) == 2
    assert await store.revoke(EDITOR, event())
    assert not await store.revoke(EDITOR, event("again"))
    found = await store.find_roles(account_id="ajeone", folder_id="b1gone")
    assert found == {Role.VIEWER}
    assert "again" not in await actions(store)


async def test_an_api_key_is_found_by_the_beginning_of_its_hash(store: AccessStore) -> None:
    await fill(store)
    assert await store.add_api_key(API_KEY, event())
    assert not await store.add_api_key(replace(API_KEY, key_id="ajkother"), event("again"))
    assert await store.find_api_key(API_KEY.lookup) == API_KEY
    assert await store.find_api_key("f" * 16) is None
    assert await store.list_api_keys() == [API_KEY]
    assert await store.list_api_keys(account_id="bfbone") == []


async def test_a_revoked_key_is_found_as_revoked_and_listed_no_more(store: AccessStore) -> None:
    await fill(store)
    await store.add_api_key(API_KEY, event())
    await store.add_authorized_key(AUTHORIZED_KEY, event())
    assert await store.revoke_api_key("ajkone", event())
    assert not await store.revoke_api_key("ajkone", event("again"))
    assert await store.revoke_authorized_key("ajktwo", event())
    assert not await store.revoke_authorized_key("none", event("again"))
    assert await store.find_api_key(API_KEY.lookup) == replace(API_KEY, revoked=True)
    assert await store.find_authorized_key("ajktwo") == replace(AUTHORIZED_KEY, revoked=True)
    assert await store.list_api_keys() == []
    assert await store.list_authorized_keys() == []
    assert "again" not in await actions(store)


async def test_a_disabled_account_shows_in_its_keys_and_in_the_trust(store: AccessStore) -> None:
    await fill(store)
    await store.add_api_key(API_KEY, event())
    await store.add_authorized_key(AUTHORIZED_KEY, event())
    assert await store.set_disabled("ajeone", disabled=True, event=event())
    assert not await store.set_disabled("ajeone", disabled=True, event=event("again"))
    api_key = await store.find_api_key(API_KEY.lookup)
    authorized_key = await store.find_authorized_key("ajktwo")
    assert api_key is not None
    assert authorized_key is not None
    assert api_key.account.disabled
    assert authorized_key.account.disabled
    assert (await store.read_trust()).disabled_accounts == {"ajeone"}
    assert await store.set_disabled("ajeone", disabled=False, event=event())
    assert (await store.read_trust()).disabled_accounts == frozenset()


async def test_the_trust_names_signing_keys_and_revoked_tokens(store: AccessStore) -> None:
    assert await store.add_signing_key(SIGNING_KEY, event())
    assert not await store.add_signing_key(SIGNING_KEY, event("again"))
    assert await store.revoke_token("tokone", expires_at_s=100.0, event=event())
    assert not await store.revoke_token("tokone", expires_at_s=100.0, event=event("again"))
    trust = await store.read_trust()
    assert trust.signing_keys == {"0011": SIGNING_KEY}
    assert trust.revoked_tokens == {"tokone"}
    assert await store.purge_tokens(before_s=100.0) == 0
    assert await store.purge_tokens(before_s=101.0) == 1
    assert (await store.read_trust()).revoked_tokens == frozenset()


async def test_the_trust_names_a_revoked_authorized_key_while_its_tokens_live(
    store: AccessStore, clock: Clock
) -> None:
    await fill(store)
    await store.add_authorized_key(AUTHORIZED_KEY, event())
    assert (await store.read_trust()).revoked_keys == frozenset()
    await store.revoke_authorized_key("ajktwo", event(at_s=clock.now_s))
    assert (await store.read_trust()).revoked_keys == {"ajktwo"}
    clock.now_s += 13 * 3600.0 + 1.0
    assert (await store.read_trust()).revoked_keys == frozenset()


async def test_odd_text_of_a_client_is_kept_in_the_trail(store: AccessStore, clock: Clock) -> None:
    log = AuditLog(store, clock=clock)
    log.note("authorize", ACTOR, folder_id="a\x00b\ud800")
    await log.flush()
    assert await actions(store) == ["authorize"]


async def test_a_revoked_signing_key_never_comes_back(store: AccessStore) -> None:
    await store.add_signing_key(SIGNING_KEY, event())
    assert await store.revoke_signing_key("0011", event())
    assert not await store.revoke_signing_key("0011", event("again"))
    assert not await store.add_signing_key(SIGNING_KEY, event("again"))
    assert (await store.read_trust()).signing_keys == {}


async def test_another_server_sees_the_revision_of_what_it_must_hear(
    open_store: OpenStore,
) -> None:
    here, there = await open_store(), await open_store()
    await fill(here)
    await here.add_api_key(API_KEY, event())
    await here.add_authorized_key(AUTHORIZED_KEY, event())
    seen = {await there.read_revision()}

    async def is_heard() -> bool:
        revision = await there.read_revision()
        is_new = revision not in seen
        seen.add(revision)
        return is_new

    await here.grant(EDITOR, event())
    assert await is_heard()
    await here.revoke(EDITOR, event())
    assert await is_heard()
    await here.revoke_api_key("ajkone", event())
    assert await is_heard()
    await here.revoke_authorized_key("ajktwo", event())
    assert await is_heard()
    await here.set_disabled("ajeone", disabled=True, event=event())
    assert await is_heard()
    await here.revoke_token("tokone", expires_at_s=100.0, event=event())
    assert await is_heard()
    await here.add_signing_key(SIGNING_KEY, event())
    assert await is_heard()
    await here.delete_folder("b1gone", event())
    assert await is_heard()
    assert (await there.read_trust()).revision == await here.read_revision()


async def test_a_burst_over_two_servers_is_admitted_up_to_the_quota(open_store: OpenStore) -> None:
    stores = [await open_store(), await open_store()]
    await fill(stores[0])
    quota = Quota(sessions_per_s=0, concurrent_sessions=10, audio_s_per_day=0)
    answers = await asyncio.gather(
        *(admit(stores[number % 2], f"lease{number}", quota) for number in range(40))
    )
    assert answers.count(None) == 10
    refused = [answer for answer in answers if answer is not None]
    assert {name for name, _ in refused} == {QuotaName.CONCURRENT_SESSIONS}


async def test_a_caller_that_is_canceled_holds_nobody_up(store: AccessStore) -> None:
    await fill(store)
    for steps in range(60):
        canceled = asyncio.create_task(admit(store, f"canceled{steps}", UNLIMITED))
        for _ in range(steps):
            await asyncio.sleep(0)
        canceled.cancel()
        canceled.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await canceled
        # What was begun has ended: there is no lease that could come later.
        await store.settle(released=[f"canceled{steps}"], usage=[])
        assert await admit(store, f"other{steps}", UNLIMITED) is None
    quota = replace(UNLIMITED, concurrent_sessions=60)
    assert await admit(store, "one too many", quota) is not None
    await store.settle(released=["other0"], usage=[])
    assert await admit(store, "the last", quota) is None


async def test_a_released_slot_is_free_at_once(store: AccessStore) -> None:
    await fill(store)
    quota = replace(UNLIMITED, concurrent_sessions=1)
    assert await admit(store, "one", quota) is None
    assert await admit(store, "two", quota) is not None
    await store.settle(released=["one", "never-seen"], usage=[])
    assert await admit(store, "three", quota) is None


async def test_a_lease_that_nobody_renews_ends_by_itself(store: AccessStore, clock: Clock) -> None:
    await fill(store)
    quota = replace(UNLIMITED, concurrent_sessions=2)
    assert await admit(store, "renewed", quota) is None
    assert await admit(store, "dead", quota) is None
    clock.now_s += 30.0
    await store.renew({"renewed": "b1gone"}, server_id="here", life_s=40.0)
    assert await admit(store, "early", quota) is not None
    clock.now_s += 11.0
    assert await admit(store, "later", quota) is None
    assert await admit(store, "too-many", quota) is not None
    assert await store.purge_leases() == 1


async def test_a_lease_that_was_lost_comes_back_when_renewed_and_a_released_one_does_not(
    store: AccessStore, clock: Clock
) -> None:
    await fill(store)
    quota = replace(UNLIMITED, concurrent_sessions=1)
    await admit(store, "one", quota)
    clock.now_s += 50.0
    assert await store.purge_leases() == 1
    await store.renew({"one": "b1gone"}, server_id="here", life_s=40.0)
    assert await admit(store, "two", quota) is not None
    await store.settle(released=["one"], usage=[])
    await store.renew({"one": "b1gone"}, server_id="here", life_s=40.0)
    assert await admit(store, "three", quota) is None


async def test_new_sessions_a_second_are_counted_though_they_end_at_once(
    store: AccessStore, clock: Clock
) -> None:
    await fill(store)
    quota = replace(UNLIMITED, sessions_per_s=2)
    assert await admit(store, "one", quota) is None
    clock.now_s += 0.5
    assert await admit(store, "two", quota) is None
    await store.settle(released=["one", "two"], usage=[])
    await store.purge_leases()
    refusal = await admit(store, "three", quota)
    assert refusal is not None
    name, retry_after_s = refusal
    assert name is QuotaName.SESSIONS_PER_S
    assert retry_after_s == pytest.approx(0.5)
    clock.now_s += retry_after_s + 0.001
    assert await admit(store, "four", quota) is None
    assert await admit(store, "five", quota) is not None


async def test_a_clock_that_is_put_back_holds_up_no_new_session(
    store: AccessStore, clock: Clock
) -> None:
    await fill(store)
    quota = replace(UNLIMITED, sessions_per_s=2, concurrent_sessions=3)
    for name in ("ended", "running"):
        assert await admit(store, name, quota) is None
    await store.settle(released=["ended"], usage=[])
    clock.now_s -= 3600.0
    assert await admit(store, "first", quota) is None
    assert await admit(store, "second", quota) is None
    assert (await admit(store, "too many", quota) or [None])[0] is QuotaName.CONCURRENT_SESSIONS


async def test_leases_of_before_a_clock_was_put_back_count_only_while_they_are_renewed(
    store: AccessStore, clock: Clock
) -> None:
    await fill(store)
    quota = replace(UNLIMITED, concurrent_sessions=2)
    for name in ("running", "dead"):
        assert await admit(store, name, quota) is None
    clock.now_s -= 3600.0
    assert await admit(store, "early", quota) is not None
    await store.renew({"running": "b1gone"}, server_id="here", life_s=40.0)
    assert await store.purge_leases() == 1
    assert await admit(store, "later", quota) is None
    assert await admit(store, "too many", quota) is not None
    clock.now_s += 41.0
    assert await store.purge_leases() == 2


async def test_audio_of_a_day_is_limited_until_midnight(store: AccessStore, clock: Clock) -> None:
    await fill(store)
    quota = replace(UNLIMITED, audio_s_per_day=10)
    used = Usage(folder_id="b1gone", day="2027-01-15", sessions=1, audio_ms=9_999)
    clock.now_s = 1_800_000_000.0  # 2027-01-15 08:00:00 UTC.
    await store.settle(released=[], usage=[used])
    assert await admit(store, "one", quota) is None
    await store.settle(released=[], usage=[replace(used, audio_ms=1)])
    assert await admit(store, "two", quota) == (QuotaName.AUDIO_S_PER_DAY, 16 * 3600.0)
    clock.now_s += 16 * 3600.0
    assert await admit(store, "three", quota) is None


async def test_a_folders_own_quota_wins_over_the_default(store: AccessStore) -> None:
    await fill(store)
    own = Quota(concurrent_sessions=2)
    assert await store.set_quota("b1gone", own, event("quota"))
    assert not await store.set_quota("none", own, event("again"))
    folder = await store.find_folder("b1gone")
    assert folder is not None
    assert folder.quota == own
    answers = [await admit(store, name, UNLIMITED) for name in ("one", "two", "three")]
    assert [answer is None for answer in answers] == [True, True, False]


async def test_a_folder_that_is_not_there_admits_nothing(store: AccessStore) -> None:
    with pytest.raises(AccessError) as caught:
        await admit(store, "one", UNLIMITED)
    assert caught.value.code is ErrorCode.PERMISSION_DENIED


async def test_many_leases_are_renewed_and_released_together(store: AccessStore) -> None:
    await fill(store)
    leases = {f"lease{number}": "b1gone" for number in range(450)}
    await store.renew(leases, server_id="here", life_s=40.0)
    quota = replace(UNLIMITED, concurrent_sessions=451)
    assert await admit(store, "last", quota) is None
    assert await admit(store, "refused", quota) is not None
    await store.settle(released=list(leases), usage=[])
    assert await admit(store, "next", replace(UNLIMITED, concurrent_sessions=2)) is None


async def test_usage_adds_up_by_folder_and_day(store: AccessStore) -> None:
    await fill(store)
    await store.add_folder(Folder("b1gtwo", "two", 9.0), event())
    monday = Usage(folder_id="b1gone", day="2026-01-05", sessions=2, refused=1, audio_ms=1500)
    tuesday = Usage(folder_id="b1gone", day="2026-01-06", sessions=1)
    other = Usage(folder_id="b1gtwo", day="2026-01-05", audio_ms=2**40)
    await store.settle(released=[], usage=[monday, other])
    await store.settle(released=[], usage=[tuesday, monday])
    doubled = Usage(folder_id="b1gone", day="2026-01-05", sessions=4, refused=2, audio_ms=3000)
    assert await store.list_usage(since_day="2026-01-05") == [doubled, other, tuesday]
    assert await store.list_usage(since_day="2026-01-06") == [tuesday]
    assert await store.list_usage(since_day="2026-01-01", folder_id="b1gtwo") == [other]


async def test_events_are_read_in_order_and_forgotten_by_age(store: AccessStore) -> None:
    first = AuditEvent(
        at_s=1.0,
        action="authenticate",
        actor=ACTOR,
        outcome=Outcome.REFUSED,
        folder_id="b1gone",
        subject="ajkone",
        reason="UNAUTHENTICATED",
    )
    await store.add_events([first, event("second", 2.0)])
    await store.add_events([])
    await store.add_events([event("third", 3.0)])
    kept = await store.read_events(after_id=0, limit=2)
    assert [replace(item, event_id=0) for item in kept] == [first, event("second", 2.0)]
    rest = await store.read_events(after_id=kept[-1].event_id, limit=10)
    assert [item.action for item in rest] == ["third"]
    assert await store.last_event_id() == rest[-1].event_id
    assert await store.purge_events(before_s=3.0) == 2
    assert await actions(store) == ["third"]
    await store.purge_events(before_s=9.0)
    await store.add_events([event("fourth")])
    assert await store.last_event_id() > rest[-1].event_id
