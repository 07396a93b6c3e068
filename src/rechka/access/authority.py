"""The judge: from a request's credentials to an account, from an account to a folder."""

import time
from collections.abc import Callable

from rechka.access.audit import Actor, AuditLog
from rechka.access.credentials import LOOKUP_CHARACTERS
from rechka.access.identities import Account, AccountKind
from rechka.access.ids import is_id
from rechka.access.port import AccessStore
from rechka.access.secrets import hash_secret, is_same_hash, mask_api_key
from rechka.access.throttle import LoginThrottle, too_many_failures
from rechka.access.tokens import LONGEST_TOKEN_LIFE_S, ParsedToken, parse_token
from rechka.access.trust import Memory, TrustCache
from rechka.errors import AccessError, ErrorCode, RequestError

__all__ = ["Authority"]

_NOBODY = Actor()
_NO_HASH = "0" * 64
_ACCEPTED = "'authorization: Bearer <IAM token>' or 'authorization: Api-Key <API key>'"
# A token may come from a server whose clock runs ahead of this one's.
_CLOCK_LEAD_S = 60


class Authority:
    """Answers who calls, and in which folder it may recognize speech.

    The texts of its errors are the API's own where clients have seen them.

    Args:
        store: Where accounts and credentials are kept.
        cache: What is remembered of it.
        audit: Where refusals are noted.
        throttle: Limit on failed log-ins.
        clock: Seconds since the epoch.

    Threading: one event loop.
    """

    def __init__(
        self,
        store: AccessStore,
        *,
        cache: TrustCache,
        audit: AuditLog,
        throttle: LoginThrottle,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._cache = cache
        self._audit = audit
        self._throttle = throttle
        self._clock = clock

    async def authenticate(self, authorization: str | None, *, caller: Actor = _NOBODY) -> Account:
        """Return the account that the request's `authorization` metadata stands for.

        Args:
            authorization: As it came; None if it did not.
            caller: Where the request comes from.

        Raises:
            AccessError: There are no credentials, or they are unknown or expired.
            CapacityError: Too many log-ins from this address failed just now, and
                these credentials are not among those known to be good.
            UnavailableError: The store is not reachable.
        """
        blocked_s = self._throttle.blocked_for_s(caller.address)
        try:
            return await self._identify(authorization, may_ask=not blocked_s)
        except AccessError as error:
            # Others of a burst from this address may have failed meanwhile.
            blocked_s = max(blocked_s, self._throttle.blocked_for_s(caller.address))
            if blocked_s:
                refusal = too_many_failures(blocked_s)
                self._audit.note_flood("authenticate", caller, reason=refusal.code.value)
                raise refusal from None
            self._throttle.failed(caller.address)
            self._audit.note("authenticate", caller, reason=error.code.value)
            raise

    async def _identify(self, authorization: str | None, *, may_ask: bool) -> Account:
        if not authorization:
            raise _unauthenticated(f"The request has no credentials; send metadata {_ACCEPTED}")
        scheme, _, secret = authorization.strip().partition(" ")
        secret = secret.strip()
        memory = await self._cache.current()
        match scheme.lower():
            case "bearer":
                return await self._by_token(secret, memory, may_ask=may_ask)
            case "api-key":
                return await self._by_api_key(secret, memory, may_ask=may_ask)
        raise _unauthenticated(
            f"The scheme of the authorization metadata is not known; accepted: {_ACCEPTED}"
        )

    async def _by_token(self, secret: str, memory: Memory, *, may_ask: bool) -> Account:
        token = parse_token(secret)
        if token is not None and may_ask and token.key_id not in memory.trust.signing_keys:
            # A server or a command line that has just made its key may have signed it.
            memory = await self._cache.refresh()
        if token is None or not _is_trusted(token, memory):
            raise _unauthenticated("The token is invalid")
        claims, now_s = token.claims, self._clock()
        life_s = claims.expires_at_s - claims.issued_at_s
        if life_s > LONGEST_TOKEN_LIFE_S or claims.issued_at_s > now_s + _CLOCK_LEAD_S:
            raise _unauthenticated("The token is invalid")
        if claims.expires_at_s <= now_s:
            raise _unauthenticated("The token has expired")
        return claims.account

    async def _by_api_key(self, secret: str, memory: Memory, *, may_ask: bool) -> Account:
        secret_hash = hash_secret(secret)
        lookup = secret_hash[:LOOKUP_CHARACTERS]
        key = memory.api_keys.get(lookup)
        if key is None and may_ask:
            key = await self._store.find_api_key(lookup)
        is_right = is_same_hash(secret_hash, key.secret_hash if key else _NO_HASH)
        if key is None or not is_right or key.revoked or key.account.disabled:
            raise _unauthenticated(f"Unknown api key '{mask_api_key(secret)}'")
        memory.keep_api_key(lookup, key)
        return key.account

    async def authorize(self, account: Account, folder_id: str, *, caller: Actor = _NOBODY) -> str:
        """Return the folder that a session is counted in.

        Args:
            account: Who calls.
            folder_id: The folder that the request names; "" if it names none.
            caller: Where the request comes from.

        Raises:
            AccessError: A user names no folder, or the account has no role in it
                that allows recognition.
            RequestError: A service account names a folder other than its own.
            UnavailableError: The store is not reachable.
        """
        try:
            chosen = _choose_folder(account, folder_id)
            await self._require_role(account.account_id, chosen)
        except (AccessError, RequestError) as error:
            who = Actor(account.account_id, caller.address, caller.request_id)
            self._audit.note("authorize", who, reason=error.code.value, folder_id=folder_id)
            raise
        return chosen

    async def _require_role(self, account_id: str, folder_id: str) -> None:
        memory = await self._cache.current()
        roles = memory.roles.get((account_id, folder_id))
        if roles is None and not is_id(folder_id):
            roles = frozenset()
        elif roles is None:
            roles = await self._store.find_roles(account_id=account_id, folder_id=folder_id)
            memory.keep_roles(account_id, folder_id, roles)
        if not any(role.allows_recognition for role in roles):
            raise AccessError(
                ErrorCode.PERMISSION_DENIED,
                f"Permission to [resource-manager.folder {folder_id}] denied",
            )


def _is_trusted(token: ParsedToken, memory: Memory) -> bool:
    key = memory.trust.signing_keys.get(token.key_id)
    return (
        key is not None
        and token.is_signed_by(key)
        and token.claims.token_id not in memory.trust.revoked_tokens
        and token.claims.account_id not in memory.trust.disabled_accounts
        and token.claims.authorized_key_id not in memory.trust.revoked_keys
    )


def _choose_folder(account: Account, folder_id: str) -> str:
    if account.kind is AccountKind.USER:
        if not folder_id:
            raise _unauthenticated("You have to specify folder ID for user account")
        return folder_id
    if folder_id and folder_id != account.home_folder_id:
        problem = (
            f"Specified folder ID '{folder_id}' does not match with service account "
            f"folder ID '{account.home_folder_id}'"
        )
        raise RequestError.about(
            "config.folder_id", problem, message=problem, code=ErrorCode.FOLDER_MISMATCH
        )
    return account.home_folder_id


def _unauthenticated(message: str) -> AccessError:
    return AccessError(ErrorCode.UNAUTHENTICATED, message)
