"""What was done and what was refused: by whom, when, from where. Never speech."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

__all__ = ["Actor", "AuditEvent", "AuditLog", "AuditTrail", "Outcome"]

# A flood of refused requests costs this much memory and then events, never the server.
_MOST_WAITING = 10_000
_BATCH = 500
# Ids that clients send are cut here; true ones are at most 50 characters.
_MOST_CHARACTERS = 100


class Outcome(StrEnum):
    """Whether what was asked for was done."""

    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, and from where.

    Attributes:
        name: Account id, or "os:" and a user name for the command line; "" while
            nobody is proven.
        address: Host that the request came from; "" for this machine.
        request_id: The server's id of the request; "" outside of requests.
    """

    name: str = ""
    address: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """One line of the audit trail.

    Attributes:
        at_s: Seconds since the epoch.
        action: What was asked for, such as "api-key.revoke".
        outcome: Whether it was done.
        actor: Who asked.
        folder_id: In which folder; "" for none.
        subject: Id of what was changed or asked for; "" for nothing.
        reason: Why it was refused, a code and no free text; details of a change.
        event_id: Place in the trail; 0 before it is kept.
    """

    at_s: float
    action: str
    actor: Actor
    outcome: Outcome = Outcome.DONE
    folder_id: str = ""
    subject: str = ""
    reason: str = ""
    event_id: int = 0


class AuditTrail(Protocol):
    """Where events are kept."""

    async def add_events(self, events: Sequence[AuditEvent]) -> None:
        """Keep events, in their order."""
        ...

    async def read_events(self, *, after_id: int, limit: int) -> list[AuditEvent]:
        """Return at most `limit` events with greater ids than `after_id`, oldest first."""
        ...

    async def last_event_id(self) -> int:
        """Return the id of the newest event; 0 without any."""
        ...

    async def purge_events(self, *, before_s: float) -> int:
        """Forget events older than `before_s`; return how many."""
        ...


class AuditLog:
    """Takes events without waiting and writes them in batches.

    Changes of the store are not written through here: a store writes them in the
    transaction of the change itself.

    Args:
        trail: Where events are kept.
        clock: Seconds since the epoch.

    Threading: one event loop.
    """

    def __init__(self, trail: AuditTrail, *, clock: Callable[[], float]) -> None:
        self._trail = trail
        self._clock = clock
        self._waiting: list[AuditEvent] = []
        self._repeated: dict[tuple[str, str], AuditEvent] = {}
        self._repeats: Counter[tuple[str, str]] = Counter()
        self._lost = 0
        self._writing = asyncio.Lock()

    def note(
        self,
        action: str,
        actor: Actor,
        *,
        outcome: Outcome = Outcome.REFUSED,
        reason: str = "",
        folder_id: str = "",
        subject: str = "",
    ) -> None:
        """Note what happened; dropped, and counted, if too many wait."""
        if len(self._waiting) >= _MOST_WAITING:
            self._lost += 1
            return
        self._waiting.append(
            AuditEvent(
                at_s=self._clock(),
                action=action,
                actor=actor,
                outcome=outcome,
                folder_id=_clean(folder_id),
                subject=_clean(subject),
                reason=_clean(reason),
            )
        )

    def note_flood(self, action: str, actor: Actor, *, reason: str) -> None:
        """Note one of many refusals of an address: those of one flush are one event.

        It has the request id of the first of them, and their number in its reason.
        """
        place = (action, actor.address)
        if place not in self._repeated:
            if len(self._repeated) >= _MOST_WAITING:
                self._lost += 1
                return
            self._repeated[place] = AuditEvent(
                at_s=self._clock(),
                action=action,
                actor=actor,
                outcome=Outcome.REFUSED,
                reason=_clean(reason),
            )
        self._repeats[place] += 1

    def _settle_floods(self) -> None:
        for place, event in self._repeated.items():
            count = self._repeats[place]
            self._waiting.append(replace(event, reason=f"{event.reason} {count} times"))
        self._repeated.clear()
        self._repeats.clear()

    async def flush(self) -> None:
        """Write what waits.

        Raises:
            UnavailableError: The store is not reachable; the events wait on.

        Cancellation: safe; a batch that may not have been written waits on.
        """
        async with self._writing:
            if len(self._waiting) < _MOST_WAITING:
                self._settle_floods()
            while self._waiting or self._lost:
                batch = self._waiting[:_BATCH]
                lost = self._lost
                if lost and len(batch) < _BATCH:
                    batch = [*batch, self._loss(lost)]
                    written = len(batch) - 1
                else:
                    lost, written = 0, len(batch)
                await self._trail.add_events(batch)
                del self._waiting[:written]
                self._lost -= lost

    def _loss(self, count: int) -> AuditEvent:
        return AuditEvent(
            at_s=self._clock(),
            action="audit.overflow",
            actor=Actor(),
            outcome=Outcome.REFUSED,
            reason=f"{count} events lost",
        )


def _clean(text: str) -> str:
    """Return a client's text without what a database or a terminal could stumble over."""
    shown = (
        character if character.isprintable() else "\ufffd" for character in text[:_MOST_CHARACTERS]
    )
    return "".join(shown)
