"""What access knows of accounts, and the store that keeps it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

__all__ = ["AccessStore", "Account", "AccountKind", "IssuedToken", "Role"]


class AccountKind(StrEnum):
    """Whether an account is a person or a program."""

    USER = "user"
    SERVICE = "service"


class Role(StrEnum):
    """Roles in a folder, as the API names them."""

    STT_USER = "ai.speechkit-stt.user"
    AI_EDITOR = "ai.editor"
    VIEWER = "viewer"
    EDITOR = "editor"
    ADMIN = "admin"

    @property
    def allows_recognition(self) -> bool:
        """Whether the role is enough to recognize speech in its folder."""
        return self is not Role.VIEWER


@dataclass(frozen=True, slots=True)
class Account:
    """A user or service account.

    Attributes:
        account_id: Server-made id.
        kind: Whether it is a person or a program.
        home_folder_id: The folder that a service account belongs to; "" for users.
    """

    account_id: str
    kind: AccountKind
    home_folder_id: str = ""


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """An IAM token that the store knows by its hash.

    Attributes:
        account: Whom it stands for.
        expires_at_s: End of its life, seconds since the epoch.
    """

    account: Account
    expires_at_s: float


class AccessStore(Protocol):
    """Where accounts and credentials are kept. Secrets come and stay hashed."""

    async def find_token(self, secret_hash: str) -> IssuedToken | None:
        """Return the IAM token of this hash, expired or not, None if there is none."""
        ...

    async def find_api_key(self, secret_hash: str) -> Account | None:
        """Return whose API key has this hash, None if there is none."""
        ...

    async def find_roles(self, *, account_id: str, folder_id: str) -> frozenset[Role]:
        """Return an account's roles in a folder; empty for an unknown one of either."""
        ...

    async def add_folder(self, folder_id: str, *, name: str) -> None:
        """Keep a folder; the same one again changes nothing."""
        ...

    async def add_account(self, account: Account) -> None:
        """Keep an account; the same one again changes nothing."""
        ...

    async def grant(self, role: Role, *, account_id: str, folder_id: str) -> None:
        """Give a role; the same one again changes nothing."""
        ...

    async def add_token(self, secret_hash: str, *, account_id: str, expires_at_s: float) -> None:
        """Keep an IAM token of a known account."""
        ...

    async def add_api_key(self, secret_hash: str, *, account_id: str) -> None:
        """Keep an API key of a known service account."""
        ...
