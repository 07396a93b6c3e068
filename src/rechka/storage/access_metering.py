"""Leases of running sessions, and usage, in SQL."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from typing import TypeVar

from sqlalchemy import Double, Insert, and_, case, cast, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rechka.access.port import Usage
from rechka.access.quota import Load, Quota, QuotaName, judge
from rechka.errors import AccessError, ErrorCode
from rechka.storage.database import Database
from rechka.storage.schema import table

__all__ = ["SqlMetering"]

_FOLDERS = table("folders")
_LEASES = table("session_leases")
_USAGE = table("folder_usage")
_Item = TypeVar("_Item")
# Databases bound the number of values in one statement.
_ROWS_A_STATEMENT = 200
# A lease that began later than this from now was made before the clock was put back.
_FUTURE_S = 1.0


class SqlMetering:
    """The `Metering` part of the store; see the port for what the methods do."""

    _database: Database

    async def admit(
        self, *, lease_id: str, folder_id: str, server_id: str, life_s: float, default: Quota
    ) -> tuple[QuotaName, float] | None:
        """Give a session a lease if the folder's quotas allow one more."""
        async with self._database.write() as connection:
            quota = (await self._lock_folder(connection, folder_id)).over(default)
            # A statement of its own: what it counts must be as of after the lock.
            load = await self._load(connection, folder_id)
            refusal = judge(load, quota)
            if refusal is None:
                await connection.execute(
                    _LEASES.insert().values(
                        lease_id=lease_id,
                        folder_id=folder_id,
                        server_id=server_id,
                        started_at_s=load.now_s,
                        expires_at_s=load.now_s + life_s,
                        released=False,
                    )
                )
            return refusal

    async def _lock_folder(self, connection: AsyncConnection, folder_id: str) -> Quota:
        """Return a folder's own quota and keep other admissions out of the folder."""
        columns = _FOLDERS.c
        row = (
            await connection.execute(
                select(columns.sessions_per_s, columns.concurrent_sessions, columns.audio_s_per_day)
                .where(columns.folder_id == folder_id, columns.deleted_at_s.is_(None))
                .with_for_update(key_share=True)
            )
        ).one_or_none()
        if row is None:
            raise AccessError(
                ErrorCode.PERMISSION_DENIED,
                f"Permission to [resource-manager.folder {folder_id}] denied",
            )
        return Quota(sessions_per_s=row[0], concurrent_sessions=row[1], audio_s_per_day=row[2])

    async def _load(self, connection: AsyncConnection, folder_id: str) -> Load:
        now, columns = self._database.now(), _LEASES.c
        started = columns.started_at_s
        is_new = and_(started > now - 1.0, started <= now + _FUTURE_S)
        audio = select(func.sum(_USAGE.c.audio_ms)).where(
            _USAGE.c.folder_id == folder_id, _USAGE.c.day == self._database.today()
        )
        row = (
            await connection.execute(
                select(
                    cast(now, Double),
                    func.count().filter(~columns.released),
                    func.count().filter(is_new),
                    func.min(started).filter(is_new),
                    audio.scalar_subquery(),
                ).where(columns.folder_id == folder_id, columns.expires_at_s > now)
            )
        ).one()
        return Load(
            now_s=row[0],
            running=row[1],
            started_in_last_s=row[2],
            oldest_start_s=row[3],
            audio_ms_today=int(row[4] or 0),
        )

    async def renew(self, leases: Mapping[str, str], *, server_id: str, life_s: float) -> None:
        """Prolong the leases of sessions that run; one that was lost is made anew."""
        async with self._database.write() as connection:
            now = self._database.now()
            for part in _parts(list(leases.items())):
                statement = self._database.insert(_LEASES).values(
                    [
                        {
                            "lease_id": lease_id,
                            "folder_id": folder_id,
                            "server_id": server_id,
                            # Not a start of the last second: that was counted long ago.
                            "started_at_s": now - 1.0,
                            "expires_at_s": now + life_s,
                            "released": False,
                        }
                        for lease_id, folder_id in part
                    ]
                )
                await connection.execute(
                    statement.on_conflict_do_update(
                        index_elements=[_LEASES.c.lease_id],
                        set_={
                            "expires_at_s": statement.excluded.expires_at_s,
                            "started_at_s": case(
                                (
                                    _LEASES.c.started_at_s > now + _FUTURE_S,
                                    statement.excluded.started_at_s,
                                ),
                                else_=_LEASES.c.started_at_s,
                            ),
                        },
                        where=~_LEASES.c.released,
                    )
                )

    async def settle(self, *, released: Sequence[str], usage: Sequence[Usage]) -> None:
        """End leases and add to the counts of folders and days, all or nothing."""
        async with self._database.write() as connection:
            for part in _parts(list(released)):
                await connection.execute(
                    _LEASES.update()
                    .where(_LEASES.c.lease_id.in_(part))
                    # It still counts as new until it is a second old.
                    .values(released=True, expires_at_s=_LEASES.c.started_at_s + 1.0)
                )
            # In one order everywhere, so that two servers never wait for each other.
            for counted in sorted(usage, key=lambda item: (item.folder_id, item.day)):
                await connection.execute(self._add_usage, asdict(counted))

    @cached_property
    def _add_usage(self) -> Insert:
        """Statement that adds a `Usage`. Made once: each one is much garbage to collect."""
        statement = self._database.insert(_USAGE)
        counts = ("sessions", "refused", "audio_ms")
        return statement.on_conflict_do_update(
            index_elements=[_USAGE.c.folder_id, _USAGE.c.day],
            set_={name: _USAGE.c[name] + statement.excluded[name] for name in counts},
        )

    async def list_usage(self, *, since_day: str, folder_id: str = "") -> list[Usage]:
        """Return usage from `since_day` on, by day and folder."""
        statement = select(_USAGE).where(_USAGE.c.day >= since_day)
        if folder_id:
            statement = statement.where(_USAGE.c.folder_id == folder_id)
        statement = statement.order_by(_USAGE.c.day, _USAGE.c.folder_id)
        async with self._database.read() as connection:
            return [
                Usage(
                    folder_id=row.folder_id,
                    day=row.day,
                    sessions=row.sessions,
                    refused=row.refused,
                    audio_ms=row.audio_ms,
                )
                for row in await connection.execute(statement)
            ]

    async def purge_leases(self) -> int:
        """Forget leases that no longer count."""
        now = self._database.now()
        is_over = _LEASES.c.expires_at_s <= now
        # Its end would not come for as long as the clock was put back. If its session
        # runs after all, its server makes it anew.
        is_of_the_future = _LEASES.c.started_at_s > now + _FUTURE_S
        async with self._database.write() as connection:
            result = await connection.execute(
                _LEASES.delete().where(or_(is_over, is_of_the_future))
            )
            return result.rowcount


def _parts(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), _ROWS_A_STATEMENT):
        yield items[start : start + _ROWS_A_STATEMENT]
