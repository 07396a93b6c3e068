"""What every call of a Rechka service goes through.

`CallInterceptor` wraps the method itself instead of answering in its place, so
that a refusal always has the shape of the method: a bidirectional call that is
refused by a unary handler leaves its client waiting.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol
from urllib.parse import unquote

import grpc
import grpc.aio
import structlog
from google.protobuf.message import DecodeError

from rechka.access.audit import Actor
from rechka.access.authority import Authority
from rechka.access.identities import Account
from rechka.errors import ErrorCode, InternalError, RechkaError, RequestError, UnavailableError
from rechka.wire.codec_v2 import not_a_message
from rechka.wire.status import to_status

__all__ = ["Call", "CallCounter", "CallInterceptor", "Drain", "current_call"]

_log = structlog.get_logger()
_Behavior = Callable[[Any, Any], Awaitable[Any]]


class CallCounter(Protocol):
    """Told of every call that is over."""

    def __call__(self, method: str, *, status: str, error: str | None) -> None:
        """Count it."""
        ...


# No request header of ours is longer; more would only fill the log.
_CLIENT_ID_LENGTH = 128
# How calls of methods that are not served are counted, all together.
_OTHER_METHODS = "other"
_MOST_METHOD_CHARACTERS = 100
# A status waits behind results that the client does not read, and may wait for ever.
_FAREWELL_S = 3.0


@dataclass(frozen=True, slots=True)
class Call:
    """What is known of the running call.

    Attributes:
        request_id: Made by the server, sent back as `x-request-id`.
        client_request_id: The client's own `x-client-request-id`, "" without one.
        account: Who calls; None where the method is open to everybody.
        address: Host that the call comes from, "" for a Unix socket.
        folder_id: The `x-folder-id` of the metadata, "" without one.
        normalize_partials: Whether `x-normalize-partials` is set to true.
    """

    request_id: str
    client_request_id: str
    account: Account | None
    address: str
    folder_id: str
    normalize_partials: bool

    @property
    def caller(self) -> Account:
        """Who calls, in a method that is not open to everybody."""
        if self.account is None:
            raise InternalError(ErrorCode.INTERNAL, "the method is open to everybody")
        return self.account

    @property
    def actor(self) -> Actor:
        """Who calls, as the audit trail names it."""
        name = "" if self.account is None else self.account.account_id
        return Actor(name, self.address, self.request_id)


_current: ContextVar[Call] = ContextVar("rechka_call")


def current_call() -> Call:
    """Return the call that the running task serves."""
    return _current.get()


class Drain:
    """Counts running calls and lets them end before the server stops."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self.is_draining = False
        self.is_over = False

    @property
    def running(self) -> int:
        """Calls that run now."""
        return len(self._running)

    def enter(self) -> None:
        """Count the current task's call.

        Raises:
            UnavailableError: The server is shutting down and takes no new ones.
        """
        if self.is_draining:
            raise _shutting_down()
        if (task := asyncio.current_task()) is not None:
            self._running.add(task)
            self._idle.clear()

    def leave(self) -> None:
        """Forget the current task's call; one that never entered is fine."""
        if (task := asyncio.current_task()) is not None:
            self._running.discard(task)
        if not self._running:
            self._idle.set()

    async def finish(self, *, grace_s: float) -> int:
        """Take no more calls and wait for the running ones.

        Returns:
            How many had to be ended when the grace was over; they are answered
            UNAVAILABLE. A client that does not read may not have its answer yet.
        """
        self.is_draining = True
        try:
            async with asyncio.timeout(grace_s):
                await self._idle.wait()
        except TimeoutError:
            pass
        self.is_over = True
        left = list(self._running)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=_FAREWELL_S)
        return len(left)


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Gives a call its ids, asks who calls, and turns every failure into a status.

    Args:
        authority: Judges the credentials.
        drain: Counts the calls.
        open_services: Full names of services that need no credentials.
        foreign_services: Full names of services that are passed on untouched,
            such as health and reflection.
        count: Told the method, the name of the gRPC status and the error's stable code,
            or None, of every call that is over; "other" stands for methods that are
            not served.
        load: Returns the load of the workers, which every call is told as
            `x-rechka-load`; None while it is not known.
    """

    def __init__(
        self,
        *,
        authority: Authority,
        drain: Drain,
        open_services: frozenset[str],
        foreign_services: frozenset[str],
        count: "CallCounter",
        load: Callable[[], float | None],
    ) -> None:
        self._authority = authority
        self._drain = drain
        self._open = open_services
        self._foreign = foreign_services
        self._count = count
        self._load = load

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Return the method's handler, wrapped."""
        handler = await continuation(handler_call_details)
        method = str(handler_call_details.method)
        if handler is None:
            # The library's own answer would have no details, and the name is the caller's
            # choice: as a label of a count it would fill the memory.
            return grpc.stream_stream_rpc_method_handler(
                self._guard(_not_served(method), _OTHER_METHODS, is_open=True)
            )
        service = method.rpartition("/")[0].lstrip("/")
        if service in self._foreign:
            return handler
        is_open = service in self._open
        if handler.unary_unary is not None:
            return grpc.unary_unary_rpc_method_handler(
                self._guard(_readable(handler.unary_unary), method, is_open=is_open),
                request_deserializer=_lenient(handler.request_deserializer),
                response_serializer=handler.response_serializer,
            )
        return grpc.stream_stream_rpc_method_handler(
            self._guard(handler.stream_stream, method, is_open=is_open),
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _guard(self, behavior: _Behavior, method: str, *, is_open: bool) -> _Behavior:
        async def abort(context: Any, error: RechkaError, request_id: str) -> NoReturn:
            code, message, trailing = _status(error, request_id)
            self._count(method, status=code.name, error=error.code.value)
            # What is left is up to the client, which may not read: nobody waits for it.
            self._drain.leave()
            await context.abort(code, message, trailing)
            raise AssertionError("abort raises")

        async def guarded(request: Any, context: Any) -> Any:
            metadata = dict(context.invocation_metadata() or ())
            request_id = str(uuid.uuid4())
            ids = (("x-request-id", request_id), ("x-server-trace-id", uuid.uuid4().hex))
            try:
                self._drain.enter()
                load = self._load()
                loads = () if load is None else (("x-rechka-load", f"{load:.2f}"),)
                await context.send_initial_metadata((*ids, *loads))
                address = _address(context.peer())
                account = None
                if not is_open:
                    account = await self._authority.authenticate(
                        metadata.get("authorization"), caller=Actor("", address, request_id)
                    )
                _current.set(_call(request_id, metadata, account, address))
                answer = await behavior(request, context)
                self._count(method, status="OK", error=None)
                return answer  # noqa: TRY300
            except RechkaError as error:
                await abort(context, error, request_id)
            except asyncio.CancelledError:
                if not self._drain.is_over:
                    self._count(method, status="CANCELLED", error=None)
                    raise
                await abort(context, _shutting_down(), request_id)
            except grpc.aio.AbortError:
                raise
            except Exception:
                _log.exception("call_failed", request_id=request_id)
                await abort(context, InternalError(ErrorCode.INTERNAL, ""), request_id)
            finally:
                self._drain.leave()

        return guarded


def _lenient(deserialize: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """Return a deserializer for the one request of a call, which is read before the guard.

    What it would raise there is answered by the library, as a fault of the server.
    """

    def read(data: bytes) -> Any:
        try:
            return deserialize(data)
        except DecodeError:
            return None

    return read


def _readable(behavior: _Behavior) -> _Behavior:
    async def check(request: Any, context: Any) -> Any:
        if request is None:
            raise not_a_message("request")
        return await behavior(request, context)

    return check


def _not_served(method: str) -> _Behavior:
    async def refuse(request: Any, context: Any) -> NoReturn:
        name = method[:_MOST_METHOD_CHARACTERS]
        raise RequestError(
            ErrorCode.UNIMPLEMENTED,
            f"{name!r} is not served here; speech is recognized by version 2 of the API, "
            "/yandex.cloud.ai.stt.v2.SttService/StreamingRecognize",
        )

    return refuse


def _address(peer: str) -> str:
    """Return the host of "ipv4:192.0.2.1:50000" or "ipv6:[2001:db8::1]:50000"."""
    family, _, rest = unquote(peer).partition(":")
    return rest.rpartition(":")[0].strip("[]") if family in {"ipv4", "ipv6"} else ""


def _call(request_id: str, metadata: dict[str, Any], account: Account | None, address: str) -> Call:
    return Call(
        request_id=request_id,
        client_request_id=str(metadata.get("x-client-request-id", ""))[:_CLIENT_ID_LENGTH],
        account=account,
        address=address,
        folder_id=str(metadata.get("x-folder-id", "")),
        normalize_partials=str(metadata.get("x-normalize-partials", "")).lower() == "true",
    )


def _status(error: RechkaError, request_id: str) -> tuple[grpc.StatusCode, str, Any]:
    if isinstance(error, InternalError):
        _log.error("call_failed", request_id=request_id, reason=error.message)
    return to_status(error, request_id=request_id)


def _shutting_down() -> UnavailableError:
    return UnavailableError(
        ErrorCode.UNAVAILABLE, "The server is shutting down; connect again", retry_after_s=1.0
    )
