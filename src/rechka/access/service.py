"""Access of one server, put together and kept going."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress

from rechka.access.administration import Administration
from rechka.access.audit import Actor, AuditLog
from rechka.access.authority import Authority
from rechka.access.issuing import TokenIssuer
from rechka.access.metering import SessionMeter
from rechka.access.port import AccessStore
from rechka.access.quota import Quota
from rechka.access.throttle import LoginThrottle
from rechka.access.tokens import TokenSigner
from rechka.access.trust import TrustCache

__all__ = ["Access"]

# A revocation is heard of within this time, half of what the cache allows.
_REFRESH_EVERY_S = 1.0
_FLUSH_EVERY_S = 0.5
_PURGE_EVERY_S = 3600.0
_DAY_S = 86_400.0
# A token of a server whose clock is ahead outlives what this one takes for its end.
_CLOCKS_DIFFER_S = 3600.0


class Access:
    """The judge, the meter, the issuer and the audit log over one store.

    Args:
        store: Closed by `close`.
        signer: Makes this server's tokens.
        hosts: Host names, in lower case, under which this server issues tokens.
        default_quota: Limits of folders that set none themselves; none is None.
        lease_s: How long the places of a server that died stay taken.
        audit_days: Age at which audit events are forgotten.
        login_failures_per_minute: Of one address; 0 means no limit.
        on_trouble: Told when work in the background failed; it goes on, whatever
            the error was: places would be lost, and revocations never heard of.
    """

    def __init__(
        self,
        store: AccessStore,
        signer: TokenSigner,
        *,
        hosts: Collection[str],
        default_quota: Quota,
        lease_s: float,
        audit_days: int,
        login_failures_per_minute: int,
        on_trouble: Callable[[Exception], None],
    ) -> None:
        self._store = store
        self._signer = signer
        self._audit_days = audit_days
        self._on_trouble = on_trouble
        self._cache = TrustCache(store)
        self._audit = AuditLog(store, clock=time.time)
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        throttle = LoginThrottle(login_failures_per_minute)
        self.authority = Authority(store, cache=self._cache, audit=self._audit, throttle=throttle)
        self.meter = SessionMeter(
            store, audit=self._audit, default=default_quota, lease_s=lease_s, clock=time.time
        )
        self.issuer = TokenIssuer(
            store,
            signer,
            cache=self._cache,
            audit=self._audit,
            throttle=throttle,
            hosts=hosts,
        )

    async def start(self) -> None:
        """Make this server's key known and begin the work in the background.

        Raises:
            UnavailableError: The store is not reachable.
        """
        await Administration(self._store, Actor("server")).trust_signer(self._signer)
        await self._cache.refresh()
        for work, every_s in (
            (self._refresh, _REFRESH_EVERY_S),
            (self._audit.flush, _FLUSH_EVERY_S),
            (self.meter.beat, self.meter.beat_every_s),
            (self._purge, _PURGE_EVERY_S),
        ):
            self._tasks.append(asyncio.create_task(self._repeat(work, every_s)))

    async def close(self) -> None:
        """Write what waits to be written, give all leases back and close the store."""
        self._stopping.set()
        await asyncio.gather(*self._tasks)
        self._tasks.clear()
        for work in (self.meter.close, self._audit.flush):
            try:
                await work()
            except Exception as error:
                self._on_trouble(error)
        await self._store.close()

    async def _repeat(self, work: Callable[[], Awaitable[None]], every_s: float) -> None:
        while not self._stopping.is_set():
            try:
                await work()
            except Exception as error:
                self._on_trouble(error)
            with suppress(TimeoutError):
                async with asyncio.timeout(every_s):
                    await self._stopping.wait()

    async def _refresh(self) -> None:
        await self._cache.refresh()

    async def _purge(self) -> None:
        now_s = time.time()
        await self._store.purge_events(before_s=now_s - self._audit_days * _DAY_S)
        await self._store.purge_tokens(before_s=now_s - _CLOCKS_DIFFER_S)
