"""The access store in memory: for tests, and for a server that is to forget."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from rechka.access.audit import AuditEvent
from rechka.access.credentials import ApiKey, AuthorizedKey, SigningKey, Trust
from rechka.access.identities import Account, Folder, Role, RoleBinding
from rechka.access.issuing import REVOKED_KEY_KNOWN_S
from rechka.access.port import Usage
from rechka.access.quota import Load, Quota, QuotaName, judge
from rechka.errors import AccessError, ErrorCode

__all__ = ["MemoryAccessStore"]

# A lease that began later than this from now was made before the clock was put back.
_FUTURE_S = 1.0


@dataclass(slots=True)
class _Lease:
    folder_id: str
    started_at_s: float
    expires_at_s: float
    released: bool = False


class MemoryAccessStore:
    """An `AccessStore` that ends with its process; see the port for what the methods do.

    Args:
        clock: Seconds since the epoch.

    Threading: one event loop. No method waits, so each is a transaction.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._revision = 1
        self._folders: dict[str, Folder] = {}
        self._deleted: set[str] = set()
        self._accounts: dict[str, Account] = {}
        self._bindings: set[RoleBinding] = set()
        self._api_keys: dict[str, ApiKey] = {}
        self._authorized_keys: dict[str, AuthorizedKey] = {}
        self._revoked_keys: dict[str, float] = {}
        self._signing_keys: dict[str, SigningKey] = {}
        self._revoked_signing_keys: set[str] = set()
        self._revoked_tokens: dict[str, float] = {}
        self._leases: dict[str, _Lease] = {}
        self._usage: dict[tuple[str, str], Usage] = {}
        self._events: list[AuditEvent] = []
        self._last_event_id = 0

    def _record(self, event: AuditEvent, *, heard_at_once: bool = False) -> bool:
        self._last_event_id += 1
        self._events.append(replace(event, event_id=self._last_event_id))
        self._revision += heard_at_once
        return True

    async def add_folder(self, folder: Folder, event: AuditEvent) -> bool:
        """Keep a new folder."""
        if folder.folder_id in self._folders:
            return False
        self._folders[folder.folder_id] = folder
        return self._record(event)

    async def find_folder(self, folder_id: str) -> Folder | None:
        """Return the folder, None if there is none or it was deleted."""
        return None if folder_id in self._deleted else self._folders.get(folder_id)

    async def list_folders(self) -> list[Folder]:
        """Return the folders that were not deleted, oldest first."""
        live = (item for item in self._folders.values() if item.folder_id not in self._deleted)
        return sorted(live, key=lambda item: (item.created_at_s, item.folder_id))

    async def delete_folder(self, folder_id: str, event: AuditEvent) -> bool:
        """Delete a folder and its roles; its id stays taken."""
        if await self.find_folder(folder_id) is None:
            return False
        self._deleted.add(folder_id)
        self._bindings = {item for item in self._bindings if item.folder_id != folder_id}
        return self._record(event, heard_at_once=True)

    async def set_quota(self, folder_id: str, quota: Quota, event: AuditEvent) -> bool:
        """Replace a folder's own limits."""
        folder = await self.find_folder(folder_id)
        if folder is None:
            return False
        self._folders[folder_id] = replace(folder, quota=quota)
        return self._record(event)

    async def add_account(self, account: Account, event: AuditEvent) -> bool:
        """Keep a new account."""
        if account.account_id in self._accounts:
            return False
        self._accounts[account.account_id] = account
        return self._record(event)

    async def find_account(self, account_id: str) -> Account | None:
        """Return the account, disabled or not."""
        return self._accounts.get(account_id)

    async def list_accounts(self) -> list[Account]:
        """Return all accounts, oldest first."""
        return sorted(
            self._accounts.values(), key=lambda item: (item.created_at_s, item.account_id)
        )

    async def set_disabled(self, account_id: str, *, disabled: bool, event: AuditEvent) -> bool:
        """Refuse or accept an account's credentials."""
        account = self._accounts.get(account_id)
        if account is None or account.disabled == disabled:
            return False
        self._accounts[account_id] = replace(account, disabled=disabled)
        return self._record(event, heard_at_once=True)

    async def find_roles(self, *, account_id: str, folder_id: str) -> frozenset[Role]:
        """Return an account's roles in a folder."""
        bindings = await self.list_bindings(folder_id=folder_id, account_id=account_id)
        return frozenset(item.role for item in bindings)

    async def list_bindings(
        self, *, folder_id: str = "", account_id: str = ""
    ) -> list[RoleBinding]:
        """Return bindings in folders that were not deleted."""
        chosen = (
            item
            for item in self._bindings
            if folder_id in {"", item.folder_id} and account_id in {"", item.account_id}
        )
        return sorted(chosen, key=lambda item: (item.folder_id, item.account_id, item.role))

    async def grant(self, binding: RoleBinding, event: AuditEvent) -> bool:
        """Give a role in a known folder to a known account."""
        if binding in self._bindings:
            return False
        self._bindings.add(binding)
        return self._record(event, heard_at_once=True)

    async def revoke(self, binding: RoleBinding, event: AuditEvent) -> bool:
        """Take a role back."""
        if binding not in self._bindings:
            return False
        self._bindings.remove(binding)
        return self._record(event, heard_at_once=True)

    async def read_revision(self) -> int:
        """Return the number of the last change that servers must hear of."""
        return self._revision

    async def read_trust(self) -> Trust:
        """Return what a token is judged by."""
        return Trust(
            self._revision,
            {
                key_id: key
                for key_id, key in self._signing_keys.items()
                if key_id not in self._revoked_signing_keys
            },
            frozenset(self._revoked_tokens),
            frozenset(item.account_id for item in self._accounts.values() if item.disabled),
            frozenset(
                key_id
                for key_id, at_s in self._revoked_keys.items()
                if at_s > self._clock() - REVOKED_KEY_KNOWN_S
            ),
        )

    async def add_api_key(self, key: ApiKey, event: AuditEvent) -> bool:
        """Keep an API key of a known account."""
        known = self._api_keys.values()
        if any(item.key_id == key.key_id or item.lookup == key.lookup for item in known):
            return False
        self._api_keys[key.key_id] = key
        return self._record(event)

    async def find_api_key(self, lookup: str) -> ApiKey | None:
        """Return the key, revoked or not, whose hash begins with `lookup`."""
        for key in self._api_keys.values():
            if key.lookup == lookup:
                return replace(key, account=self._accounts[key.account.account_id])
        return None

    async def list_api_keys(self, *, account_id: str = "") -> list[ApiKey]:
        """Return the keys that were not revoked, oldest first."""
        return sorted(
            (
                replace(key, account=self._accounts[key.account.account_id])
                for key in self._api_keys.values()
                if not key.revoked and account_id in {"", key.account.account_id}
            ),
            key=lambda key: (key.created_at_s, key.key_id),
        )

    async def revoke_api_key(self, key_id: str, event: AuditEvent) -> bool:
        """Refuse a key for good."""
        key = self._api_keys.get(key_id)
        if key is None or key.revoked:
            return False
        self._api_keys[key_id] = replace(key, revoked=True)
        return self._record(event, heard_at_once=True)

    async def add_authorized_key(self, key: AuthorizedKey, event: AuditEvent) -> bool:
        """Keep an authorized key of a known account."""
        if key.key_id in self._authorized_keys:
            return False
        self._authorized_keys[key.key_id] = key
        return self._record(event)

    async def find_authorized_key(self, key_id: str) -> AuthorizedKey | None:
        """Return the key, revoked or not."""
        key = self._authorized_keys.get(key_id)
        return key and replace(key, account=self._accounts[key.account.account_id])

    async def list_authorized_keys(self, *, account_id: str = "") -> list[AuthorizedKey]:
        """Return the keys that were not revoked, oldest first."""
        return sorted(
            (
                replace(key, account=self._accounts[key.account.account_id])
                for key in self._authorized_keys.values()
                if not key.revoked and account_id in {"", key.account.account_id}
            ),
            key=lambda key: (key.created_at_s, key.key_id),
        )

    async def revoke_authorized_key(self, key_id: str, event: AuditEvent) -> bool:
        """Refuse a key for good."""
        key = self._authorized_keys.get(key_id)
        if key is None or key.revoked:
            return False
        self._authorized_keys[key_id] = replace(key, revoked=True)
        self._revoked_keys[key_id] = event.at_s
        return self._record(event, heard_at_once=True)

    async def add_signing_key(self, key: SigningKey, event: AuditEvent) -> bool:
        """Trust a server's key."""
        if key.key_id in self._signing_keys:
            return False
        self._signing_keys[key.key_id] = key
        return self._record(event, heard_at_once=True)

    async def revoke_signing_key(self, key_id: str, event: AuditEvent) -> bool:
        """Refuse all tokens of a server's key for good."""
        if key_id not in self._signing_keys or key_id in self._revoked_signing_keys:
            return False
        self._revoked_signing_keys.add(key_id)
        return self._record(event, heard_at_once=True)

    async def revoke_token(self, token_id: str, *, expires_at_s: float, event: AuditEvent) -> bool:
        """Refuse a token until it expires."""
        if token_id in self._revoked_tokens:
            return False
        self._revoked_tokens[token_id] = expires_at_s
        return self._record(event, heard_at_once=True)

    async def purge_tokens(self, *, before_s: float) -> int:
        """Forget revoked tokens that expired before `before_s`."""
        old = [key for key, expires_at_s in self._revoked_tokens.items() if expires_at_s < before_s]
        for token_id in old:
            del self._revoked_tokens[token_id]
        return len(old)

    async def admit(
        self, *, lease_id: str, folder_id: str, server_id: str, life_s: float, default: Quota
    ) -> tuple[QuotaName, float] | None:
        """Give a session a lease if the folder's quotas allow one more."""
        del server_id
        folder = await self.find_folder(folder_id)
        if folder is None:
            raise AccessError(
                ErrorCode.PERMISSION_DENIED,
                f"Permission to [resource-manager.folder {folder_id}] denied",
            )
        now_s = self._clock()
        counted = [
            item
            for item in self._leases.values()
            if item.folder_id == folder_id and item.expires_at_s > now_s
        ]
        starts_s = [
            item.started_at_s
            for item in counted
            if now_s - 1.0 < item.started_at_s <= now_s + _FUTURE_S
        ]
        today = datetime.fromtimestamp(now_s, UTC).date().isoformat()
        usage = self._usage.get((folder_id, today))
        load = Load(
            now_s=now_s,
            running=sum(not item.released for item in counted),
            started_in_last_s=len(starts_s),
            oldest_start_s=min(starts_s, default=None),
            audio_ms_today=usage.audio_ms if usage else 0,
        )
        refusal = judge(load, folder.quota.over(default))
        if refusal is None:
            self._leases[lease_id] = _Lease(folder_id, now_s, now_s + life_s)
        return refusal

    async def renew(self, leases: Mapping[str, str], *, server_id: str, life_s: float) -> None:
        """Prolong the leases of sessions that run; one that was lost is made anew."""
        del server_id
        now_s = self._clock()
        for lease_id, folder_id in leases.items():
            lease = self._leases.setdefault(lease_id, _Lease(folder_id, now_s - 1.0, now_s))
            if not lease.released:
                lease.expires_at_s = now_s + life_s
                if lease.started_at_s > now_s + _FUTURE_S:
                    lease.started_at_s = now_s - 1.0

    async def settle(self, *, released: Sequence[str], usage: Sequence[Usage]) -> None:
        """End leases and add to the counts of folders and days, all or nothing."""
        for lease_id in released:
            lease = self._leases.get(lease_id)
            if lease is not None:
                lease.released = True
                lease.expires_at_s = lease.started_at_s + 1.0
        for item in usage:
            place = (item.folder_id, item.day)
            self._usage[place] = self._usage[place].plus(item) if place in self._usage else item

    async def list_usage(self, *, since_day: str, folder_id: str = "") -> list[Usage]:
        """Return usage from `since_day` on, by day and folder."""
        chosen = (
            item
            for item in self._usage.values()
            if item.day >= since_day and folder_id in {"", item.folder_id}
        )
        return sorted(chosen, key=lambda item: (item.day, item.folder_id))

    async def purge_leases(self) -> int:
        """Forget leases that no longer count."""
        now_s = self._clock()
        old = [
            key
            for key, item in self._leases.items()
            if item.expires_at_s <= now_s or item.started_at_s > now_s + _FUTURE_S
        ]
        for lease_id in old:
            del self._leases[lease_id]
        return len(old)

    async def add_events(self, events: Sequence[AuditEvent]) -> None:
        """Keep events, in their order."""
        for event in events:
            self._record(event)

    async def read_events(self, *, after_id: int, limit: int) -> list[AuditEvent]:
        """Return at most `limit` events with greater ids than `after_id`, oldest first."""
        return [event for event in self._events if event.event_id > after_id][:limit]

    async def last_event_id(self) -> int:
        """Return the id of the newest event; 0 without any."""
        return self._events[-1].event_id if self._events else 0

    async def purge_events(self, *, before_s: float) -> int:
        """Forget events older than `before_s`."""
        kept = [event for event in self._events if event.at_s >= before_s]
        purged = len(self._events) - len(kept)
        self._events = kept
        return purged

    async def close(self) -> None:
        """Do nothing: there is nothing to let go of."""
