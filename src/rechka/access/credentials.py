"""What accounts prove themselves with, as the store keeps it: no secret in clear."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rechka.access.identities import Account

__all__ = ["LOOKUP_CHARACTERS", "ApiKey", "AuthorizedKey", "SigningKey", "Trust"]

LOOKUP_CHARACTERS = 16
"""Characters of an API key's hash that find it; the whole is compared in constant time."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key of a service account.

    Attributes:
        key_id: Server-made id; public.
        account: Whose it is.
        secret_hash: Hexadecimal SHA-256 of the key.
        name: What the operator calls it.
        created_at_s: Seconds since the epoch.
        revoked: Whether it is refused for good.
    """

    key_id: str
    account: Account
    secret_hash: str = field(repr=False)
    name: str = ""
    created_at_s: float = 0.0
    revoked: bool = False

    @property
    def lookup(self) -> str:
        """The part of the hash that finds the key."""
        return self.secret_hash[:LOOKUP_CHARACTERS]


@dataclass(frozen=True, slots=True)
class AuthorizedKey:
    """The public half of a key pair with which a service account signs JWTs.

    Attributes:
        key_id: Server-made id; the `kid` of the JWT.
        account: Whose it is.
        public_key: RSA public key, PEM.
        created_at_s: Seconds since the epoch.
        revoked: Whether it is refused for good.
    """

    key_id: str
    account: Account
    public_key: str = field(repr=False)
    created_at_s: float = 0.0
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The public half of a key pair with which a server signs IAM tokens.

    Attributes:
        key_id: Derived from the public key.
        public_key: Ed25519 public key, 32 bytes.
        created_at_s: Seconds since the epoch.
    """

    key_id: str
    public_key: bytes = field(repr=False)
    created_at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Trust:
    """All that a server must know to judge a token without asking the store.

    Attributes:
        revision: Number of the change that it is current with.
        signing_keys: By id; tokens of other keys are refused.
        revoked_tokens: Ids of tokens that are refused though they live.
        disabled_accounts: Ids of accounts that are refused.
        revoked_keys: Ids of authorized keys that were revoked while a token that
            they obtained may still live; such tokens are refused.
    """

    revision: int
    signing_keys: Mapping[str, SigningKey]
    revoked_tokens: frozenset[str]
    disabled_accounts: frozenset[str]
    revoked_keys: frozenset[str]
