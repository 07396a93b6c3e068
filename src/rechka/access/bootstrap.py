"""The first folder of a new server, with an account and credentials to try it."""

import time
from dataclasses import dataclass

from rechka.access.port import AccessStore, Account, AccountKind, Role
from rechka.access.secrets import hash_secret, new_api_key, new_iam_token

__all__ = ["DevelopmentAccess", "create_development_access"]

_FOLDER_ID = "b1gdevelopment"
_ACCOUNT_ID = "ajedevelopment"
# The longest life that an IAM token of the API has.
_TOKEN_LIFE_S = 12 * 3600


@dataclass(frozen=True, slots=True)
class DevelopmentAccess:
    """What a client needs; the secrets are shown this once and kept hashed."""

    folder_id: str
    iam_token: str
    api_key: str


async def create_development_access(store: AccessStore) -> DevelopmentAccess:
    """Make sure of the development folder and its service account; issue credentials.

    Run again, it keeps the folder and the account and issues new credentials
    beside the old ones.
    """
    await store.add_folder(_FOLDER_ID, name="development")
    await store.add_account(Account(_ACCOUNT_ID, AccountKind.SERVICE, home_folder_id=_FOLDER_ID))
    await store.grant(Role.EDITOR, account_id=_ACCOUNT_ID, folder_id=_FOLDER_ID)
    token, api_key = new_iam_token(), new_api_key()
    await store.add_token(
        hash_secret(token), account_id=_ACCOUNT_ID, expires_at_s=time.time() + _TOKEN_LIFE_S
    )
    await store.add_api_key(hash_secret(api_key), account_id=_ACCOUNT_ID)
    return DevelopmentAccess(_FOLDER_ID, token, api_key)
