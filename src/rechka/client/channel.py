"""The connection: its credentials, its metadata, and its failures put into words."""

import re
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import grpc
import grpc.aio

from rechka.errors import ErrorCode, RechkaError, RequestError, UnavailableError
from rechka.spec import RecognitionSpec
from rechka.wire.hotwords import HOTWORDS_BIN, encode_hotwords
from rechka.wire.outcome import CallStatus
from rechka.wire.status import from_status

__all__ = ["Credentials", "TlsConfig", "call_metadata", "explain", "open_channel"]

_KEY = re.compile(r"[0-9a-z_.-]+")
_ENDPOINT = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[^:/\s]+):(?P<port>\d{1,5})")
_OPTIONS = (
    # The library's own wait of a second and more would outlast our first tries.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5_000),
)
_CERTIFICATE = (re.compile(rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----"), "certificate")
# What each file of TLS has to hold: the library's own words for another are of no help.
_PEM_KINDS = {
    "root_certificates": _CERTIFICATE,
    "certificate": _CERTIFICATE,
    "private_key": (re.compile(rb"-----BEGIN (?:\w+ )*PRIVATE KEY-----"), "private key"),
}
_CONNECT_HINTS = (
    # What the gRPC library says, what it means, what to check.
    ("Connection refused", "connection refused", "check that the server runs there"),
    ("Domain name not found", "no such host", "check the name"),
    ("hostname lookup error", "the host name cannot be looked up", "check the name"),
    ("WRONG_VERSION_NUMBER", "the server does not speak TLS", "connect without TLS"),
    (
        "CERTIFICATE_VERIFY_FAILED",
        "the server's certificate is not trusted",
        "give the certificate of the authority that signed it",
    ),
    (
        "Hostname Verification",
        "the server's certificate is for another host name",
        "use the name that the certificate was made for",
    ),
    ("http1.x server", "an HTTP server answers there, not a gRPC one", "check the port"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsConfig:
    """Whom to trust, and who to be. All values are PEM.

    Attributes:
        root_certificates: Authorities to trust; None for those that the gRPC
            library carries.
        certificate: The client's own certificate chain, for servers that ask.
        private_key: Key of that certificate.
    """

    root_certificates: bytes | None = None
    certificate: bytes | None = None
    private_key: bytes | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """What proves who calls; at most one of the two.

    Attributes:
        token: IAM token, or a function that returns the current one; it is
            asked before each session, since tokens live 12 hours at most.
        api_key: API key of a service account.

    Raises:
        RequestError: Both are given.
    """

    token: str | Callable[[], str] | None = None
    api_key: str | None = None

    def __post_init__(self) -> None:
        """Check that there is one at most."""
        if self.token is not None and self.api_key is not None:
            message = "credentials: got a token and an API key; accepted: one of them"
            raise RequestError(ErrorCode.INVALID_CONFIG, message)

    def header(self) -> str | None:
        """Return the value of `authorization`, None without credentials.

        Raises:
            RequestError: The secret cannot be sent; the message does not hold it.
        """
        if self.api_key is not None:
            return f"Api-Key {_clean('API key', self.api_key)}"
        if self.token is not None:
            token = self.token() if callable(self.token) else self.token
            return f"Bearer {_clean('token', token)}"
        return None


def _clean(name: str, secret: str) -> str:
    secret = secret.strip()
    if not secret or not secret.isascii() or not secret.isprintable():
        message = f"{name}: it is empty, or holds characters that a header cannot carry"
        raise RequestError(ErrorCode.INVALID_CONFIG, message)
    return secret


def open_channel(endpoint: str, tls: TlsConfig | None) -> grpc.aio.Channel:
    """Return a channel; it connects when the first call is made.

    Args:
        endpoint: HOST:PORT, or unix:PATH.
        tls: None for plaintext.

    Raises:
        RequestError: The endpoint is not of this form, or the TLS files do not fit.

    Threading: the channel belongs to the running event loop.
    """
    if not endpoint.startswith("unix:"):
        match = _ENDPOINT.fullmatch(endpoint)
        if match is None or not 0 < int(match["port"]) < 65_536:
            message = f"endpoint: got {endpoint!r}; accepted: HOST:PORT, such as localhost:50051"
            raise RequestError(ErrorCode.INVALID_CONFIG, message)
    if tls is None:
        return grpc.aio.insecure_channel(endpoint, options=_OPTIONS)
    if (tls.certificate is None) != (tls.private_key is None):
        message = "TLS: a client certificate and its private key go together"
        raise RequestError(ErrorCode.INVALID_CONFIG, message)
    for name, (kind, what) in _PEM_KINDS.items():
        pem: bytes | None = getattr(tls, name)
        if pem is not None and not kind.search(pem):
            raise RequestError(
                ErrorCode.INVALID_CONFIG, f"TLS: {name}: it holds no {what} in PEM form"
            )
    credentials = grpc.ssl_channel_credentials(
        tls.root_certificates, tls.private_key, tls.certificate
    )
    return grpc.aio.secure_channel(endpoint, credentials, options=_OPTIONS)


def call_metadata(
    credentials: Credentials, spec: RecognitionSpec, extra: Sequence[tuple[str, str]]
) -> list[tuple[str, str | bytes]]:
    """Return the metadata of a session; `extra` wins over what is made here.

    Raises:
        RequestError: A key, a value or a phrase cannot be sent.
    """
    for key, value in extra:
        if not _KEY.fullmatch(key) or not value.isascii() or not value.isprintable():
            message = f"metadata {key!r}: accepted: keys of a-z, 0-9, - _ . and ASCII values"
            raise RequestError(ErrorCode.INVALID_CONFIG, message)
    made: dict[str, str | bytes] = {"x-client-request-id": str(uuid.uuid4())}
    if (header := credentials.header()) is not None:
        made["authorization"] = header
    if spec.normalize_partials:
        made["x-normalize-partials"] = "true"
    if spec.hotwords:
        made[HOTWORDS_BIN] = encode_hotwords(spec.hotwords)
    given = {key for key, _ in extra}
    return [*((key, value) for key, value in made.items() if key not in given), *extra]


def explain(status: CallStatus, *, endpoint: str, is_tls: bool) -> RechkaError:
    """Return the error that a failed call stands for, in words for its user.

    Args:
        status: How the call ended.
        endpoint: Where the call went.
        is_tls: Whether it went over TLS.
    """
    error = from_status(status.code, status.details, status.trailing)
    request_id = dict(status.initial).get("x-request-id")
    if error.request_id is None and request_id is not None:
        error.request_id = str(request_id)
    is_told = any(key == "grpc-status-details-bin" for key, _ in status.trailing)
    if is_told or not isinstance(error, UnavailableError):
        return error
    if status.initial:
        why = f"the connection to {endpoint} was lost: {error.message}"
    else:
        why = f"cannot reach {endpoint}: {_meaning(error.message, is_tls=is_tls)}"
    return UnavailableError(ErrorCode.UNAVAILABLE, why, request_id=error.request_id)


def _meaning(said: str, *, is_tls: bool) -> str:
    for pattern, meaning, advice in _CONNECT_HINTS:
        if pattern in said:
            return f"{meaning}; {advice}"
    if not is_tls and ("Socket closed" in said or "reset" in said):
        return "it closes the connection; if it is a TLS server, connect with TLS"
    return said
