"""The one error tree. Every failure that a user can meet is a node of it.

    RechkaError
    ├── RequestError      change the request: what came is wrong or not served here
    ├── LimitError        the session reached a limit: open another one and go on
    ├── AccessError       the caller is unknown, or may not use this folder
    ├── CapacityError     no room just now: try again after `retry_after_s`
    ├── UnavailableError  the server, or a part of it, went away: try again
    └── InternalError     a fault of the server's own

`ErrorCode` is the stable, machine-readable name of a failure. It decides the
class (`error_class`) and, in `rechka.wire.status`, the gRPC status.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar

__all__ = [
    "AccessError",
    "CapacityError",
    "ErrorCode",
    "InternalError",
    "LimitError",
    "RechkaError",
    "RequestError",
    "UnavailableError",
    "error_class",
    "refused_setting",
]


# Of a value that was refused; nobody needs more of it to find it again.
_MOST_SHOWN = 40


class ErrorCode(StrEnum):
    """Stable names of failures; they travel as `google.rpc.ErrorInfo.reason`."""

    INVALID_CONFIG = "INVALID_CONFIG"
    """A field of the settings has a value that is not accepted."""
    UNEXPECTED_MESSAGE = "UNEXPECTED_MESSAGE"
    """A message came at the wrong time, such as audio before the settings."""
    INVALID_AUDIO = "INVALID_AUDIO"
    """The audio cannot be decoded as what the settings say it is."""
    AUDIO_TOO_LARGE = "AUDIO_TOO_LARGE"
    """The session carried more bytes than the limit."""
    FOLDER_MISMATCH = "FOLDER_MISMATCH"
    """A service account named a folder other than its own."""
    UNIMPLEMENTED = "UNIMPLEMENTED"
    """The method exists in the contract and this server does not offer it."""
    SESSION_TOO_LONG = "SESSION_TOO_LONG"
    """The session carried more seconds of audio than the limit."""
    IDLE_TIMEOUT = "IDLE_TIMEOUT"
    """No message came for longer than the limit."""
    SLOW_READER = "SLOW_READER"
    """The client did not read its results for longer than the limit."""
    UNAUTHENTICATED = "UNAUTHENTICATED"
    """There are no credentials, or they are unknown, wrong or expired."""
    PERMISSION_DENIED = "PERMISSION_DENIED"
    """The account has no role in the folder that allows recognition."""
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    """A quota of the folder is used up."""
    OVERLOADED = "OVERLOADED"
    """Every worker has as many streams as it can serve in time."""
    UNAVAILABLE = "UNAVAILABLE"
    """The server cannot be reached, is starting, or is shutting down."""
    WORKER_LOST = "WORKER_LOST"
    """The recognizer process of this session ended while the session ran."""
    INTERNAL = "INTERNAL"
    """A fault of the server's own; the request id finds it in the log."""


class RechkaError(Exception):
    """Base of all errors that Rechka raises on purpose.

    Args:
        code: Stable name of the failure.
        message: One line for a person. It names the field, what came and what
            is accepted; it never holds audio, recognized text or a secret.
        violations: Field path, as on the wire, to what is wrong with it.
        retry_after_s: Seconds after which another try makes sense, None if the
            server gives no advice.
        request_id: The server's id of the request, None where there is none.
    """

    retryable: ClassVar[bool] = False

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        violations: Mapping[str, str] = MappingProxyType({}),
        retry_after_s: float | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.violations = dict(violations)
        self.retry_after_s = retry_after_s
        self.request_id = request_id


class RequestError(RechkaError):
    """The request is wrong, or asks for what this server does not serve."""

    @classmethod
    def about(
        cls,
        field: str,
        problem: str,
        *,
        got: str | None = None,
        message: str | None = None,
        code: ErrorCode = ErrorCode.INVALID_CONFIG,
    ) -> "RequestError":
        """Return the error that one field is wrong.

        Args:
            field: Path of the field, as on the wire.
            problem: What is accepted; without `got` also what came.
            got: What came, of any length: its beginning is told.
            message: What a person reads; None is the field and its problem.
            code: Stable name of the failure.
        """
        if got is not None:
            problem = f"got {_shown(got)}; {problem}"
        text = f"{field}: {problem}" if message is None else message
        return cls(code, text, violations={field: problem})


class LimitError(RechkaError):
    """The session reached a limit; a new session can go on where it ended."""


class AccessError(RechkaError):
    """The caller is not known, or has no right to what it asks for."""


class CapacityError(RechkaError):
    """There is no room at present; nothing was lost by asking."""

    retryable = True


class UnavailableError(RechkaError):
    """The server or a part of it is not there; another try may succeed."""

    retryable = True


class InternalError(RechkaError):
    """The server failed; its message says nothing but the request id."""


_CLASSES: Mapping[ErrorCode, type[RechkaError]] = MappingProxyType(
    {
        ErrorCode.INVALID_CONFIG: RequestError,
        ErrorCode.UNEXPECTED_MESSAGE: RequestError,
        ErrorCode.INVALID_AUDIO: RequestError,
        ErrorCode.FOLDER_MISMATCH: RequestError,
        ErrorCode.UNIMPLEMENTED: RequestError,
        ErrorCode.AUDIO_TOO_LARGE: LimitError,
        ErrorCode.SESSION_TOO_LONG: LimitError,
        ErrorCode.IDLE_TIMEOUT: LimitError,
        ErrorCode.SLOW_READER: LimitError,
        ErrorCode.UNAUTHENTICATED: AccessError,
        ErrorCode.PERMISSION_DENIED: AccessError,
        ErrorCode.QUOTA_EXCEEDED: CapacityError,
        ErrorCode.OVERLOADED: CapacityError,
        ErrorCode.UNAVAILABLE: UnavailableError,
        ErrorCode.WORKER_LOST: UnavailableError,
        ErrorCode.INTERNAL: InternalError,
    }
)


def error_class(code: ErrorCode) -> type[RechkaError]:
    """Return the class of errors that carry `code`."""
    return _CLASSES[code]


def refused_setting(field: str, problem: str) -> RequestError:
    """Return the error that a setting is not accepted.

    Args:
        field: Path of the setting, such as "server.grpc_address".
        problem: What came and what is accepted.
    """
    return RequestError.about(field, problem, message=f"settings: {field}: {problem}")


def _shown(value: str) -> str:
    return repr(value if len(value) <= _MOST_SHOWN else f"{value[:_MOST_SHOWN]}…")
