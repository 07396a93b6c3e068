"""The judge: from a request's credentials to an account, from an account to a folder."""

import time
from collections.abc import Callable

from rechka.access.port import AccessStore, Account, AccountKind
from rechka.access.secrets import hash_secret, mask_api_key
from rechka.errors import AccessError, ErrorCode, RequestError

__all__ = ["Authority"]

_ACCEPTED = "'authorization: Bearer <IAM token>' or 'authorization: Api-Key <API key>'"


class Authority:
    """Answers who calls, and in which folder it may recognize speech.

    The texts of its errors are the API's own where clients have seen them.

    Args:
        store: Where accounts and credentials are kept.
        clock: Seconds since the epoch.
    """

    def __init__(self, store: AccessStore, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock

    async def authenticate(self, authorization: str | None) -> Account:
        """Return the account that the request's `authorization` metadata stands for.

        Raises:
            AccessError: There are no credentials, or they are unknown or expired.
        """
        if not authorization:
            raise _unauthenticated(f"The request has no credentials; send metadata {_ACCEPTED}")
        scheme, _, secret = authorization.strip().partition(" ")
        secret = secret.strip()
        match scheme.lower():
            case "bearer":
                return await self._by_token(secret)
            case "api-key":
                return await self._by_api_key(secret)
        raise _unauthenticated(
            f"The scheme of the authorization metadata is not known; accepted: {_ACCEPTED}"
        )

    async def _by_token(self, secret: str) -> Account:
        token = await self._store.find_token(hash_secret(secret))
        if token is None:
            raise _unauthenticated("The token is invalid")
        if token.expires_at_s <= self._clock():
            raise _unauthenticated("The token has expired")
        return token.account

    async def _by_api_key(self, secret: str) -> Account:
        account = await self._store.find_api_key(hash_secret(secret))
        if account is None:
            raise _unauthenticated(f"Unknown api key '{mask_api_key(secret)}'")
        return account

    async def authorize(self, account: Account, folder_id: str) -> str:
        """Return the folder that a session is counted in.

        Args:
            account: Who calls.
            folder_id: The folder that the request names; "" if it names none.

        Raises:
            AccessError: A user names no folder, or the account has no role in it
                that allows recognition.
            RequestError: A service account names a folder other than its own.
        """
        if account.kind is AccountKind.USER and not folder_id:
            raise _unauthenticated("You have to specify folder ID for user account")
        if account.kind is AccountKind.SERVICE:
            if folder_id and folder_id != account.home_folder_id:
                problem = (
                    f"Specified folder ID '{folder_id}' does not match with service account "
                    f"folder ID '{account.home_folder_id}'"
                )
                raise RequestError(
                    ErrorCode.FOLDER_MISMATCH, problem, violations={"config.folder_id": problem}
                )
            folder_id = account.home_folder_id
        roles = await self._store.find_roles(account_id=account.account_id, folder_id=folder_id)
        if not any(role.allows_recognition for role in roles):
            raise AccessError(
                ErrorCode.PERMISSION_DENIED,
                f"Permission to [resource-manager.folder {folder_id}] denied",
            )
        return folder_id


def _unauthenticated(message: str) -> AccessError:
    return AccessError(ErrorCode.UNAUTHENTICATED, message)
