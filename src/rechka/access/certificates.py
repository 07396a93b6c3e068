"""A private certificate authority, and certificates of it, for trying TLS.

For networks of one's own: clients must be told to trust the authority.
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["Identity", "create_authority", "issue_certificate"]

_AUTHORITY_LIFE = timedelta(days=3650)
# Clients of Apple refuse certificates that live for longer.
_CERTIFICATE_LIFE = timedelta(days=825)
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*")
_MOST_HOST_CHARACTERS = 253
# Clocks of clients may be behind.
_CLOCK_LAG = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate and its private key, both PEM."""

    certificate: bytes
    private_key: bytes = field(repr=False)


def create_authority() -> Identity:
    """Return a fresh authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Rechka development CA")
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        _builder(name, name, key.public_key(), _AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return _identity(builder.sign(key, hashes.SHA256()), key)


def issue_certificate(authority: Identity, hosts: Sequence[str], *, is_client: bool) -> Identity:
    """Return a certificate that the authority vouches for.

    Args:
        authority: From `create_authority`.
        hosts: Host names, wildcards such as "*.example.net", or addresses; for
            a client its names. At least one.
        is_client: Whether it is for a client; otherwise it is for a server.

    Raises:
        ValueError: A name is no host name, or the authority is not one.
    """
    issuer = x509.load_pem_x509_certificate(authority.certificate)
    issuer_key = load_pem_private_key(authority.private_key, password=None)
    if not isinstance(issuer_key, ec.EllipticCurvePrivateKey):
        raise ValueError("the authority's key is not an elliptic-curve key")  # noqa: TRY004
    key = ec.generate_private_key(ec.SECP256R1())
    purpose = ExtendedKeyUsageOID.CLIENT_AUTH if is_client else ExtendedKeyUsageOID.SERVER_AUTH
    builder = (
        _builder(_name(hosts[0]), issuer.subject, key.public_key(), _CERTIFICATE_LIFE)
        .add_extension(x509.SubjectAlternativeName(map(_general_name, hosts)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
    )
    return _identity(builder.sign(issuer_key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, life: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_LAG)
        .not_valid_after(now + life)
    )


def _identity(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Identity:
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Identity(certificate.public_bytes(Encoding.PEM), private)


def _name(text: str) -> x509.Name:
    # A common name has at most 64 characters; clients look at the hosts elsewhere.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        name = host if host.isascii() else host.encode("idna").decode()
    if len(name) > _MOST_HOST_CHARACTERS or not _HOST.fullmatch(name):
        raise ValueError(
            f"host: got {host!r}; accepted: a host name such as stt.example.net or "
            "*.example.net, or an address, without a port"
        )
    return x509.DNSName(name)
