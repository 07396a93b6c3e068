"""The first folder of a new server, with an account and credentials to try it."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from rechka.access.administration import Administration
from rechka.access.audit import Actor
from rechka.access.credentials import LOOKUP_CHARACTERS
from rechka.access.identities import AccountKind, Role
from rechka.access.port import AccessStore
from rechka.access.secrets import hash_secret, new_api_key
from rechka.access.tokens import TokenSigner
from rechka.errors import ErrorCode, RequestError

__all__ = ["DevelopmentAccess", "create_development_access"]

_FOLDER_ID = "b1gdevelopment"
_ACCOUNT_ID = "ajedevelopment"


@dataclass(frozen=True, slots=True)
class DevelopmentAccess:
    """What a client needs to try a server.

    Attributes:
        folder_id: The folder "development".
        account_id: Its service account, an editor of it.
        iam_token: Fresh at each call, good for 12 hours.
        api_key: The same at each call, as long as it is not revoked.
    """

    folder_id: str
    account_id: str
    iam_token: str = field(repr=False)
    api_key: str = field(repr=False)


async def create_development_access(
    store: AccessStore,
    signer: TokenSigner,
    *,
    actor: Actor,
    clock: Callable[[], float] = time.time,
) -> DevelopmentAccess:
    """Make sure of the development folder, its service account and its credentials.

    Run again, it changes nothing and answers the same but for a fresh token:
    the API key is derived from the signer's private key, so that it need not
    be kept to be shown again. After it was revoked, another one takes its place.

    Raises:
        RequestError: The operator has deleted the folder, whose id stays taken.
        UnavailableError: The store is not reachable.
    """
    operator = Administration(store, actor, clock=clock)
    # What is refused as taken was made by another program at the same time.
    if await store.find_folder(_FOLDER_ID) is None:
        with suppress(RequestError):
            await operator.create_folder("development", folder_id=_FOLDER_ID)
        if await store.find_folder(_FOLDER_ID) is None:
            raise RequestError(
                ErrorCode.INVALID_CONFIG,
                f"The development folder {_FOLDER_ID} was deleted, and an id is never given "
                "again; make another folder with `rechka access folder create`",
            )
    if await store.find_account(_ACCOUNT_ID) is None:
        with suppress(RequestError):
            await operator.create_account(
                AccountKind.SERVICE,
                "development",
                home_folder_id=_FOLDER_ID,
                account_id=_ACCOUNT_ID,
            )
    await operator.grant(Role.EDITOR, account_id=_ACCOUNT_ID, folder_id=_FOLDER_ID)
    api_key = await _api_key(store, operator, signer)
    token = await operator.create_token(signer, _ACCOUNT_ID)
    return DevelopmentAccess(_FOLDER_ID, _ACCOUNT_ID, token.secret, api_key)


async def _api_key(store: AccessStore, operator: Administration, signer: TokenSigner) -> str:
    number = 0
    while True:
        seed = signer.derive_secret(f"development api key {number}")
        secret = new_api_key(seed)
        known = await store.find_api_key(hash_secret(secret)[:LOOKUP_CHARACTERS])
        if known is None:
            with suppress(RequestError):
                await operator.create_api_key(_ACCOUNT_ID, name="development", seed=seed)
            return secret
        if not known.revoked:
            return secret
        number += 1
