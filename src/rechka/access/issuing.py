"""IAM tokens: issued for a signed JWT, and refused before their time."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from rechka.access.assertions import read_key_id, verify_assertion
from rechka.access.audit import Actor, AuditEvent, AuditLog, Outcome
from rechka.access.identities import Account
from rechka.access.ids import new_id
from rechka.access.port import Credentials
from rechka.access.throttle import LoginThrottle, too_many_failures
from rechka.access.tokens import (
    LONGEST_TOKEN_LIFE_S,
    ParsedToken,
    TokenClaims,
    TokenSigner,
    parse_token,
)
from rechka.access.trust import TrustCache
from rechka.errors import AccessError, ErrorCode, RechkaError

__all__ = ["REVOKED_KEY_KNOWN_S", "IssuedToken", "TokenIssuer", "issue_token"]

REVOKED_KEY_KNOWN_S = 13 * 3600
"""How long a revoked authorized key is told to servers: the 12 hours that the last token
of it lives, and one for clocks that differ."""


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A fresh IAM token.

    Attributes:
        secret: The token itself.
        claims: What it says.
    """

    secret: str = field(repr=False)
    claims: TokenClaims


def issue_token(
    signer: TokenSigner,
    account: Account,
    *,
    now_s: float,
    life_s: int = LONGEST_TOKEN_LIFE_S,
    authorized_key_id: str = "",
) -> IssuedToken:
    """Return a token of an account.

    Args:
        signer: Makes it.
        account: Whom it stands for.
        now_s: When its life begins, seconds since the epoch.
        life_s: How long it lives.
        authorized_key_id: The key that it is given for; "" without one.

    Raises:
        ValueError: It would live for longer than `LONGEST_TOKEN_LIFE_S`.
    """
    claims = TokenClaims(
        new_id("tok"),
        account.account_id,
        account.kind,
        account.home_folder_id,
        int(now_s),
        int(now_s) + life_s,
        authorized_key_id,
    )
    return IssuedToken(signer.sign(claims), claims)


class TokenIssuer:
    """What `IamTokenService` does.

    Args:
        store: Where authorized keys are kept.
        signer: Makes the tokens; the store trusts its key.
        cache: What is remembered of the store, shared with `Authority`.
        audit: Where issued tokens and refusals are noted.
        throttle: Limit on failed log-ins, shared with `Authority`.
        hosts: Host names, in lower case, that a JWT's `aud` may name.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        store: Credentials,
        signer: TokenSigner,
        *,
        cache: TrustCache,
        audit: AuditLog,
        throttle: LoginThrottle,
        hosts: Collection[str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._signer = signer
        self._cache = cache
        self._audit = audit
        self._throttle = throttle
        self._hosts = frozenset(hosts)
        self._clock = clock

    async def exchange(self, assertion: str, *, caller: Actor) -> IssuedToken:
        """Return a token of the service account that signed the JWT.

        Raises:
            AccessError: The JWT is not to be trusted.
            CapacityError: Too many log-ins from this address failed just now.
            UnavailableError: The store is not reachable.
        """
        self._let_in("token.create", caller)
        try:
            key_id = read_key_id(assertion)
            key = await self._store.find_authorized_key(key_id)
            verify_assertion(assertion, key, hosts=self._hosts, now_s=self._clock())
        except AccessError as error:
            # Others of a burst from this address may have failed meanwhile.
            self._let_in("token.create", caller)
            self._throttle.failed(caller.address)
            self._audit.note("token.create", caller, reason=error.code.value)
            raise
        if key is None:
            raise RechkaError(ErrorCode.INTERNAL, "a JWT of no key was let pass")
        issued = issue_token(
            self._signer, key.account, now_s=self._clock(), authorized_key_id=key.key_id
        )
        who = replace(caller, name=key.account.account_id)
        self._audit.note("token.create", who, outcome=Outcome.DONE, subject=issued.claims.token_id)
        return issued

    async def revoke(self, secret: str, *, caller: Actor) -> str:
        """Refuse a token from now on and return whose it was.

        Whoever holds a token may revoke it. One that is refused already, or
        was never good, is no error: the wish is fulfilled.

        Raises:
            CapacityError: Too many log-ins from this address failed just now.
            UnavailableError: The store is not reachable.
        """
        self._let_in("token.revoke", caller)
        token = parse_token(secret)
        if token is None or not await self._is_ours(token):
            self._throttle.failed(caller.address)
            return ""
        claims = token.claims
        if claims.expires_at_s <= self._clock():
            return claims.account_id
        event = AuditEvent(
            at_s=self._clock(),
            action="token.revoke",
            actor=replace(caller, name=claims.account_id),
            subject=claims.token_id,
        )
        await self._store.revoke_token(
            claims.token_id, expires_at_s=claims.expires_at_s, event=event
        )
        # Here it holds at once; other servers hear of it within seconds.
        await self._cache.refresh()
        return claims.account_id

    async def _is_ours(self, token: ParsedToken) -> bool:
        memory = await self._cache.current()
        if token.key_id not in memory.trust.signing_keys:
            memory = await self._cache.refresh()
        key = memory.trust.signing_keys.get(token.key_id)
        return key is not None and token.is_signed_by(key)

    def _let_in(self, action: str, caller: Actor) -> None:
        """Raise if too many log-ins from the caller's address failed just now."""
        blocked_s = self._throttle.blocked_for_s(caller.address)
        if blocked_s:
            refusal = too_many_failures(blocked_s)
            self._audit.note_flood(action, caller, reason=refusal.code.value)
            raise refusal
