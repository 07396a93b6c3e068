"""`rechka access bootstrap|usage|audit`."""

import asyncio
import json
from collections import deque
from datetime import UTC, datetime, timedelta

import click

from rechka.access.audit import AuditEvent
from rechka.access.bootstrap import create_development_access
from rechka.cli.access.desk import Desk, desk_command
from rechka.cli.text import plain_text, time_text

__all__ = ["audit", "bootstrap", "usage"]

_POLL_EVERY_S = 0.5
# Servers that write at the same time may finish in another order than that of
# their numbers, so the newest numbers are looked at more than once.
_LOOK_BACK = 100
_PAGE = 1000
_MOST_DAYS = 36_500


@desk_command(None, "bootstrap")
async def bootstrap(desk: Desk) -> None:
    """Make a development folder, a service account in it, and credentials.

    Run again, it answers the same but for a fresh token.
    """
    made = await create_development_access(desk.store, desk.signer, actor=desk.actor)
    desk.show(
        {
            "folder_id": made.folder_id,
            "iam_token": made.iam_token,
            "api_key": made.api_key,
        }
    )


@desk_command(None, "usage")
@click.option("--folder", "folder_id", default="", help="Only of this folder.")
@click.option("--days", type=click.IntRange(1, _MOST_DAYS), default=30, show_default=True)
async def usage(desk: Desk, folder_id: str, days: int) -> None:
    """List sessions and audio by folder and day (UTC)."""
    since = datetime.now(UTC).date() - timedelta(days=days - 1)
    rows = [
        {
            "day": item.day,
            "folder_id": item.folder_id,
            "sessions": item.sessions,
            "refused": item.refused,
            "audio_s": round(item.audio_ms / 1000, 3),
        }
        for item in await desk.store.list_usage(since_day=since.isoformat(), folder_id=folder_id)
    ]
    desk.table(("day", "folder_id", "sessions", "refused", "audio_s"), rows)


@desk_command(None, "audit")
@click.option("--last", type=click.IntRange(min=0), default=50, show_default=True)
@click.option("--follow", is_flag=True, help="Go on with new events until Ctrl-C.")
async def audit(desk: Desk, last: int, *, follow: bool) -> None:
    """Print changes and refused requests, oldest first; with --json one object a line."""
    after_id = max(0, await desk.store.last_event_id() - last)
    seen: deque[int] = deque(maxlen=4 * _LOOK_BACK)
    while True:
        events = await desk.store.read_events(after_id=after_id, limit=_PAGE)
        for event in events:
            if event.event_id not in seen:
                seen.append(event.event_id)
                click.echo(_line(event, as_json=desk.as_json))
        if len(events) == _PAGE:
            after_id = events[-1].event_id
        elif not follow:
            return
        else:
            if events:
                after_id = max(after_id, events[-1].event_id - _LOOK_BACK)
            await asyncio.sleep(_POLL_EVERY_S)


def _line(event: AuditEvent, *, as_json: bool) -> str:
    record = {
        "event_id": event.event_id,
        "at": time_text(event.at_s),
        "action": event.action,
        "outcome": event.outcome.value,
        "actor": event.actor.name,
        "address": event.actor.address,
        "request_id": event.actor.request_id,
        "folder_id": event.folder_id,
        "subject": event.subject,
        "reason": event.reason,
    }
    if as_json:
        return json.dumps(record)
    details = (
        f"{name}={plain_text(record[name])}"
        for name in ("actor", "address", "folder_id", "subject", "reason", "request_id")
        if record[name]
    )
    return " ".join((str(record["at"]), event.outcome.value, event.action, *details))
