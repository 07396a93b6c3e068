"""Folders, accounts and roles in SQL."""

from sqlalchemy import Row, Select, select

from rechka.access.audit import AuditEvent
from rechka.access.identities import Account, AccountKind, Folder, Role, RoleBinding
from rechka.access.quota import Quota
from rechka.storage.changes import record_change
from rechka.storage.database import Database
from rechka.storage.schema import table

__all__ = ["SqlDirectory", "account_of"]

_FOLDERS = table("folders")
_ACCOUNTS = table("accounts")
_BINDINGS = table("role_bindings")
_LIVE = _FOLDERS.c.deleted_at_s.is_(None)


class SqlDirectory:
    """The `Directory` part of the store; see the port for what the methods do."""

    _database: Database

    async def add_folder(self, folder: Folder, event: AuditEvent) -> bool:
        """Keep a new folder."""
        statement = self._database.insert(_FOLDERS).values(
            folder_id=folder.folder_id,
            name=folder.name,
            created_at_s=folder.created_at_s,
            **_quota_columns(folder.quota),
        )
        async with self._database.write(durable=True) as connection:
            result = await connection.execute(statement.on_conflict_do_nothing())
            if result.rowcount:
                await record_change(connection, [event])
            return bool(result.rowcount)

    async def find_folder(self, folder_id: str) -> Folder | None:
        """Return the folder, None if there is none or it was deleted."""
        statement = select(_FOLDERS).where(_FOLDERS.c.folder_id == folder_id, _LIVE)
        async with self._database.read() as connection:
            row = (await connection.execute(statement)).one_or_none()
        return None if row is None else _folder(row)

    async def list_folders(self) -> list[Folder]:
        """Return the folders that were not deleted, oldest first."""
        statement = select(_FOLDERS).where(_LIVE)
        statement = statement.order_by(_FOLDERS.c.created_at_s, _FOLDERS.c.folder_id)
        async with self._database.read() as connection:
            return [_folder(row) for row in await connection.execute(statement)]

    async def delete_folder(self, folder_id: str, event: AuditEvent) -> bool:
        """Delete a folder and its roles; its id stays taken."""
        async with self._database.write(durable=True) as connection:
            result = await connection.execute(
                _FOLDERS.update()
                .where(_FOLDERS.c.folder_id == folder_id, _LIVE)
                .values(deleted_at_s=event.at_s)
            )
            if not result.rowcount:
                return False
            await connection.execute(_BINDINGS.delete().where(_BINDINGS.c.folder_id == folder_id))
            await record_change(connection, [event], heard_at_once=True)
            return True

    async def set_quota(self, folder_id: str, quota: Quota, event: AuditEvent) -> bool:
        """Replace a folder's own limits."""
        async with self._database.write(durable=True) as connection:
            result = await connection.execute(
                _FOLDERS.update()
                .where(_FOLDERS.c.folder_id == folder_id, _LIVE)
                .values(**_quota_columns(quota))
            )
            if result.rowcount:
                await record_change(connection, [event])
            return bool(result.rowcount)

    async def add_account(self, account: Account, event: AuditEvent) -> bool:
        """Keep a new account."""
        statement = self._database.insert(_ACCOUNTS).values(
            account_id=account.account_id,
            kind=account.kind.value,
            home_folder_id=account.home_folder_id or None,
            name=account.name,
            created_at_s=account.created_at_s,
            disabled=account.disabled,
        )
        async with self._database.write(durable=True) as connection:
            result = await connection.execute(statement.on_conflict_do_nothing())
            if result.rowcount:
                await record_change(connection, [event])
            return bool(result.rowcount)

    async def find_account(self, account_id: str) -> Account | None:
        """Return the account, disabled or not."""
        statement = select(_ACCOUNTS).where(_ACCOUNTS.c.account_id == account_id)
        async with self._database.read() as connection:
            row = (await connection.execute(statement)).one_or_none()
        return None if row is None else account_of(row)

    async def list_accounts(self) -> list[Account]:
        """Return all accounts, oldest first."""
        statement = select(_ACCOUNTS)
        statement = statement.order_by(_ACCOUNTS.c.created_at_s, _ACCOUNTS.c.account_id)
        async with self._database.read() as connection:
            return [account_of(row) for row in await connection.execute(statement)]

    async def set_disabled(self, account_id: str, *, disabled: bool, event: AuditEvent) -> bool:
        """Refuse or accept an account's credentials."""
        async with self._database.write(durable=True) as connection:
            result = await connection.execute(
                _ACCOUNTS.update()
                .where(_ACCOUNTS.c.account_id == account_id, _ACCOUNTS.c.disabled != disabled)
                .values(disabled=disabled)
            )
            if result.rowcount:
                await record_change(connection, [event], heard_at_once=True)
            return bool(result.rowcount)

    async def find_roles(self, *, account_id: str, folder_id: str) -> frozenset[Role]:
        """Return an account's roles in a folder."""
        bindings = await self.list_bindings(folder_id=folder_id, account_id=account_id)
        return frozenset(binding.role for binding in bindings)

    async def list_bindings(
        self, *, folder_id: str = "", account_id: str = ""
    ) -> list[RoleBinding]:
        """Return bindings in folders that were not deleted."""
        columns = _BINDINGS.c
        statement: Select[str, str, str] = (
            select(columns.folder_id, columns.account_id, columns.role)
            .join(_FOLDERS, _FOLDERS.c.folder_id == columns.folder_id)
            .where(_LIVE)
            .order_by(columns.folder_id, columns.account_id, columns.role)
        )
        if folder_id:
            statement = statement.where(columns.folder_id == folder_id)
        if account_id:
            statement = statement.where(columns.account_id == account_id)
        async with self._database.read() as connection:
            rows = (await connection.execute(statement)).all()
        return [RoleBinding(folder, account, Role(role)) for folder, account, role in rows]

    async def grant(self, binding: RoleBinding, event: AuditEvent) -> bool:
        """Give a role in a known folder to a known account."""
        statement = self._database.insert(_BINDINGS).values(
            folder_id=binding.folder_id, account_id=binding.account_id, role=binding.role.value
        )
        async with self._database.write(durable=True) as connection:
            result = await connection.execute(statement.on_conflict_do_nothing())
            if result.rowcount:
                await record_change(connection, [event], heard_at_once=True)
            return bool(result.rowcount)

    async def revoke(self, binding: RoleBinding, event: AuditEvent) -> bool:
        """Take a role back."""
        async with self._database.write(durable=True) as connection:
            result = await connection.execute(
                _BINDINGS.delete().where(
                    _BINDINGS.c.folder_id == binding.folder_id,
                    _BINDINGS.c.account_id == binding.account_id,
                    _BINDINGS.c.role == binding.role.value,
                )
            )
            if result.rowcount:
                await record_change(connection, [event], heard_at_once=True)
            return bool(result.rowcount)


def account_of(row: Row[*tuple[object, ...]]) -> Account:
    """Return the account of a row that has the columns of its table."""
    columns = row._mapping  # noqa: SLF001
    return Account(
        columns[_ACCOUNTS.c.account_id],
        AccountKind(columns[_ACCOUNTS.c.kind]),
        columns[_ACCOUNTS.c.home_folder_id] or "",
        columns[_ACCOUNTS.c.name],
        columns[_ACCOUNTS.c.created_at_s],
        columns[_ACCOUNTS.c.disabled],
    )


def _folder(row: Row[*tuple[object, ...]]) -> Folder:
    columns = row._mapping  # noqa: SLF001
    quota = Quota(**{name: columns[name] for name in _quota_columns(Quota())})
    return Folder(columns["folder_id"], columns["name"], columns["created_at_s"], quota)


def _quota_columns(quota: Quota) -> dict[str, int | None]:
    return {
        "sessions_per_s": quota.sessions_per_s,
        "concurrent_sessions": quota.concurrent_sessions,
        "audio_s_per_day": quota.audio_s_per_day,
    }
