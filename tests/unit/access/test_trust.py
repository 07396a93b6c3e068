"""What a server remembers, and for how long."""

import asyncio

import pytest

from access_fixtures import Clock
from rechka.access.audit import Actor, AuditEvent
from rechka.access.credentials import Trust
from rechka.access.trust import TrustCache
from rechka.errors import ErrorCode, UnavailableError
from rechka.storage.access_memory import MemoryAccessStore

EVENT = AuditEvent(at_s=0.0, action="test", actor=Actor())


class CountingStore(MemoryAccessStore):
    """Counts what it is asked, and may be out of reach."""

    def __init__(self) -> None:
        super().__init__()
        self.revisions = self.trusts = 0
        self.is_reachable = True

    async def read_revision(self) -> int:
        self.revisions += 1
        await asyncio.sleep(0)
        if not self.is_reachable:
            raise UnavailableError(ErrorCode.UNAVAILABLE, "gone")
        return await super().read_revision()

    async def read_trust(self) -> Trust:
        self.trusts += 1
        return await super().read_trust()


@pytest.fixture
def counting() -> CountingStore:
    return CountingStore()


@pytest.fixture
def cache(counting: CountingStore, clock: Clock) -> TrustCache:
    return TrustCache(counting, clock=clock)


async def test_what_is_fresh_is_not_asked_for_again(
    cache: TrustCache, counting: CountingStore, clock: Clock
) -> None:
    first = await cache.current()
    clock.now_s += 1.9
    assert await cache.current() is first
    assert (counting.revisions, counting.trusts) == (1, 1)


async def test_what_is_old_is_asked_for_and_kept_if_nothing_changed(
    cache: TrustCache, counting: CountingStore, clock: Clock
) -> None:
    first = await cache.current()
    clock.now_s += 2.0
    assert await cache.current() is first
    assert (counting.revisions, counting.trusts) == (2, 1)


async def test_a_change_empties_the_memory(
    cache: TrustCache, counting: CountingStore, clock: Clock
) -> None:
    first = await cache.current()
    await counting.revoke_token("tok1", expires_at_s=1.0, event=EVENT)
    clock.now_s += 2.0
    second = await cache.current()
    assert second is not first
    assert second.trust.revoked_tokens == {"tok1"}


async def test_many_who_ask_at_once_share_one_query(
    cache: TrustCache, counting: CountingStore
) -> None:
    answers = await asyncio.gather(*(cache.current() for _ in range(20)))
    assert len({id(answer) for answer in answers}) == 1
    assert counting.revisions <= 2


async def test_a_refresh_asks_though_the_memory_is_fresh(
    cache: TrustCache, counting: CountingStore
) -> None:
    await cache.current()
    await cache.refresh()
    assert counting.revisions == 2


async def test_without_the_store_the_memory_is_good_until_it_is_old(
    cache: TrustCache, counting: CountingStore, clock: Clock
) -> None:
    await cache.current()
    counting.is_reachable = False
    clock.now_s += 1.9
    await cache.current()
    clock.now_s += 0.1
    with pytest.raises(UnavailableError):
        await cache.current()
    counting.is_reachable = True
    await cache.current()
