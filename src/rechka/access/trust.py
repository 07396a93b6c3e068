"""What a server remembers of the store, and for how long it may.

One number, the revision, tells whether anything that was remembered may have
changed. It is asked for once a second at most, so a warm session start costs
no query, and a revocation holds everywhere within `max_age_s`.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rechka.access.credentials import ApiKey, Trust
from rechka.access.identities import Role
from rechka.access.port import Credentials

__all__ = ["Memory", "TrustCache"]

# Bounds the memory of a server with very many callers; past it, it forgets and asks again.
_MOST_ENTRIES = 20_000


@dataclass(slots=True)
class Memory:
    """What is known as of one revision. Only what was found is kept, never a miss.

    A query that was begun before a change and answered after it writes into
    the memory of the old revision, which nobody reads any more.

    Attributes:
        trust: What tokens are judged by.
        api_keys: By lookup.
        roles: By account id and folder id; never empty ones.
    """

    trust: Trust
    api_keys: dict[str, ApiKey] = field(default_factory=dict)
    roles: dict[tuple[str, str], frozenset[Role]] = field(default_factory=dict)

    def keep_api_key(self, lookup: str, key: ApiKey) -> None:
        """Remember a key that was found."""
        if len(self.api_keys) >= _MOST_ENTRIES:
            self.api_keys.clear()
        self.api_keys[lookup] = key

    def keep_roles(self, account_id: str, folder_id: str, roles: frozenset[Role]) -> None:
        """Remember roles that were found."""
        if len(self.roles) >= _MOST_ENTRIES:
            self.roles.clear()
        if roles:
            self.roles[account_id, folder_id] = roles


class TrustCache:
    """Hands out a memory that is at most `max_age_s` old.

    Args:
        store: Where the truth is.
        max_age_s: How long an answer of the store is relied on.
        clock: Seconds that only go forward.

    Threading: one event loop.
    """

    def __init__(
        self,
        store: Credentials,
        *,
        max_age_s: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._max_age_s = max_age_s
        self._clock = clock
        self._asking = asyncio.Lock()
        self._memory: Memory | None = None
        self._confirmed_at_s = 0.0
        # Queries are numbered, so that one answer serves all who waited for it.
        self._begun = 0
        self._answered = 0

    async def current(self) -> Memory:
        """Return what is known, after a query if the last one is too long ago.

        Raises:
            UnavailableError: The store is not reachable.

        Cancellation: safe.
        """
        memory = self._memory
        if memory is not None and self._clock() - self._confirmed_at_s < self._max_age_s:
            return memory
        return await self.refresh()

    async def refresh(self) -> Memory:
        """Return what is known as of now. Raises as `current`."""
        wanted = self._begun + 1
        async with self._asking:
            # Another caller's query may have begun while this one waited for its turn.
            if self._memory is not None and self._answered >= wanted:
                return self._memory
            self._begun += 1
            begun_at_s = self._clock()
            revision = await self._store.read_revision()
            if self._memory is None or self._memory.trust.revision != revision:
                self._memory = Memory(await self._store.read_trust())
            self._confirmed_at_s = begun_at_s
            self._answered = self._begun
            return self._memory
