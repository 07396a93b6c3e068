"""Making secrets, hashing them, and naming them without telling them."""

import hashlib
import secrets
import zlib

__all__ = ["hash_secret", "mask_api_key", "new_api_key", "new_iam_token", "new_id"]

# 32 random bytes cannot be guessed or searched, so a plain fast hash is enough.
_SECRET_BYTES = 32
_ID_ALPHABET = "0123456789abcdefghijklmnopqrstuv"


def new_iam_token() -> str:
    """Return a fresh IAM token."""
    return f"t1.{secrets.token_urlsafe(_SECRET_BYTES)}"


def new_api_key() -> str:
    """Return a fresh API key, with the prefix that the vendor's keys have."""
    return f"AQVN{secrets.token_urlsafe(_SECRET_BYTES)}"


def new_id(prefix: str) -> str:
    """Return a fresh id of 20 characters that begins with `prefix`."""
    return prefix + "".join(secrets.choice(_ID_ALPHABET) for _ in range(20 - len(prefix)))


def hash_secret(secret: str) -> str:
    """Return the hexadecimal SHA-256 of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def mask_api_key(key: str) -> str:
    """Return a key's name for error texts: first and last four characters and CRC-32.

    A key too short to hide anything is masked whole.
    """
    crc = f"{zlib.crc32(key.encode()):08X}"
    shown = f"{key[:4]}****{key[-4:]}" if len(key) >= 16 else "****"
    return f"{shown} ({crc})"
