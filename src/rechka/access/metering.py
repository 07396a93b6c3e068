"""Counting sessions against the quotas of their folders.

Each session holds a lease in the store. A server prolongs the leases of its
running sessions every few seconds; those of a server that died end by
themselves. What was used is written with the same beat.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from rechka.access.audit import Actor, AuditLog
from rechka.access.port import Metering, Usage
from rechka.access.quota import Quota, QuotaName
from rechka.errors import CapacityError, ErrorCode, UnavailableError

__all__ = ["Lease", "SessionMeter"]

# Beats in the life of a lease: two may fail before sessions that run are
# taken for those of a dead server.
_BEATS = 4

_TEXTS = {
    QuotaName.SESSIONS_PER_S: "new sessions a second",
    QuotaName.CONCURRENT_SESSIONS: "concurrent sessions",
    QuotaName.AUDIO_S_PER_DAY: "seconds of audio a day",
}


class Lease:
    """One session's place, until it is closed."""

    def __init__(self, end: Callable[[], Awaitable[None]]) -> None:
        self._end = end

    async def close(self) -> None:
        """Give the place back and wait until that is written. May be called again.

        A store that is not reachable is no error: it hears of it later.

        Cancellation: the place is given back all the same.
        """
        await self._end()


@dataclass(slots=True)
class _Running:
    folder_id: str
    audio_ms: Callable[[], int]
    counted_ms: int = 0


class SessionMeter:
    """Admits sessions and counts what they use.

    Args:
        store: Where leases and usage are kept.
        audit: Where refusals are noted.
        default: Limits of folders that set none themselves; none is None.
        lease_s: How long the places of a server that died stay taken.
        clock: Seconds since the epoch; decides on which day audio is counted.

    Threading: one event loop.
    """

    def __init__(
        self,
        store: Metering,
        *,
        audit: AuditLog,
        default: Quota,
        lease_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._audit = audit
        self._default = default
        self._lease_s = lease_s
        self.beat_every_s = lease_s / _BEATS
        self._clock = clock
        self._server_id = uuid.uuid4().hex
        self._running: dict[str, _Running] = {}
        self._ended: list[str] = []
        self._usage: dict[tuple[str, str], Usage] = {}
        self._settling = asyncio.Lock()

    async def admit(self, folder_id: str, *, caller: Actor, audio_ms: Callable[[], int]) -> Lease:
        """Return a lease for a new session of a folder.

        Args:
            folder_id: Where the session is counted.
            caller: Who asks.
            audio_ms: Tells the session's audio so far, in ms; asked again and
                again until the lease is closed.

        Raises:
            CapacityError: A quota of the folder is used up.
            UnavailableError: The store is not reachable.

        Cancellation: safe; a place that was taken is given back.
        """
        lease_id = uuid.uuid4().hex
        try:
            refusal = await self._store.admit(
                lease_id=lease_id,
                folder_id=folder_id,
                server_id=self._server_id,
                life_s=self._lease_s,
                default=self._default,
            )
        except BaseException:
            # It may have been written all the same; the next beat takes it back.
            self._ended.append(lease_id)
            raise
        if refusal is not None:
            name, retry_after_s = refusal
            self._count(folder_id, refused=1)
            self._audit.note("session.start", caller, reason=name.value, folder_id=folder_id)
            raise CapacityError(
                ErrorCode.QUOTA_EXCEEDED,
                f"Quota of folder {folder_id} is used up: {_TEXTS[name]}",
                retry_after_s=retry_after_s,
            )
        self._running[lease_id] = _Running(folder_id, audio_ms)
        self._count(folder_id, sessions=1)
        return Lease(partial(self._end, lease_id))

    async def beat(self) -> None:
        """Prolong what runs and write what was used.

        Raises:
            UnavailableError: The store is not reachable; the next beat makes up for it.
        """
        for running in self._running.values():
            self._count_audio(running)
        if self._running:
            folders = {lease_id: item.folder_id for lease_id, item in self._running.items()}
            await self._store.renew(folders, server_id=self._server_id, life_s=self._lease_s)
        await self._settle()
        await self._store.purge_leases()

    async def close(self) -> None:
        """Give all places back and write what was used. Raises as `beat`."""
        for running in self._running.values():
            self._count_audio(running)
        self._ended += self._running
        self._running.clear()
        await self._settle()

    def _count_audio(self, running: _Running) -> None:
        audio_ms = running.audio_ms()
        self._count(running.folder_id, audio_ms=audio_ms - running.counted_ms)
        running.counted_ms = audio_ms

    def _count(
        self, folder_id: str, *, sessions: int = 0, refused: int = 0, audio_ms: int = 0
    ) -> None:
        day = datetime.fromtimestamp(self._clock(), UTC).date().isoformat()
        old = self._usage.get((folder_id, day), Usage(folder_id=folder_id, day=day))
        self._usage[folder_id, day] = old.plus(
            Usage(
                folder_id=folder_id, day=day, sessions=sessions, refused=refused, audio_ms=audio_ms
            )
        )

    async def _end(self, lease_id: str) -> None:
        running = self._running.pop(lease_id, None)
        if running is None:
            return
        self._count_audio(running)
        self._ended.append(lease_id)
        await asyncio.shield(asyncio.ensure_future(self._settle_or_leave(lease_id)))

    async def _settle_or_leave(self, lease_id: str) -> None:
        # The session's own outcome stands; what was not written is tried again
        # by the next beat, which tells of the trouble.
        with suppress(UnavailableError):
            await self._settle(wait_for=lease_id)

    async def _settle(self, *, wait_for: str | None = None) -> None:
        """Write ended leases and usage; those of one caller go with another's write."""
        async with self._settling:
            if wait_for is not None and wait_for not in self._ended:
                return
            ended, self._ended = self._ended, []
            usage, self._usage = self._usage, {}
            if not ended and not usage:
                return
            try:
                await self._store.settle(released=ended, usage=list(usage.values()))
            except BaseException:
                self._ended += ended
                for place, counted in usage.items():
                    newer = self._usage.get(place)
                    self._usage[place] = counted if newer is None else counted.plus(newer)
                raise
