"""What may come when: the states and limits of one session, without any I/O.

    NEW ──settings──▶ OPEN ──half-close──▶ CLOSED
                       │                     ▲
                       └─first final with────┘
                         text of a single
                         utterance: DISCARDING

The driver reports every message; the machine says whether it is allowed, and
how much of the audio still fits.
"""

from enum import StrEnum
from typing import NoReturn

from rechka.errors import ErrorCode, LimitError, RequestError
from rechka.session.validation import check_spec
from rechka.settings import LimitSettings
from rechka.spec import RecognitionSpec

__all__ = ["SessionMachine", "SessionState"]


class SessionState(StrEnum):
    """Where a session stands."""

    NEW = "new"
    """The settings have not come yet."""
    OPEN = "open"
    """Audio is recognized."""
    DISCARDING = "discarding"
    """The single utterance is over; audio is read and dropped."""
    CLOSED = "closed"
    """The client has ended its side."""


class SessionMachine:
    """Judges the messages of one session.

    Args:
        limits: What a session may carry.
        now_s: Present time of the session's clock.
    """

    def __init__(self, limits: LimitSettings, *, now_s: float) -> None:
        self._limits = limits
        self._state = SessionState.NEW
        self._waiting_since_s = now_s
        self._bytes = 0
        self._decoded_s = 0.0

    @property
    def state(self) -> SessionState:
        """Where the session stands."""
        return self._state

    @property
    def received_bytes(self) -> int:
        """Audio bytes that came, whether or not they were recognized."""
        return self._bytes

    @property
    def decoded_s(self) -> float:
        """Seconds of audio that were admitted."""
        return self._decoded_s

    @property
    def idle_at_s(self) -> float:
        """When the session has been idle for too long, if nothing comes before."""
        return self._waiting_since_s + self._limits.idle_s

    def wait(self, *, now_s: float) -> None:
        """Note that from now on the client is waited for.

        Time in which the server was busy, and so did not read, is the server's.
        """
        self._waiting_since_s = now_s

    def idle_error(self) -> LimitError:
        """Return the error of a session in which nothing came for too long."""
        return LimitError(
            ErrorCode.IDLE_TIMEOUT,
            f"No message came for {self._limits.idle_s:g} s; send audio without longer gaps, "
            "or end the session and open another one",
        )

    def receive_spec(self, spec: RecognitionSpec) -> None:
        """Take the settings.

        Raises:
            RequestError: They came before, or a field is out of the contract.
        """
        if self._state is not SessionState.NEW:
            raise _unexpected(
                "config", "got settings again; accepted: once, in the first message of a session"
            )
        check_spec(spec, self._limits)
        self._state = SessionState.OPEN

    def receive_audio(self, size_bytes: int) -> None:
        """Take a message with audio.

        Raises:
            RequestError: The settings have not come yet.
            LimitError: With this message there are too many bytes; none of it counts.
        """
        if self._state is SessionState.NEW:
            raise _unexpected(
                "config", "got audio_content in the first message; accepted there: config"
            )
        if self._bytes + size_bytes > self._limits.audio_bytes:
            limit_mb = self._limits.audio_bytes / 2**20
            raise LimitError(ErrorCode.AUDIO_TOO_LARGE, f"audio should be less than {limit_mb:g}MB")
        self._bytes += size_bytes

    def receive_nothing(self) -> NoReturn:
        """Take a message that carries neither settings nor audio.

        Raises:
            RequestError: Always.
        """
        accepted = "config" if self._state is SessionState.NEW else "audio_content"
        raise _unexpected(
            "streaming_request", f"got a message with no field set; accepted: {accepted}"
        )

    def receive_half_close(self) -> None:
        """Take the end of the client's side, which is allowed at any time."""
        self._state = SessionState.CLOSED

    def admit_samples(self, count_samples: int, *, rate_hz: int) -> int:
        """Count decoded audio; return how many of the samples are within the limit."""
        left_samples = round((self._limits.audio_s - self._decoded_s) * rate_hz)
        admitted = min(count_samples, left_samples)
        self._decoded_s += admitted / rate_hz
        return admitted

    def duration_error(self) -> LimitError:
        """Return the error of a session with more audio than the limit."""
        return LimitError(ErrorCode.SESSION_TOO_LONG, "Exceeded maximum allowed stream duration")

    def end_single_utterance(self) -> None:
        """Note that the one utterance that was asked for is over."""
        if self._state is SessionState.OPEN:
            self._state = SessionState.DISCARDING


def _unexpected(field: str, problem: str) -> RequestError:
    return RequestError.about(field, problem, code=ErrorCode.UNEXPECTED_MESSAGE)
