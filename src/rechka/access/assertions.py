"""The JWT with which a service account asks for an IAM token.

It is signed PS256 with an authorized key: `kid` names the key, `iss` the
account, `aud` this service; it lives for an hour at most. What is wrong with
a JWT is told only to who has proven to hold the key.
"""

import math
import re
from collections.abc import Collection
from typing import Any

import jwt
import jwt.types
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from rechka.access.credentials import AuthorizedKey
from rechka.access.ids import is_id
from rechka.errors import AccessError, ErrorCode

__all__ = ["VENDOR_HOST", "read_key_id", "verify_assertion"]

VENDOR_HOST = "api.cloud.yandex.net"
"""The host that clients of the vendor's API name in `aud` when they are not told another."""

# The contract's own limit on the field.
_MOST_CHARACTERS = 8000
_LONGEST_LIFE_S = 3600
# Clocks of clients run ahead; half a minute of it is let pass.
_CLOCK_LEAD_S = 30
_ALGORITHM = "PS256"
_LEAST_KEY_BITS = 2048
_AUDIENCE = re.compile(r"https://iam\.(?P<host>[^/]+?)(:\d{1,5})?/iam/v1/tokens", re.ASCII)
# Read and checked instead of a key that is not known, so that both take the same
# time. What its check says is not asked for.
_NO_KEY = RSAPublicNumbers(65537, 2**2047 + 1).public_key()
_NO_KEY_PEM = _NO_KEY.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

# The claims are checked here, by a clock that tests can set, and more strictly.
_SIGNATURE_ONLY: jwt.types.Options = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}


def read_key_id(assertion: str) -> str:
    """Return the id of the key that a JWT says it is signed with.

    Raises:
        AccessError: It is no JWT, its algorithm is another, or it names no key.
    """
    if len(assertion) > _MOST_CHARACTERS:
        raise _invalid()
    try:
        header = jwt.get_unverified_header(assertion)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise _invalid() from None
    key_id = header.get("kid")
    if header.get("alg") != _ALGORITHM or not isinstance(key_id, str) or not is_id(key_id):
        raise _invalid()
    return key_id


def verify_assertion(
    assertion: str, key: AuthorizedKey | None, *, hosts: Collection[str], now_s: float
) -> None:
    """Check a JWT whole.

    Args:
        assertion: As it came.
        key: The key that it names; None if there is none. Takes the same time.
        hosts: Host names, in lower case and without a port, that `aud` may name.
        now_s: Seconds since the epoch.

    Raises:
        AccessError: It is not to be trusted.
    """
    public = _public_key(key)
    claims = _decode(assertion, public or _NO_KEY)
    if claims is None or key is None or public is None or key.revoked or key.account.disabled:
        raise _invalid()
    if claims.get("iss") != key.account.account_id:
        raise _invalid("iss is not the account of the key")
    if not _names(claims.get("aud"), hosts):
        raise _invalid(
            f"aud is not https://iam.HOST/iam/v1/tokens with HOST one of {sorted(hosts)}"
        )
    issued_at_s, expires_at_s = _time(claims.get("iat")), _time(claims.get("exp"))
    if issued_at_s is None or expires_at_s is None:
        raise _invalid("iat and exp must be numbers of seconds since the epoch")
    if expires_at_s <= now_s:
        raise _invalid("it has expired")
    not_before_s = _time(claims["nbf"]) if "nbf" in claims else issued_at_s
    if not_before_s is None or max(issued_at_s, not_before_s) > now_s + _CLOCK_LEAD_S:
        raise _invalid("iat or nbf lies in the future")
    if not 0 < expires_at_s - issued_at_s <= _LONGEST_LIFE_S:
        raise _invalid("it must live for an hour at most")


def _public_key(key: AuthorizedKey | None) -> RSAPublicKey | None:
    """Return the key that a signature must fit, None if no signature may."""
    public = load_pem_public_key(_NO_KEY_PEM if key is None else key.public_key.encode())
    if key is None or not isinstance(public, RSAPublicKey) or public.key_size < _LEAST_KEY_BITS:
        return None
    return public


def _decode(assertion: str, public: RSAPublicKey) -> dict[str, Any] | None:
    """Return the claims of a JWT with a right signature; times are checked elsewhere."""
    try:
        return jwt.decode(assertion, public, algorithms=[_ALGORITHM], options=_SIGNATURE_ONLY)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        return None


def _names(audience: object, hosts: Collection[str]) -> bool:
    items = audience if isinstance(audience, list) else [audience]
    for item in items:
        match = _AUDIENCE.fullmatch(item) if isinstance(item, str) else None
        if match and match["host"].lower() in hosts:
            return True
    return False


def _time(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _invalid(problem: str = "") -> AccessError:
    message = f"The JWT is invalid: {problem}" if problem else "The JWT is invalid"
    return AccessError(ErrorCode.UNAUTHENTICATED, message)
