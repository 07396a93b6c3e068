"""How much one session may carry, as a client has to know it."""

from dataclasses import dataclass, replace

__all__ = ["SessionLimits"]

# Where a session is short, the margins are these parts of it.
_SOFT_PART = 0.25
_HARD_PART = 0.1
# Of what a session had carried when the server said that it was too much.
_LOWERED_PART = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """The server's limits of a session; the defaults are the vendor's.

    Attributes:
        audio_s: Seconds of audio.
        audio_bytes: Bytes of audio.
        idle_s: Longest time between two messages.
        soft_margin_s: So long before a limit, a session ends at the next pause
            in the speech; at most a quarter of a session.
        hard_margin_s: So long before a limit, a session ends in any case; at
            most a tenth of a session.

    Raises:
        ValueError: A limit is not above zero, or a margin is below it.
    """

    audio_s: float = 300.0
    audio_bytes: int = 10 * 1024 * 1024
    idle_s: float = 5.0
    soft_margin_s: float = 40.0
    hard_margin_s: float = 2.0

    def __post_init__(self) -> None:
        """Check the values."""
        if min(self.audio_s, self.audio_bytes, self.idle_s) <= 0:
            raise ValueError("the limits of a session must be above zero")
        if min(self.soft_margin_s, self.hard_margin_s) < 0:
            raise ValueError("the margins of a session must not be below zero")

    def is_near(self, sent_ms: float, sent_bytes: int) -> bool:
        """Return whether a session that carried so much ends at the next pause."""
        left_ms = self._left_ms(sent_ms, sent_bytes)
        return left_ms <= min(self.soft_margin_s * 1000, _SOFT_PART * (sent_ms + left_ms))

    def is_reached(self, sent_ms: float, sent_bytes: int) -> bool:
        """Return whether a session that carried so much has carried too much."""
        left_ms = self._left_ms(sent_ms, sent_bytes)
        return left_ms < min(self.hard_margin_s * 1000, _HARD_PART * (sent_ms + left_ms))

    def lowered(self, sent_ms: float, sent_bytes: int) -> "SessionLimits":
        """Return limits that a session which carried too much would have kept."""
        return replace(
            self,
            audio_s=min(self.audio_s, _LOWERED_PART * sent_ms / 1000),
            audio_bytes=min(self.audio_bytes, int(_LOWERED_PART * sent_bytes)),
        )

    def _left_ms(self, sent_ms: float, sent_bytes: int) -> float:
        """Return how much longer a session can go on at its own bytes a second."""
        by_time_ms = self.audio_s * 1000 - sent_ms
        if sent_bytes == 0:
            return by_time_ms
        return min(by_time_ms, (self.audio_bytes - sent_bytes) * sent_ms / sent_bytes)
