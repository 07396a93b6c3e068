"""IAM tokens: signed by a server, checked with its public key alone.

A token is `t1.PAYLOAD.SIGNATURE`, both parts base64url without padding. The
payload is a JSON object; the signature is Ed25519 over a fixed prefix and the
payload, so that nothing else that the key may sign is ever a token.
"""

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from rechka.access.credentials import SigningKey
from rechka.access.identities import Account, AccountKind

__all__ = ["LONGEST_TOKEN_LIFE_S", "ParsedToken", "TokenClaims", "TokenSigner", "parse_token"]

LONGEST_TOKEN_LIFE_S = 12 * 3600
"""The longest life that an IAM token of the API has, in seconds."""

_PREFIX = "t1."
_CONTEXT = b"rechka iam token v1\x00"
# A token that this module makes has under 600 characters.
_MOST_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """What a token says.

    Attributes:
        token_id: Names the token when it is to be revoked; not a secret.
        account_id: Whom it stands for.
        kind: Whether that is a person or a program.
        home_folder_id: The folder of a service account; "" for users.
        issued_at_s: Seconds since the epoch.
        expires_at_s: Seconds since the epoch.
        authorized_key_id: The key that signed the JWT it was given for; "" for one
            that an operator made.
    """

    token_id: str
    account_id: str
    kind: AccountKind
    home_folder_id: str
    issued_at_s: int
    expires_at_s: int
    authorized_key_id: str = ""

    @property
    def account(self) -> Account:
        """The account, as far as a token knows it."""
        return Account(self.account_id, self.kind, self.home_folder_id)


@dataclass(frozen=True, slots=True)
class ParsedToken:
    """A token that has the right form. Nothing in it is true before it is verified."""

    key_id: str
    claims: TokenClaims
    _payload: bytes
    _signature: bytes

    def is_signed_by(self, key: SigningKey) -> bool:
        """Return whether the key's private half made this very token."""
        public = Ed25519PublicKey.from_public_bytes(key.public_key)
        try:
            public.verify(self._signature, _CONTEXT + self._payload)
        except InvalidSignature:
            return False
        return key.key_id == self.key_id


class TokenSigner:
    """Makes tokens.

    Args:
        private_key: Known to this server, or the servers of one data folder, only.
        created_at_s: When the key was made, seconds since the epoch.
    """

    def __init__(self, private_key: Ed25519PrivateKey, *, created_at_s: float) -> None:
        self._private_key = private_key
        public = private_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key = SigningKey(hashlib.sha256(public).hexdigest()[:16], public, created_at_s)

    def sign(self, claims: TokenClaims) -> str:
        """Return the token of these claims.

        Raises:
            ValueError: It would live for longer than `LONGEST_TOKEN_LIFE_S`.
        """
        if not 0 < claims.expires_at_s - claims.issued_at_s <= LONGEST_TOKEN_LIFE_S:
            raise ValueError("a token lives for more than 0 and at most 12 hours")
        payload = json.dumps(
            {
                "kid": self.key.key_id,
                "jti": claims.token_id,
                "sub": claims.account_id,
                "kind": claims.kind.value,
                "home": claims.home_folder_id,
                "iat": claims.issued_at_s,
                "exp": claims.expires_at_s,
                "key": claims.authorized_key_id,
            },
            separators=(",", ":"),
        ).encode()
        signature = self._private_key.sign(_CONTEXT + payload)
        return f"{_PREFIX}{_encode(payload)}.{_encode(signature)}"

    def derive_secret(self, purpose: str) -> bytes:
        """Return 32 bytes that only the holder of the private key can make.

        Ed25519 signatures are deterministic: the same purpose gives the same bytes.
        """
        return hashlib.sha256(
            self._private_key.sign(b"rechka derive v1\x00" + purpose.encode())
        ).digest()


def parse_token(token: str) -> ParsedToken | None:
    """Return a token's parts, None if it is not of the right form."""
    if len(token) > _MOST_CHARACTERS or not token.startswith(_PREFIX):
        return None
    payload_text, dot, signature_text = token.removeprefix(_PREFIX).partition(".")
    if not dot:
        return None
    payload, signature = _decode(payload_text), _decode(signature_text)
    if payload is None or signature is None:
        return None
    try:
        fields = json.loads(payload)
        texts = [fields[name] for name in ("kid", "jti", "sub", "home", "key")]
        times = [fields[name] for name in ("iat", "exp")]
        kind = AccountKind(fields["kind"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not all(isinstance(text, str) for text in texts):
        return None
    if not all(type(time) is int for time in times):
        return None
    key_id, token_id, account_id, home, authorized_key_id = texts
    issued_at_s, expires_at_s = times
    claims = TokenClaims(
        token_id, account_id, kind, home, issued_at_s, expires_at_s, authorized_key_id
    )
    return ParsedToken(key_id, claims, payload, signature)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes | None:
    """Return the bytes of canonical base64url, None for any other spelling of them."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if _encode(data) == text else None
