"""Keys, and the tokens that are refused, in SQL."""

from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.schema import Table

from rechka.access.audit import AuditEvent
from rechka.access.credentials import ApiKey, AuthorizedKey, SigningKey, Trust
from rechka.access.issuing import REVOKED_KEY_KNOWN_S
from rechka.storage.access_directory import account_of
from rechka.storage.changes import record_change
from rechka.storage.database import Database
from rechka.storage.schema import table

__all__ = ["SqlCredentials"]

_ACCOUNTS = table("accounts")
_API_KEYS = table("api_keys")
_AUTHORIZED_KEYS = table("authorized_keys")
_SIGNING_KEYS = table("signing_keys")
_REVOKED_TOKENS = table("revoked_tokens")
_STATE = table("access_state")


class SqlCredentials:
    """The `Credentials` part of the store; see the port for what the methods do."""

    _database: Database

    async def read_revision(self) -> int:
        """Return the number of the last change that servers must hear of."""
        async with self._database.read() as connection:
            return int((await connection.execute(select(_STATE.c.revision))).scalar_one())

    async def read_trust(self) -> Trust:
        """Return what a token is judged by, at least as new as its revision."""
        async with self._database.read() as connection:
            # The revision comes first: what changes meanwhile is read again next time.
            revision = (await connection.execute(select(_STATE.c.revision))).scalar_one()
            keys = await connection.execute(
                select(_SIGNING_KEYS).where(_SIGNING_KEYS.c.revoked_at_s.is_(None))
            )
            signing_keys = {
                row.key_id: SigningKey(row.key_id, bytes.fromhex(row.public_key), row.created_at_s)
                for row in keys
            }
            tokens = await connection.execute(select(_REVOKED_TOKENS.c.token_id))
            accounts = await connection.execute(
                select(_ACCOUNTS.c.account_id).where(_ACCOUNTS.c.disabled)
            )
            # Once its last token has expired, a revoked key need not be known any more.
            keys = await connection.execute(
                select(_AUTHORIZED_KEYS.c.key_id).where(
                    _AUTHORIZED_KEYS.c.revoked_at_s > self._database.now() - REVOKED_KEY_KNOWN_S
                )
            )
            return Trust(
                revision,
                signing_keys,
                frozenset(tokens.scalars()),
                frozenset(accounts.scalars()),
                frozenset(keys.scalars()),
            )

    async def add_api_key(self, key: ApiKey, event: AuditEvent) -> bool:
        """Keep an API key of a known account."""
        row = {
            "key_id": key.key_id,
            "account_id": key.account.account_id,
            "name": key.name,
            "lookup": key.lookup,
            "secret_hash": key.secret_hash,
            "created_at_s": key.created_at_s,
        }
        return await self._add(_API_KEYS, row, event)

    async def find_api_key(self, lookup: str) -> ApiKey | None:
        """Return the key, revoked or not, whose hash begins with `lookup`."""
        statement = _with_account(_API_KEYS).where(_API_KEYS.c.lookup == lookup)
        async with self._database.read() as connection:
            row = (await connection.execute(statement)).one_or_none()
        return None if row is None else _api_key(row)

    async def list_api_keys(self, *, account_id: str = "") -> list[ApiKey]:
        """Return the keys that were not revoked, oldest first."""
        async with self._database.read() as connection:
            rows = await connection.execute(_live(_API_KEYS, account_id))
            return [_api_key(row) for row in rows]

    async def revoke_api_key(self, key_id: str, event: AuditEvent) -> bool:
        """Refuse a key for good."""
        return await self._revoke(_API_KEYS, key_id, event)

    async def add_authorized_key(self, key: AuthorizedKey, event: AuditEvent) -> bool:
        """Keep an authorized key of a known account."""
        row = {
            "key_id": key.key_id,
            "account_id": key.account.account_id,
            "public_key": key.public_key,
            "created_at_s": key.created_at_s,
        }
        return await self._add(_AUTHORIZED_KEYS, row, event)

    async def find_authorized_key(self, key_id: str) -> AuthorizedKey | None:
        """Return the key, revoked or not."""
        statement = _with_account(_AUTHORIZED_KEYS).where(_AUTHORIZED_KEYS.c.key_id == key_id)
        async with self._database.read() as connection:
            row = (await connection.execute(statement)).one_or_none()
        return None if row is None else _authorized_key(row)

    async def list_authorized_keys(self, *, account_id: str = "") -> list[AuthorizedKey]:
        """Return the keys that were not revoked, oldest first."""
        async with self._database.read() as connection:
            rows = await connection.execute(_live(_AUTHORIZED_KEYS, account_id))
            return [_authorized_key(row) for row in rows]

    async def revoke_authorized_key(self, key_id: str, event: AuditEvent) -> bool:
        """Refuse a key for good."""
        return await self._revoke(_AUTHORIZED_KEYS, key_id, event)

    async def add_signing_key(self, key: SigningKey, event: AuditEvent) -> bool:
        """Trust a server's key."""
        row = {
            "key_id": key.key_id,
            "public_key": key.public_key.hex(),
            "created_at_s": key.created_at_s,
        }
        return await self._add(_SIGNING_KEYS, row, event, heard_at_once=True)

    async def revoke_signing_key(self, key_id: str, event: AuditEvent) -> bool:
        """Refuse all tokens of a server's key for good."""
        return await self._revoke(_SIGNING_KEYS, key_id, event)

    async def revoke_token(self, token_id: str, *, expires_at_s: float, event: AuditEvent) -> bool:
        """Refuse a token until it expires."""
        row = {"token_id": token_id, "expires_at_s": expires_at_s}
        return await self._add(_REVOKED_TOKENS, row, event, heard_at_once=True)

    async def purge_tokens(self, *, before_s: float) -> int:
        """Forget revoked tokens that expired before `before_s`."""
        statement = _REVOKED_TOKENS.delete().where(_REVOKED_TOKENS.c.expires_at_s < before_s)
        async with self._database.write() as connection:
            return (await connection.execute(statement)).rowcount

    async def _add(
        self,
        target: Table,
        row: dict[str, Any],
        event: AuditEvent,
        *,
        heard_at_once: bool = False,
    ) -> bool:
        statement = self._database.insert(target).values(**row).on_conflict_do_nothing()
        async with self._database.write(durable=True) as connection:
            result = await connection.execute(statement)
            if result.rowcount:
                await record_change(connection, [event], heard_at_once=heard_at_once)
            return bool(result.rowcount)

    async def _revoke(self, target: Table, key_id: str, event: AuditEvent) -> bool:
        statement = (
            target.update()
            .where(target.c.key_id == key_id, target.c.revoked_at_s.is_(None))
            .values(revoked_at_s=event.at_s)
        )
        async with self._database.write(durable=True) as connection:
            result = await connection.execute(statement)
            if result.rowcount:
                await record_change(connection, [event], heard_at_once=True)
            return bool(result.rowcount)


def _with_account(keys: Table) -> Select[*tuple[Any, ...]]:
    return (
        select(keys, _ACCOUNTS)
        .join(_ACCOUNTS, _ACCOUNTS.c.account_id == keys.c.account_id)
        .order_by(keys.c.created_at_s, keys.c.key_id)
    )


def _live(keys: Table, account_id: str) -> Select[*tuple[Any, ...]]:
    statement = _with_account(keys).where(keys.c.revoked_at_s.is_(None))
    return statement.where(keys.c.account_id == account_id) if account_id else statement


def _api_key(row: Row[*tuple[Any, ...]]) -> ApiKey:
    columns = row._mapping  # noqa: SLF001
    return ApiKey(
        columns[_API_KEYS.c.key_id],
        account_of(row),
        columns[_API_KEYS.c.secret_hash],
        columns[_API_KEYS.c.name],
        columns[_API_KEYS.c.created_at_s],
        columns[_API_KEYS.c.revoked_at_s] is not None,
    )


def _authorized_key(row: Row[*tuple[Any, ...]]) -> AuthorizedKey:
    columns = row._mapping  # noqa: SLF001
    return AuthorizedKey(
        columns[_AUTHORIZED_KEYS.c.key_id],
        account_of(row),
        columns[_AUTHORIZED_KEYS.c.public_key],
        columns[_AUTHORIZED_KEYS.c.created_at_s],
        columns[_AUTHORIZED_KEYS.c.revoked_at_s] is not None,
    )
