"""Who exists: folders, accounts, and the roles that tie them."""

from dataclasses import dataclass, field
from enum import StrEnum

from rechka.access.quota import Quota

__all__ = ["Account", "AccountKind", "Folder", "Role", "RoleBinding"]


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
        name: What the operator calls it.
        created_at_s: Seconds since the epoch.
        disabled: Whether all its credentials are refused.
    """

    account_id: str
    kind: AccountKind
    home_folder_id: str = ""
    name: str = ""
    created_at_s: float = 0.0
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Folder:
    """Where sessions are counted and roles are given.

    Attributes:
        folder_id: Server-made id, at most 50 characters.
        name: What the operator calls it.
        created_at_s: Seconds since the epoch.
        quota: Its own limits; a limit of None is the server's default.
    """

    folder_id: str
    name: str
    created_at_s: float = 0.0
    quota: Quota = field(default_factory=Quota)


@dataclass(frozen=True, slots=True)
class RoleBinding:
    """One account's role in one folder."""

    folder_id: str
    account_id: str
    role: Role
