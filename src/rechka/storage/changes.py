"""What every change writes beside itself, in the same transaction."""

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from rechka.access.audit import AuditEvent
from rechka.storage.schema import table

__all__ = ["event_row", "record_change"]

_EVENTS = table("audit_events")
_STATE = table("access_state")


async def record_change(
    connection: AsyncConnection, events: Sequence[AuditEvent], *, heard_at_once: bool = False
) -> None:
    """Write audit events and, if servers must hear of the change, raise the revision."""
    await connection.execute(_EVENTS.insert(), [event_row(event) for event in events])
    if heard_at_once:
        await connection.execute(_STATE.update().values(revision=_STATE.c.revision + 1))


def event_row(event: AuditEvent) -> Mapping[str, object]:
    """Return an event as a row of its table."""
    return {
        "at_s": event.at_s,
        "action": event.action,
        "outcome": event.outcome.value,
        "actor": event.actor.name,
        "address": event.actor.address,
        "request_id": event.actor.request_id,
        "folder_id": event.folder_id,
        "subject": event.subject,
        "reason": event.reason,
    }
