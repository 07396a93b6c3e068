"""TLS of the gRPC port: certificates that may change under a running server."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import grpc
import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from rechka.address import parse_address
from rechka.errors import refused_setting
from rechka.settings import ServerSettings

__all__ = ["certificate_hosts", "require_encryption", "server_credentials"]

_log = structlog.get_logger()
_Stamp = tuple[tuple[int, int, int], ...]


def require_encryption(settings: ServerSettings) -> None:
    """Check that no port beyond loopback is served in the clear by oversight.

    Raises:
        RequestError: One is, and the settings do not say that this is meant.
    """
    if settings.allow_plaintext:
        return
    addresses = {"http_address": settings.http_address}
    if settings.tls_cert is None:
        addresses["grpc_address"] = settings.grpc_address
    for field, address in addresses.items():
        if not parse_address(address, may_be_unix=True).is_loopback:
            raise refused_setting(
                f"server.{field}",
                f"{address!r} would carry credentials and speech in the clear beyond this "
                "machine; give tls_cert and tls_key (for gRPC), or set allow_plaintext",
            )


def server_credentials(settings: ServerSettings) -> grpc.ServerCredentials | None:
    """Return the credentials of the gRPC port, None for plaintext.

    The files are looked at with each connection: a certificate that was renewed
    holds for the next one. Files that do not fit each other are passed over.

    Raises:
        RequestError: The files cannot be read, or do not fit each other.
    """
    if settings.tls_cert is None and settings.tls_key is None:
        if settings.tls_client_ca is not None:
            raise refused_setting("server.tls_client_ca", "needs tls_cert and tls_key")
        return None
    if settings.tls_cert is None or settings.tls_key is None:
        raise refused_setting("server.tls_cert, server.tls_key", "give both or neither")
    files = _Files(settings.tls_cert, settings.tls_key, settings.tls_client_ca)
    watch = _Watch(files)
    return grpc.dynamic_ssl_server_credentials(
        watch.configuration,
        watch.changed,  # type: ignore[arg-type]  # None, which the stub forgets, is "no change".
        settings.tls_client_ca is not None,
    )


def certificate_hosts(path: Path | None) -> frozenset[str]:
    """Return the host names and addresses that a certificate is for, in lower case.

    Raises:
        RequestError: The file holds no certificate.
    """
    if path is None:
        return frozenset()
    certificate = _load_certificates(_read(path, "tls_cert"), path, "tls_cert")[0]
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    hosts = [name.lower() for name in names.get_values_for_type(x509.DNSName)]
    addresses = names.get_values_for_type(x509.IPAddress)
    return frozenset([*hosts, *(str(address) for address in addresses)])


@dataclass(frozen=True, slots=True)
class _Files:
    cert: Path
    key: Path
    client_ca: Path | None

    def stamp(self) -> _Stamp:
        """Return what changes when one of the files does."""
        stamps = []
        for path in (self.cert, self.key, self.client_ca):
            if path is not None:
                status = path.stat()
                stamps.append((status.st_ino, status.st_mtime_ns, status.st_size))
        return tuple(stamps)

    def load(self) -> grpc.ServerCertificateConfiguration:
        """Return what the files hold, after checking that it fits together."""
        key, chain = _read(self.key, "tls_key"), _read(self.cert, "tls_cert")
        if b"PRIVATE KEY" not in key:
            raise refused_setting("server.tls_key", f"{self.key} holds no PEM private key")
        leaf = _load_certificates(chain, self.cert, "tls_cert")[0]
        try:
            public = load_pem_private_key(key, password=None).public_key()
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise refused_setting("server.tls_key", f"{self.key}: {error}") from None
        form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if public.public_bytes(*form) != leaf.public_key().public_bytes(*form):
            raise refused_setting("server.tls_key", f"{self.key} is not the key of {self.cert}")
        authorities = None
        if self.client_ca is not None:
            authorities = _read(self.client_ca, "tls_client_ca")
            _load_certificates(authorities, self.client_ca, "tls_client_ca")
        return grpc.ssl_server_certificate_configuration([(key, chain)], authorities)


class _Watch:
    """Loads the files again when they changed.

    Threading: `changed` is called by threads of gRPC's own, one at a time.
    """

    def __init__(self, files: _Files) -> None:
        self._files = files
        self._stamp: _Stamp = ()
        self._refused: _Stamp | None = None
        # First, so that what changes while the files are read is seen later.
        with suppress(OSError):
            self._stamp = files.stamp()
        self.configuration = files.load()

    def changed(self) -> grpc.ServerCertificateConfiguration | None:
        """Return the files' content if it is new and good, else None."""
        try:
            stamp = self._files.stamp()
            if stamp in {self._stamp, self._refused}:
                return None
            self._refused = stamp
            self.configuration = self._files.load()
        except Exception as error:
            # Half of a renewal: the old certificate serves until the rest is there.
            # Any error that got out of here would end the connection instead.
            _log.warning("tls_files_refused", reason=str(error))
            return None
        self._stamp = stamp
        _log.info("tls_files_reloaded")
        return self.configuration


def _load_certificates(pem: bytes, path: Path, name: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise refused_setting(f"server.{name}", f"{path} holds no PEM certificate") from None


def _read(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise refused_setting(f"server.{name}", f"cannot read {path}: {error.strerror}") from error
