"""Errors as gRPC statuses, both ways, from one table.

A status carries its `ErrorCode` as `google.rpc.ErrorInfo.reason` in the domain
"rechka", so the way back is exact. A status of another server, which has no
such detail, is read by its gRPC code alone.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError
from google.rpc import code_pb2, error_details_pb2, status_pb2

from rechka.errors import ErrorCode, InternalError, RechkaError, error_class

__all__ = [
    "STATUS_OF",
    "error_of",
    "from_status",
    "status_message",
    "to_status",
]

_ERROR_DOMAIN = "rechka"
_DETAILS_KEY = "grpc-status-details-bin"

STATUS_OF: Mapping[ErrorCode, grpc.StatusCode] = MappingProxyType(
    {
        ErrorCode.INVALID_CONFIG: grpc.StatusCode.INVALID_ARGUMENT,
        ErrorCode.UNEXPECTED_MESSAGE: grpc.StatusCode.INVALID_ARGUMENT,
        ErrorCode.INVALID_AUDIO: grpc.StatusCode.INVALID_ARGUMENT,
        ErrorCode.AUDIO_TOO_LARGE: grpc.StatusCode.INVALID_ARGUMENT,
        ErrorCode.FOLDER_MISMATCH: grpc.StatusCode.INVALID_ARGUMENT,
        ErrorCode.UNIMPLEMENTED: grpc.StatusCode.UNIMPLEMENTED,
        ErrorCode.SESSION_TOO_LONG: grpc.StatusCode.OUT_OF_RANGE,
        ErrorCode.IDLE_TIMEOUT: grpc.StatusCode.DEADLINE_EXCEEDED,
        ErrorCode.SLOW_READER: grpc.StatusCode.RESOURCE_EXHAUSTED,
        ErrorCode.UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
        ErrorCode.PERMISSION_DENIED: grpc.StatusCode.PERMISSION_DENIED,
        ErrorCode.QUOTA_EXCEEDED: grpc.StatusCode.RESOURCE_EXHAUSTED,
        ErrorCode.OVERLOADED: grpc.StatusCode.RESOURCE_EXHAUSTED,
        ErrorCode.UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
        ErrorCode.WORKER_LOST: grpc.StatusCode.UNAVAILABLE,
        ErrorCode.INTERNAL: grpc.StatusCode.INTERNAL,
    }
)

# Codes that a foreign server or the gRPC library itself may send.
_CODE_OF: Mapping[grpc.StatusCode, ErrorCode] = MappingProxyType(
    {
        grpc.StatusCode.INVALID_ARGUMENT: ErrorCode.INVALID_CONFIG,
        grpc.StatusCode.FAILED_PRECONDITION: ErrorCode.INVALID_CONFIG,
        grpc.StatusCode.NOT_FOUND: ErrorCode.INVALID_CONFIG,
        grpc.StatusCode.ALREADY_EXISTS: ErrorCode.INVALID_CONFIG,
        grpc.StatusCode.UNIMPLEMENTED: ErrorCode.UNIMPLEMENTED,
        grpc.StatusCode.OUT_OF_RANGE: ErrorCode.SESSION_TOO_LONG,
        grpc.StatusCode.DEADLINE_EXCEEDED: ErrorCode.IDLE_TIMEOUT,
        grpc.StatusCode.UNAUTHENTICATED: ErrorCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED: ErrorCode.PERMISSION_DENIED,
        grpc.StatusCode.RESOURCE_EXHAUSTED: ErrorCode.QUOTA_EXCEEDED,
        grpc.StatusCode.UNAVAILABLE: ErrorCode.UNAVAILABLE,
        grpc.StatusCode.ABORTED: ErrorCode.UNAVAILABLE,
        grpc.StatusCode.CANCELLED: ErrorCode.UNAVAILABLE,
        grpc.StatusCode.INTERNAL: ErrorCode.INTERNAL,
        grpc.StatusCode.UNKNOWN: ErrorCode.INTERNAL,
        grpc.StatusCode.DATA_LOSS: ErrorCode.INTERNAL,
    }
)

# The metadata of a refusal beyond 8 KiB may be dropped by the gRPC library of the client,
# and with it the status. A letter that is not ASCII takes three times its bytes there.
_MOST_TEXT_BYTES = 1000

_Metadata = tuple[tuple[str, str | bytes], ...]


def to_status(
    error: RechkaError, *, request_id: str | None = None
) -> tuple[grpc.StatusCode, str, _Metadata]:
    """Return status code, message and trailing metadata of an error.

    An `InternalError` tells the request id and nothing else, whatever its
    message says: that one is for the log. Of a long text the middle is left out.
    """
    status = status_message(error, request_id=request_id)
    trailing = ((_DETAILS_KEY, status.SerializeToString()),)
    return STATUS_OF[error.code], status.message, trailing


def status_message(error: RechkaError, *, request_id: str | None = None) -> status_pb2.Status:
    """Return an error as a message. As `to_status`."""
    message = error.message
    if isinstance(error, InternalError):
        message = f"Internal error; request id {request_id}" if request_id else "Internal error"
    code = getattr(code_pb2, STATUS_OF[error.code].name)
    status = status_pb2.Status(code=code, message=_shortened(message))
    for detail in _details(error, request_id):
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def _shortened(text: str) -> str:
    """Return a text as a status can carry it; the end says what is accepted."""
    data = text.encode(errors="replace")
    if len(data) <= _MOST_TEXT_BYTES:
        return text
    half = _MOST_TEXT_BYTES // 2
    return f"{data[:half].decode(errors='ignore')}…{data[-half:].decode(errors='ignore')}"


def error_of(status: status_pb2.Status) -> RechkaError:
    """Return the error that `status_message` made a message of."""
    known = code_pb2.Code.Name(status.code) if status.code in code_pb2.Code.values() else "UNKNOWN"
    trailing = ((_DETAILS_KEY, status.SerializeToString()),)
    return from_status(grpc.StatusCode[known], status.message, trailing)


def _details(
    error: RechkaError, request_id: str | None
) -> Iterable[
    error_details_pb2.BadRequest
    | error_details_pb2.ErrorInfo
    | error_details_pb2.RequestInfo
    | error_details_pb2.RetryInfo
]:
    yield error_details_pb2.ErrorInfo(reason=error.code.value, domain=_ERROR_DOMAIN)
    if error.violations:
        yield error_details_pb2.BadRequest(
            field_violations=[
                error_details_pb2.BadRequest.FieldViolation(
                    field=field, description=_shortened(text)
                )
                for field, text in error.violations.items()
            ]
        )
    if error.retry_after_s is not None:
        delay = Duration()
        delay.FromMilliseconds(round(error.retry_after_s * 1000))
        yield error_details_pb2.RetryInfo(retry_delay=delay)
    if request_id is not None:
        yield error_details_pb2.RequestInfo(request_id=request_id)


def from_status(
    code: grpc.StatusCode,
    message: str | None,
    trailing_metadata: Iterable[tuple[str, str | bytes]] = (),
) -> RechkaError:
    """Return the error that a failed call stands for.

    Args:
        code: The call's status code; not OK.
        message: The call's message.
        trailing_metadata: The call's trailing metadata; details of another
            server or of a broken one are passed over.
    """
    error_code = _CODE_OF.get(code, ErrorCode.INTERNAL)
    violations: dict[str, str] = {}
    retry_after_s = None
    request_id = None
    for detail in _unpack(trailing_metadata):
        if isinstance(detail, error_details_pb2.ErrorInfo):
            if detail.domain == _ERROR_DOMAIN and detail.reason in ErrorCode.__members__:
                error_code = ErrorCode(detail.reason)
        elif isinstance(detail, error_details_pb2.BadRequest):
            violations = {item.field: item.description for item in detail.field_violations}
        elif isinstance(detail, error_details_pb2.RetryInfo):
            retry_after_s = detail.retry_delay.ToMilliseconds() / 1000
        elif isinstance(detail, error_details_pb2.RequestInfo):
            request_id = detail.request_id
    return error_class(error_code)(
        error_code,
        message or code.name,
        violations=violations,
        retry_after_s=retry_after_s,
        request_id=request_id,
    )


def _unpack(trailing_metadata: Iterable[tuple[str, str | bytes]]) -> Iterable[object]:
    kinds = (
        error_details_pb2.ErrorInfo,
        error_details_pb2.BadRequest,
        error_details_pb2.RetryInfo,
        error_details_pb2.RequestInfo,
    )
    for key, value in trailing_metadata:
        if key != _DETAILS_KEY or not isinstance(value, bytes):
            continue
        try:
            status = status_pb2.Status.FromString(value)
            for packed in status.details:
                for kind in kinds:
                    if packed.Is(kind.DESCRIPTOR):
                        yield kind.FromString(packed.value)
        except DecodeError:
            return
