"""The limits of a folder, and the rule that admits a session or not.

The rule is pure: a store reads the load under a lock, asks the rule, and
writes the lease of an admitted session before it lets the lock go.
"""

from dataclasses import dataclass, fields
from enum import StrEnum

__all__ = ["DEFAULT_QUOTA", "Load", "Quota", "QuotaName", "judge"]

_DAY_S = 86_400
# Sessions last seconds to minutes; a client that asks again after this long
# neither hammers the server nor leaves a free slot idle for long.
_SLOT_RETRY_S = 5.0


class QuotaName(StrEnum):
    """What is limited; the names of the fields of `Quota`."""

    SESSIONS_PER_S = "sessions_per_s"
    CONCURRENT_SESSIONS = "concurrent_sessions"
    AUDIO_S_PER_DAY = "audio_s_per_day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """Limits of one folder. None takes the default; 0 means no limit.

    Attributes:
        sessions_per_s: New sessions in any one second.
        concurrent_sessions: Sessions that run at once.
        audio_s_per_day: Seconds of audio from midnight to midnight, UTC. A
            session that runs when the limit is reached goes on to its end.
    """

    sessions_per_s: int | None = None
    concurrent_sessions: int | None = None
    audio_s_per_day: int | None = None

    def over(self, default: "Quota") -> "Quota":
        """Return this quota with what it leaves open taken from `default`."""
        return Quota(
            **{
                field.name: getattr(default, field.name)
                if getattr(self, field.name) is None
                else getattr(self, field.name)
                for field in fields(self)
            }
        )


DEFAULT_QUOTA = Quota(sessions_per_s=40, concurrent_sessions=60, audio_s_per_day=0)
"""The vendor's documented limits; it has none on audio a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a folder uses, over all servers, when a session asks to start.

    Attributes:
        now_s: Seconds since the epoch, by the clock that all servers share.
        running: Sessions that run.
        started_in_last_s: Sessions admitted in the second before `now_s`.
        oldest_start_s: When the first of those started; None without any.
        audio_ms_today: Audio counted since midnight, UTC.
    """

    now_s: float
    running: int
    started_in_last_s: int
    oldest_start_s: float | None
    audio_ms_today: int


def judge(load: Load, quota: Quota) -> tuple[QuotaName, float] | None:
    """Return None if one more session may start.

    Returns:
        Otherwise the quota that is used up, and the seconds after which
        another try makes sense.
    """
    if quota.audio_s_per_day and load.audio_ms_today >= quota.audio_s_per_day * 1000:
        return QuotaName.AUDIO_S_PER_DAY, _DAY_S - load.now_s % _DAY_S
    if quota.concurrent_sessions and load.running >= quota.concurrent_sessions:
        return QuotaName.CONCURRENT_SESSIONS, _SLOT_RETRY_S
    if quota.sessions_per_s and load.started_in_last_s >= quota.sessions_per_s:
        oldest_s = load.now_s if load.oldest_start_s is None else load.oldest_start_s
        return QuotaName.SESSIONS_PER_S, max(0.0, oldest_s + 1.0 - load.now_s)
    return None
