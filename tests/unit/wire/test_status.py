"""Errors as statuses: the one table, both ways."""

import base64
from urllib.parse import quote

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from rechka.errors import (
    AccessError,
    CapacityError,
    ErrorCode,
    InternalError,
    LimitError,
    RequestError,
    UnavailableError,
    error_class,
)
from rechka.wire.status import STATUS_OF, error_of, from_status, status_message, to_status


@pytest.mark.parametrize("code", ErrorCode)
def test_every_error_code_has_a_class_a_status_and_a_way_back(code: ErrorCode) -> None:
    error = error_class(code)(code, "what happened", violations={"a.b": "bad"}, retry_after_s=1.5)
    status, message, trailing = to_status(error, request_id="r-1")
    assert status is STATUS_OF[code]
    back = from_status(status, message, trailing)
    assert type(back) is error_class(code)
    assert (back.code, back.request_id, back.retry_after_s) == (code, "r-1", 1.5)
    assert back.violations == {"a.b": "bad"}


@pytest.mark.parametrize("status", [code for code in grpc.StatusCode if code.name != "OK"])
def test_every_grpc_status_becomes_an_error(status: grpc.StatusCode) -> None:
    error = from_status(status, None)
    assert error.message == status.name


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, RequestError),
        (grpc.StatusCode.OUT_OF_RANGE, LimitError),
        (grpc.StatusCode.UNAUTHENTICATED, AccessError),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, CapacityError),
        (grpc.StatusCode.UNAVAILABLE, UnavailableError),
        (grpc.StatusCode.UNKNOWN, InternalError),
    ],
)
def test_a_foreign_status_is_read_by_its_code(status: grpc.StatusCode, kind: type) -> None:
    assert type(from_status(status, "text")) is kind


def test_an_internal_error_tells_its_request_id_and_nothing_else() -> None:
    error = InternalError(ErrorCode.INTERNAL, "secret detail")
    _, message, trailing = to_status(error, request_id="r-2")
    assert message == "Internal error; request id r-2"
    assert all(b"secret" not in value for _, value in trailing if isinstance(value, bytes))


def test_the_details_are_the_standard_ones() -> None:
    error = CapacityError(ErrorCode.OVERLOADED, "full", retry_after_s=0.25)
    _, _, ((key, value),) = to_status(error, request_id="r-3")
    assert key == "grpc-status-details-bin"
    assert isinstance(value, bytes)
    names = [item.TypeName() for item in status_pb2.Status.FromString(value).details]
    assert names == ["google.rpc.ErrorInfo", "google.rpc.RetryInfo", "google.rpc.RequestInfo"]
    info = error_details_pb2.ErrorInfo()
    status_pb2.Status.FromString(value).details[0].Unpack(info)
    assert (info.reason, info.domain) == ("OVERLOADED", "rechka")


@pytest.mark.parametrize("code", ErrorCode)
def test_an_error_as_a_message_comes_back_as_it_was(code: ErrorCode) -> None:
    error = error_class(code)(code, "text", violations={"a": "b"}, retry_after_s=0.5)
    back = error_of(status_message(error, request_id="r-4"))
    assert type(back) is type(error)
    assert (back.code, back.violations, back.retry_after_s) == (code, {"a": "b"}, 0.5)


def test_a_message_with_an_unknown_code_is_an_internal_error() -> None:
    assert error_of(status_pb2.Status(code=77, message="x")).code is ErrorCode.INTERNAL


def test_broken_details_are_passed_over() -> None:
    trailing: list[tuple[str, str | bytes]] = [
        ("grpc-status-details-bin", b"\xff\xff\xff"),
        ("other", "x"),
    ]
    error = from_status(grpc.StatusCode.INVALID_ARGUMENT, "text", trailing)
    assert (error.code, error.message) == (ErrorCode.INVALID_CONFIG, "text")


@pytest.mark.parametrize("letter", ["x", "\n", "щ", "語", "🙂"])
def test_a_text_of_any_length_fits_into_the_metadata(letter: str) -> None:
    problem = f"got {letter * 100_000}; accepted: a, b"
    error = RequestError.about("config.model", problem)
    _, message, ((_, details),) = to_status(error, request_id="r-5")
    assert isinstance(details, bytes)
    # As they travel: the message in percents, the details in base64.
    assert len(quote(message)) + len(base64.b64encode(details)) < 8 * 1024
    back = error_of(status_message(error))
    for told in (message, back.message, back.violations["config.model"]):
        assert f"got {letter}" in told
        assert "…" in told
        assert told.endswith("accepted: a, b")


def test_what_came_is_told_with_what_is_accepted() -> None:
    short, long = (
        RequestError.about("a.b", "accepted: c", got=value) for value in ("d'e", "f" * 1000)
    )
    assert short.message == """a.b: got "d'e"; accepted: c"""
    assert short.violations == {"a.b": """got "d'e"; accepted: c"""}
    assert long.message == f"a.b: got '{'f' * 40}…'; accepted: c"
