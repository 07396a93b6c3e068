"""Ids of folders, accounts, keys and tokens: not secret, made by the server."""

import re
import secrets

__all__ = ["is_id", "is_token_id", "new_id"]

_ALPHABET = "0123456789abcdefghijklmnopqrstuv"
_TOKEN_ID = re.compile(f"tok[{_ALPHABET}]{{17}}")
# What a column of an id holds. Databases differ in what else they take: a NUL
# character, say, is a failure of PostgreSQL and none of SQLite.
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def new_id(prefix: str) -> str:
    """Return a fresh id of 20 characters that begins with `prefix`."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(20 - len(prefix)))


def is_id(text: str) -> bool:
    """Return whether a text that somebody sent may be an id; nothing else reaches a store."""
    return _ID.fullmatch(text) is not None


def is_token_id(text: str) -> bool:
    """Return whether a text may be the id of an IAM token."""
    return _TOKEN_ID.fullmatch(text) is not None
