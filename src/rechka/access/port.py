"""The store that keeps accounts, credentials, usage and the audit trail.

Every change takes the event that describes it, and both are kept or neither
is. A change that servers must hear of at once raises the revision.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rechka.access.audit import AuditEvent, AuditTrail
from rechka.access.credentials import ApiKey, AuthorizedKey, SigningKey, Trust
from rechka.access.identities import Account, Folder, Role, RoleBinding
from rechka.access.quota import Quota, QuotaName

__all__ = ["AccessStore", "Credentials", "Directory", "Metering", "Usage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a folder used on one day.

    Attributes:
        folder_id: The folder.
        day: UTC, as in "2026-01-31".
        sessions: Sessions that ended, or were counted while they run.
        refused: Sessions that a quota refused.
        audio_ms: Audio received.
    """

    folder_id: str
    day: str
    sessions: int = 0
    refused: int = 0
    audio_ms: int = 0

    def plus(self, other: "Usage") -> "Usage":
        """Return the sum of two counts of the same folder and day."""
        return Usage(
            folder_id=self.folder_id,
            day=self.day,
            sessions=self.sessions + other.sessions,
            refused=self.refused + other.refused,
            audio_ms=self.audio_ms + other.audio_ms,
        )


class Directory(Protocol):
    """Folders, accounts and roles."""

    async def add_folder(self, folder: Folder, event: AuditEvent) -> bool:
        """Keep a new folder; False, and nothing changes, if its id is taken."""
        ...

    async def find_folder(self, folder_id: str) -> Folder | None:
        """Return the folder, None if there is none or it was deleted."""
        ...

    async def list_folders(self) -> list[Folder]:
        """Return the folders that were not deleted, oldest first."""
        ...

    async def delete_folder(self, folder_id: str, event: AuditEvent) -> bool:
        """Delete a folder and its roles; its id stays taken. False if there is none."""
        ...

    async def set_quota(self, folder_id: str, quota: Quota, event: AuditEvent) -> bool:
        """Replace a folder's own limits; False if there is no such folder."""
        ...

    async def add_account(self, account: Account, event: AuditEvent) -> bool:
        """Keep a new account; False, and nothing changes, if its id is taken."""
        ...

    async def find_account(self, account_id: str) -> Account | None:
        """Return the account, disabled or not; None if there is none."""
        ...

    async def list_accounts(self) -> list[Account]:
        """Return all accounts, oldest first."""
        ...

    async def set_disabled(self, account_id: str, *, disabled: bool, event: AuditEvent) -> bool:
        """Refuse or accept an account's credentials; False if nothing changed."""
        ...

    async def find_roles(self, *, account_id: str, folder_id: str) -> frozenset[Role]:
        """Return an account's roles in a folder; empty for an unknown one of either."""
        ...

    async def list_bindings(
        self, *, folder_id: str = "", account_id: str = ""
    ) -> list[RoleBinding]:
        """Return bindings in folders that were not deleted; "" means any."""
        ...

    async def grant(self, binding: RoleBinding, event: AuditEvent) -> bool:
        """Give a role in a known folder to a known account; False if it was given before."""
        ...

    async def revoke(self, binding: RoleBinding, event: AuditEvent) -> bool:
        """Take a role back; False if it was not given."""
        ...


class Credentials(Protocol):
    """Keys of accounts and of servers, and the tokens that are refused."""

    async def read_revision(self) -> int:
        """Return the number of the last change that servers must hear of."""
        ...

    async def read_trust(self) -> Trust:
        """Return what a token is judged by, at least as new as its revision."""
        ...

    async def add_api_key(self, key: ApiKey, event: AuditEvent) -> bool:
        """Keep an API key of a known account; False if its id or hash is taken."""
        ...

    async def find_api_key(self, lookup: str) -> ApiKey | None:
        """Return the key, revoked or not, whose hash begins with `lookup`.

        The caller compares the whole hash.
        """
        ...

    async def list_api_keys(self, *, account_id: str = "") -> list[ApiKey]:
        """Return the keys that were not revoked, oldest first; "" means any account."""
        ...

    async def revoke_api_key(self, key_id: str, event: AuditEvent) -> bool:
        """Refuse a key for good; False if there is none or it was revoked before."""
        ...

    async def add_authorized_key(self, key: AuthorizedKey, event: AuditEvent) -> bool:
        """Keep an authorized key of a known account; False if its id is taken."""
        ...

    async def find_authorized_key(self, key_id: str) -> AuthorizedKey | None:
        """Return the key, revoked or not; None if there is none."""
        ...

    async def list_authorized_keys(self, *, account_id: str = "") -> list[AuthorizedKey]:
        """Return the keys that were not revoked, oldest first; "" means any account."""
        ...

    async def revoke_authorized_key(self, key_id: str, event: AuditEvent) -> bool:
        """Refuse a key for good; False if there is none or it was revoked before."""
        ...

    async def add_signing_key(self, key: SigningKey, event: AuditEvent) -> bool:
        """Trust a server's key; False if its id is known, also when it was revoked."""
        ...

    async def revoke_signing_key(self, key_id: str, event: AuditEvent) -> bool:
        """Refuse all tokens of a server's key for good; False as for API keys."""
        ...

    async def revoke_token(self, token_id: str, *, expires_at_s: float, event: AuditEvent) -> bool:
        """Refuse a token until it expires; False if it was revoked before."""
        ...

    async def purge_tokens(self, *, before_s: float) -> int:
        """Forget revoked tokens that expired before `before_s`; return how many."""
        ...


class Metering(Protocol):
    """Sessions that run, and what was used. Right across all servers on one store."""

    async def admit(
        self, *, lease_id: str, folder_id: str, server_id: str, life_s: float, default: Quota
    ) -> tuple[QuotaName, float] | None:
        """Give a session a lease if the folder's quotas allow one more.

        Args:
            lease_id: Of the caller's making, never used before.
            folder_id: A known folder.
            server_id: Who runs the session.
            life_s: The lease ends by itself after so long without `renew`.
            default: Limits that the folder does not set itself.

        Returns:
            None if admitted, otherwise what `judge` says.
        """
        ...

    async def renew(self, leases: Mapping[str, str], *, server_id: str, life_s: float) -> None:
        """Prolong the leases of sessions that run: lease id to folder id."""
        ...

    async def settle(self, *, released: Sequence[str], usage: Sequence[Usage]) -> None:
        """End leases and add to the counts of folders and days, all or nothing.

        Leases that are not known are passed over. The days of `usage` are kept.
        """
        ...

    async def list_usage(self, *, since_day: str, folder_id: str = "") -> list[Usage]:
        """Return usage from `since_day` on, by day and folder; "" means any folder."""
        ...

    async def purge_leases(self) -> int:
        """Forget leases that no longer count; return how many."""
        ...


class AccessStore(Directory, Credentials, Metering, AuditTrail, Protocol):
    """All of it."""

    async def close(self) -> None:
        """Let go of files and connections."""
        ...
