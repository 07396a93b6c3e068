"""Access data in one JSON file: enough for a development server.

The file is read again when it changes, so that credentials made beside a
running server hold at once. It is written whole to a new file that then takes
its place: a reader sees the old content or the new, and a crash loses neither.
"""

import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rechka.access.port import Account, AccountKind, IssuedToken, Role
from rechka.errors import ErrorCode, InternalError

__all__ = ["FileAccessStore"]

_Data = dict[str, dict[str, Any]]
# For so long a client with an old token still reads that it has expired.
_EXPIRED_TOKEN_KEPT_S = 24 * 3600
_TABLES = ("folders", "accounts", "roles", "tokens", "api_keys")


class FileAccessStore:
    """An `AccessStore` in `access.json` of the data folder, readable by its owner only.

    Args:
        data_dir: The server's data folder; made when something is first written.
    """

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "access.json"
        self._seen: tuple[int, int, int] | None = None
        self._data: _Data = _empty()

    async def find_token(self, secret_hash: str) -> IssuedToken | None:
        """Return the IAM token of this hash, expired or not, None if there is none."""
        data = self._load()
        row = data["tokens"].get(secret_hash)
        if row is None:
            return None
        return IssuedToken(_account(data, row["account_id"]), row["expires_at_s"])

    async def find_api_key(self, secret_hash: str) -> Account | None:
        """Return whose API key has this hash, None if there is none."""
        data = self._load()
        row = data["api_keys"].get(secret_hash)
        return None if row is None else _account(data, row["account_id"])

    async def find_roles(self, *, account_id: str, folder_id: str) -> frozenset[Role]:
        """Return an account's roles in a folder; empty for an unknown one of either."""
        return frozenset(map(Role, self._load()["roles"].get(_binding(account_id, folder_id), [])))

    async def add_folder(self, folder_id: str, *, name: str) -> None:
        """Keep a folder; the same one again changes nothing."""
        with self._change() as data:
            data["folders"][folder_id] = {"name": name}

    async def add_account(self, account: Account) -> None:
        """Keep an account; the same one again changes nothing."""
        with self._change() as data:
            data["accounts"][account.account_id] = {
                "kind": account.kind.value,
                "home_folder_id": account.home_folder_id,
            }

    async def grant(self, role: Role, *, account_id: str, folder_id: str) -> None:
        """Give a role; the same one again changes nothing."""
        with self._change() as data:
            roles = set(data["roles"].get(_binding(account_id, folder_id), []))
            data["roles"][_binding(account_id, folder_id)] = sorted({*roles, role.value})

    async def add_token(self, secret_hash: str, *, account_id: str, expires_at_s: float) -> None:
        """Keep an IAM token of a known account."""
        with self._change() as data:
            kept = time.time() - _EXPIRED_TOKEN_KEPT_S
            for old in [key for key, row in data["tokens"].items() if row["expires_at_s"] < kept]:
                del data["tokens"][old]
            data["tokens"][secret_hash] = {"account_id": account_id, "expires_at_s": expires_at_s}

    async def add_api_key(self, secret_hash: str, *, account_id: str) -> None:
        """Keep an API key of a known service account."""
        with self._change() as data:
            data["api_keys"][secret_hash] = {"account_id": account_id}

    def _load(self) -> _Data:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return _empty()
        stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
        if stamp != self._seen:
            try:
                data = json.loads(self._path.read_text(encoding="utf-8"))
            except ValueError as error:
                raise InternalError(ErrorCode.INTERNAL, f"{self._path}: {error}") from error
            self._data, self._seen = {**_empty(), **data}, stamp
        return self._data

    @contextmanager
    def _change(self) -> Iterator[_Data]:
        """Lock against other writers, hand out the newest data, write it back."""
        folder = self._path.parent
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (folder / "access.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            data = self._load()
            yield data
            # mkstemp makes the file readable by its owner only.
            handle, name = tempfile.mkstemp(dir=folder, prefix="access.", suffix=".new")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(data, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path)
            self._seen = None


def _empty() -> _Data:
    return {table: {} for table in _TABLES}


def _account(data: _Data, account_id: str) -> Account:
    row = data["accounts"][account_id]
    return Account(account_id, AccountKind(row["kind"]), row["home_folder_id"])


def _binding(account_id: str, folder_id: str) -> str:
    return f"{folder_id}/{account_id}"
