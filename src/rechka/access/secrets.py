"""Making secrets, hashing them, and naming them without telling them."""

import base64
import hashlib
import hmac
import secrets
import zlib

__all__ = ["hash_secret", "is_same_hash", "mask_api_key", "new_api_key"]

# 32 random bytes cannot be guessed or searched, so a plain fast hash is enough.
_SECRET_BYTES = 32


def new_api_key(seed: bytes | None = None) -> str:
    """Return an API key, with the prefix that the vendor's keys have.

    Args:
        seed: 32 secret bytes that the key is made of; None makes it random.
    """
    secret = secrets.token_bytes(_SECRET_BYTES) if seed is None else seed
    return f"AQVN{base64.urlsafe_b64encode(secret).rstrip(b'=').decode()}"


def hash_secret(secret: str) -> str:
    """Return the hexadecimal SHA-256 of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def is_same_hash(left: str, right: str) -> bool:
    """Compare two hashes in a time that does not tell where they differ."""
    return hmac.compare_digest(left.encode(), right.encode())


def mask_api_key(key: str) -> str:
    """Return a key's name for error texts: first and last four characters and CRC-32.

    A key too short to hide anything is masked whole.
    """
    crc = f"{zlib.crc32(key.encode('utf-8', 'surrogateescape')):08X}"
    shown = f"{key[:4]}****{key[-4:]}" if len(key) >= 16 else "****"
    return f"{shown} ({crc})"
