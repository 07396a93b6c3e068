"""The audit trail in SQL."""

from collections.abc import Sequence

from sqlalchemy import func, select

from rechka.access.audit import Actor, AuditEvent, Outcome
from rechka.storage.changes import record_change
from rechka.storage.database import Database
from rechka.storage.schema import table

__all__ = ["SqlAuditTrail"]

_EVENTS = table("audit_events")


class SqlAuditTrail:
    """The `AuditTrail` part of the store; see the port for what the methods do."""

    _database: Database

    async def add_events(self, events: Sequence[AuditEvent]) -> None:
        """Keep events, in their order."""
        if events:
            async with self._database.write() as connection:
                await record_change(connection, events)

    async def read_events(self, *, after_id: int, limit: int) -> list[AuditEvent]:
        """Return at most `limit` events with greater ids than `after_id`, oldest first."""
        statement = select(_EVENTS).where(_EVENTS.c.event_id > after_id)
        statement = statement.order_by(_EVENTS.c.event_id).limit(limit)
        async with self._database.read() as connection:
            return [
                AuditEvent(
                    at_s=row.at_s,
                    action=row.action,
                    actor=Actor(row.actor, row.address, row.request_id),
                    outcome=Outcome(row.outcome),
                    folder_id=row.folder_id,
                    subject=row.subject,
                    reason=row.reason,
                    event_id=row.event_id,
                )
                for row in await connection.execute(statement)
            ]

    async def last_event_id(self) -> int:
        """Return the id of the newest event; 0 without any."""
        async with self._database.read() as connection:
            newest = await connection.execute(select(func.max(_EVENTS.c.event_id)))
            return int(newest.scalar_one() or 0)

    async def purge_events(self, *, before_s: float) -> int:
        """Forget events older than `before_s`."""
        async with self._database.write() as connection:
            result = await connection.execute(_EVENTS.delete().where(_EVENTS.c.at_s < before_s))
            return result.rowcount
