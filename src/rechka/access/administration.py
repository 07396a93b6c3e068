"""What an operator does: every change is checked here, and audited with its author."""

import time
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from rechka.access.audit import Actor, AuditEvent
from rechka.access.credentials import ApiKey, AuthorizedKey
from rechka.access.identities import Account, AccountKind, Folder, Role, RoleBinding
from rechka.access.ids import is_token_id, new_id
from rechka.access.issuing import IssuedToken, issue_token
from rechka.access.port import AccessStore
from rechka.access.quota import Quota
from rechka.access.secrets import hash_secret, new_api_key
from rechka.access.tokens import LONGEST_TOKEN_LIFE_S, TokenSigner, parse_token
from rechka.errors import ErrorCode, RequestError

__all__ = ["Administration"]

_KEY_BITS = 2048
_MOST_NAME_CHARACTERS = 100


class Administration:
    """Changes of the store on behalf of one actor.

    Every method raises `RequestError` if what it names does not exist, or
    there is nothing to change, and `UnavailableError` if the store is not
    reachable.

    Args:
        store: What is changed.
        actor: Who does it.
        clock: Seconds since the epoch.
    """

    def __init__(
        self, store: AccessStore, actor: Actor, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._actor = actor
        self._clock = clock

    async def create_folder(self, name: str, *, folder_id: str = "") -> Folder:
        """Make a folder; an id of "" is chosen."""
        _check_name(name)
        folder = Folder(folder_id or new_id("b1g"), name, self._clock())
        event = self._event("folder.create", folder.folder_id, folder_id=folder.folder_id)
        if not await self._store.add_folder(folder, event):
            raise _refused(f"The folder id {folder.folder_id} is taken")
        return folder

    async def delete_folder(self, folder_id: str) -> None:
        """Delete a folder: its roles end, and its service accounts have no home."""
        event = self._event("folder.delete", folder_id, folder_id=folder_id)
        if not await self._store.delete_folder(folder_id, event):
            raise _unknown("folder", folder_id)

    async def set_quota(self, folder_id: str, quota: Quota) -> None:
        """Replace a folder's own limits."""
        limits = " ".join(
            f"{name}={value}"
            for name, value in (
                ("sessions_per_s", quota.sessions_per_s),
                ("concurrent_sessions", quota.concurrent_sessions),
                ("audio_s_per_day", quota.audio_s_per_day),
            )
            if value is not None
        )
        event = self._event("quota.set", folder_id, folder_id=folder_id, reason=limits)
        if not await self._store.set_quota(folder_id, quota, event):
            raise _unknown("folder", folder_id)

    async def create_account(
        self, kind: AccountKind, name: str, *, home_folder_id: str = "", account_id: str = ""
    ) -> Account:
        """Make an account; a service account needs a home folder, a user has none."""
        _check_name(name)
        if kind is AccountKind.SERVICE:
            await self._folder(home_folder_id)
        elif home_folder_id:
            raise _refused("A user account has no home folder; grant it a role instead")
        prefix = "aje" if kind is AccountKind.SERVICE else "bfb"
        account = Account(account_id or new_id(prefix), kind, home_folder_id, name, self._clock())
        event = self._event(
            "account.create", account.account_id, folder_id=home_folder_id, reason=kind.value
        )
        if not await self._store.add_account(account, event):
            raise _refused(f"The account id {account.account_id} is taken")
        return account

    async def set_disabled(self, account_id: str, *, disabled: bool) -> None:
        """Refuse all credentials of an account, or accept them again."""
        await self._account(account_id)
        event = self._event("account.disable" if disabled else "account.enable", account_id)
        if not await self._store.set_disabled(account_id, disabled=disabled, event=event):
            state = "disabled" if disabled else "enabled"
            raise _refused(f"The account {account_id} is {state} already")

    async def grant(self, role: Role, *, account_id: str, folder_id: str) -> bool:
        """Give a role; False if the account had it."""
        await self._folder(folder_id)
        await self._account(account_id)
        event = self._event("role.grant", account_id, folder_id=folder_id, reason=role.value)
        return await self._store.grant(RoleBinding(folder_id, account_id, role), event)

    async def revoke(self, role: Role, *, account_id: str, folder_id: str) -> None:
        """Take a role back."""
        event = self._event("role.revoke", account_id, folder_id=folder_id, reason=role.value)
        if not await self._store.revoke(RoleBinding(folder_id, account_id, role), event):
            raise _refused(f"The account {account_id} has no role {role} in {folder_id}")

    async def create_api_key(
        self, account_id: str, *, name: str = "", seed: bytes | None = None
    ) -> tuple[ApiKey, str]:
        """Make an API key of a service account; the second value is the secret.

        Args:
            account_id: Whose it is to be.
            name: What the operator calls it.
            seed: 32 secret bytes that it is made of; None makes it random.
        """
        if name:
            _check_name(name)
        account = await self._service_account(account_id)
        secret = new_api_key(seed)
        key = ApiKey(new_id("ajk"), account, hash_secret(secret), name, self._clock())
        event = self._event("api-key.create", key.key_id, reason=f"account {account_id}")
        if not await self._store.add_api_key(key, event):
            raise _refused("The API key exists already")
        return key, secret

    async def revoke_api_key(self, key_id: str) -> None:
        """Refuse an API key for good."""
        if not await self._store.revoke_api_key(key_id, self._event("api-key.revoke", key_id)):
            raise _unknown("API key", key_id)

    async def create_authorized_key(self, account_id: str) -> tuple[AuthorizedKey, str]:
        """Make a key pair of a service account; the second value is the private key, PEM."""
        account = await self._service_account(account_id)
        private = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
        public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        key = AuthorizedKey(new_id("ajk"), account, public.decode(), self._clock())
        event = self._event("authorized-key.create", key.key_id, reason=f"account {account_id}")
        await self._store.add_authorized_key(key, event)
        secret = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return key, secret.decode()

    async def revoke_authorized_key(self, key_id: str) -> None:
        """Refuse a key pair for good, and with it the tokens that it obtained."""
        event = self._event("authorized-key.revoke", key_id)
        if not await self._store.revoke_authorized_key(key_id, event):
            raise _unknown("authorized key", key_id)

    async def trust_signer(self, signer: TokenSigner) -> None:
        """Make all servers accept the signer's tokens; known already is no error."""
        event = self._event("signing-key.create", signer.key.key_id)
        if await self._store.add_signing_key(signer.key, event):
            return
        trust = await self._store.read_trust()
        if signer.key.key_id not in trust.signing_keys:
            raise _refused(
                f"The signing key {signer.key.key_id} of this data folder was revoked; "
                "move its file away and a new one is made"
            )

    async def revoke_signing_key(self, key_id: str) -> None:
        """Refuse all tokens that a server's key signed, for good."""
        event = self._event("signing-key.revoke", key_id)
        if not await self._store.revoke_signing_key(key_id, event):
            raise _unknown("signing key", key_id)

    async def create_token(
        self, signer: TokenSigner, account_id: str, *, life_s: int = LONGEST_TOKEN_LIFE_S
    ) -> IssuedToken:
        """Make an IAM token of an account."""
        account = await self._account(account_id)
        if account.disabled:
            raise _refused(f"The account {account_id} is disabled")
        if not 0 < life_s <= LONGEST_TOKEN_LIFE_S:
            raise _refused(f"A token lives for more than 0 and at most 12 hours; got {life_s} s")
        await self.trust_signer(signer)
        issued = issue_token(signer, account, now_s=self._clock(), life_s=life_s)
        event = self._event(
            "token.create", issued.claims.token_id, reason=f"account {account_id} for {life_s} s"
        )
        await self._store.add_events([event])
        return issued

    async def revoke_token(self, token_id: str) -> None:
        """Refuse the token of this id. Tokens are not kept, so its form alone is checked."""
        if not is_token_id(token_id):
            raise _refused(
                f"{token_id!r} is no id of a token; accepted: 20 characters that begin with 'tok', "
                "as `token create` and `audit` show it"
            )
        await self._revoke_token(token_id, self._clock() + LONGEST_TOKEN_LIFE_S)

    async def revoke_token_itself(self, secret: str) -> str:
        """Refuse a token that is at hand, and return its id."""
        token = parse_token(secret)
        trust = await self._store.read_trust()
        key = trust.signing_keys.get(token.key_id) if token else None
        if token is None or key is None or not token.is_signed_by(key):
            raise _refused("This is no IAM token that is accepted here: there is nothing to revoke")
        if token.claims.expires_at_s <= self._clock():
            raise _refused(f"The token {token.claims.token_id} has expired already")
        await self._revoke_token(token.claims.token_id, float(token.claims.expires_at_s))
        return token.claims.token_id

    async def _revoke_token(self, token_id: str, expires_at_s: float) -> None:
        event = self._event("token.revoke", token_id)
        if not await self._store.revoke_token(token_id, expires_at_s=expires_at_s, event=event):
            raise _refused(f"The token {token_id} was revoked already")

    async def _folder(self, folder_id: str) -> Folder:
        folder = await self._store.find_folder(folder_id)
        if folder is None:
            raise _unknown("folder", folder_id)
        return folder

    async def _account(self, account_id: str) -> Account:
        account = await self._store.find_account(account_id)
        if account is None:
            raise _unknown("account", account_id)
        return account

    async def _service_account(self, account_id: str) -> Account:
        account = await self._account(account_id)
        if account.kind is not AccountKind.SERVICE:
            raise _refused(f"Keys belong to service accounts, and {account_id} is a user account")
        return account

    def _event(
        self, action: str, subject: str, *, folder_id: str = "", reason: str = ""
    ) -> AuditEvent:
        return AuditEvent(
            at_s=self._clock(),
            action=action,
            actor=self._actor,
            folder_id=folder_id,
            subject=subject,
            reason=reason,
        )


def _check_name(name: str) -> None:
    if not (name.strip() and name.isprintable() and len(name) <= _MOST_NAME_CHARACTERS):
        raise _refused(
            f"name: got {name!r}; accepted: 1 to {_MOST_NAME_CHARACTERS} printable characters"
        )


def _refused(message: str) -> RequestError:
    return RequestError(ErrorCode.INVALID_CONFIG, message)


def _unknown(kind: str, found_by: str) -> RequestError:
    return _refused(f"There is no {kind} {found_by!r}")
