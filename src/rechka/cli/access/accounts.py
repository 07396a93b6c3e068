"""`rechka access folder|account|role|quota`."""

from collections.abc import Mapping
from typing import Any

import click

from rechka.access.identities import Account, AccountKind, Folder, Role
from rechka.access.quota import Quota
from rechka.cli.access.desk import Desk, desk_command
from rechka.cli.text import time_text
from rechka.errors import ErrorCode, RequestError

__all__ = ["account", "folder", "quota", "role"]

_FOLDER_OPTION = click.option("--folder", "folder_id", required=True, help="Id of the folder.")
_ACCOUNT_OPTION = click.option("--account", "account_id", required=True, help="Id of the account.")
_ROLE_OPTION = click.option(
    "--role", "name", required=True, type=click.Choice([item.value for item in Role])
)
# The databases keep limits in 32 bits.
_LIMIT = click.IntRange(0, 2**31 - 1)
_QUOTA_NAMES = ("sessions_per_s", "concurrent_sessions", "audio_s_per_day")


@click.group()
def folder() -> None:
    """Folders: where roles are given and sessions are counted."""


@desk_command(folder, "create")
@click.argument("name")
async def _create_folder(desk: Desk, name: str) -> None:
    """Make a folder."""
    desk.show(_folder_record(await desk.operator.create_folder(name)))


@desk_command(folder, "list")
async def _list_folders(desk: Desk) -> None:
    """List the folders."""
    rows = [_folder_record(item) for item in await desk.store.list_folders()]
    desk.table(("folder_id", "name", "created_at"), rows)


@desk_command(folder, "show")
@click.argument("folder_id")
async def _show_folder(desk: Desk, folder_id: str) -> None:
    """Show a folder with its quotas; a quota that it does not set is the server's default."""
    desk.show(_folder_record(await _find_folder(desk, folder_id)))


@desk_command(folder, "delete")
@click.argument("folder_id")
async def _delete_folder(desk: Desk, folder_id: str) -> None:
    """Delete a folder: its roles end, its service accounts may do nothing more."""
    await desk.operator.delete_folder(folder_id)
    desk.done(f"deleted {folder_id}", folder_id=folder_id)


@click.group()
def account() -> None:
    """Accounts: users, and service accounts that live in a folder."""


@desk_command(account, "create")
@click.argument("name")
@click.option("--folder", "folder_id", default="", help="Home folder of a service account.")
@click.option("--user", "is_user", is_flag=True, help="Make a user account.")
async def _create_account(desk: Desk, name: str, folder_id: str, *, is_user: bool) -> None:
    """Make a service account in a folder, or a user account."""
    kind = AccountKind.USER if is_user else AccountKind.SERVICE
    if kind is AccountKind.SERVICE and not folder_id:
        raise click.UsageError("a service account needs --folder; for a user give --user")
    made = await desk.operator.create_account(kind, name, home_folder_id=folder_id)
    desk.show(_account_record(made))


@desk_command(account, "list")
async def _list_accounts(desk: Desk) -> None:
    """List the accounts."""
    rows = [_account_record(item) for item in await desk.store.list_accounts()]
    desk.table(("account_id", "kind", "name", "home_folder_id", "state", "created_at"), rows)


@desk_command(account, "disable")
@click.argument("account_id")
async def _disable_account(desk: Desk, account_id: str) -> None:
    """Refuse all credentials of an account."""
    await desk.operator.set_disabled(account_id, disabled=True)
    desk.done(f"disabled {account_id}", account_id=account_id)


@desk_command(account, "enable")
@click.argument("account_id")
async def _enable_account(desk: Desk, account_id: str) -> None:
    """Accept the credentials of a disabled account again."""
    await desk.operator.set_disabled(account_id, disabled=False)
    desk.done(f"enabled {account_id}", account_id=account_id)


@click.group()
def role() -> None:
    """Roles of accounts in folders; all but viewer allow recognition."""


@desk_command(role, "grant")
@_FOLDER_OPTION
@_ACCOUNT_OPTION
@_ROLE_OPTION
async def _grant(desk: Desk, folder_id: str, account_id: str, name: str) -> None:
    """Give an account a role in a folder; again changes nothing."""
    await desk.operator.grant(Role(name), account_id=account_id, folder_id=folder_id)
    record = {"folder_id": folder_id, "account_id": account_id, "role": name}
    desk.done(f"{account_id} is {name} in {folder_id}", **record)


@desk_command(role, "revoke")
@_FOLDER_OPTION
@_ACCOUNT_OPTION
@_ROLE_OPTION
async def _revoke(desk: Desk, folder_id: str, account_id: str, name: str) -> None:
    """Take a role back."""
    await desk.operator.revoke(Role(name), account_id=account_id, folder_id=folder_id)
    record = {"folder_id": folder_id, "account_id": account_id, "role": name}
    desk.done(f"{account_id} is no longer {name} in {folder_id}", **record)


@desk_command(role, "list")
@click.option("--folder", "folder_id", default="", help="Only in this folder.")
@click.option("--account", "account_id", default="", help="Only of this account.")
async def _list_roles(desk: Desk, folder_id: str, account_id: str) -> None:
    """List who has which role where."""
    bindings = await desk.store.list_bindings(folder_id=folder_id, account_id=account_id)
    rows = [
        {"folder_id": item.folder_id, "account_id": item.account_id, "role": item.role.value}
        for item in bindings
    ]
    desk.table(("folder_id", "account_id", "role"), rows)


@click.group()
def quota() -> None:
    """Quotas of folders."""


@desk_command(quota, "set")
@_FOLDER_OPTION
@click.option("--sessions-per-second", "sessions_per_s", type=_LIMIT)
@click.option("--concurrent-sessions", type=_LIMIT)
@click.option("--audio-seconds-per-day", "audio_s_per_day", type=_LIMIT)
@click.option("--reset", is_flag=True, help="First go back to the server's defaults.")
async def _set_quota(desk: Desk, folder_id: str, *, reset: bool, **limits: int | None) -> None:
    """Set limits of a folder; 0 means no limit, what is not given stays."""
    if not reset and set(limits.values()) == {None}:
        raise click.UsageError(
            "nothing to set: give --sessions-per-second, --concurrent-sessions, "
            "--audio-seconds-per-day or --reset"
        )
    old = Quota() if reset else (await _find_folder(desk, folder_id)).quota
    await desk.operator.set_quota(folder_id, Quota(**limits).over(old))
    desk.show(_folder_record(await _find_folder(desk, folder_id)))


@desk_command(quota, "show")
@_FOLDER_OPTION
async def _show_quota(desk: Desk, folder_id: str) -> None:
    """Show the limits that hold for a folder."""
    access = desk.settings.access
    default = Quota(**{name: getattr(access, name) for name in _QUOTA_NAMES})
    limits = (await _find_folder(desk, folder_id)).quota.over(default)
    desk.show({"folder_id": folder_id} | {name: getattr(limits, name) for name in _QUOTA_NAMES})


async def _find_folder(desk: Desk, folder_id: str) -> Folder:
    found = await desk.store.find_folder(folder_id)
    if found is None:
        raise RequestError(ErrorCode.INVALID_CONFIG, f"There is no folder {folder_id!r}")
    return found


def _folder_record(item: Folder) -> Mapping[str, Any]:
    return {
        "folder_id": item.folder_id,
        "name": item.name,
        "created_at": time_text(item.created_at_s),
    } | {name: getattr(item.quota, name) for name in _QUOTA_NAMES}


def _account_record(item: Account) -> Mapping[str, Any]:
    return {
        "account_id": item.account_id,
        "kind": item.kind.value,
        "name": item.name,
        "home_folder_id": item.home_folder_id,
        "state": "disabled" if item.disabled else "enabled",
        "created_at": time_text(item.created_at_s),
    }
