"""IAM tokens: issued for a signed JWT, and refused before their time."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from rechka.access.assertions import read_key_id, verify_assertion
from rechka.access.audit import Actor, AuditEvent, AuditLog, Outcome
from rechka.access.identities import Account
from rechka.access.port import Credentials
from rechka.access.secrets import new_id
from rechka.access.throttle import LoginThrottle
from rechka.access.tokens import LONGEST_TOKEN_LIFE_S, TokenClaims, TokenSigner, parse_token
from rechka.errors import AccessError, CapacityError, ErrorCode, RechkaError

__all__ = ["IssuedToken", "TokenIssuer", "issue_token"]


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
    signer: TokenSigner, account: Account, *, now_s: float, life_s: int = LONGEST_TOKEN_LIFE_S
) -> IssuedToken:
    """Return a token of an account.

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
    )
    return IssuedToken(signer.sign(claims), claims)


class TokenIssuer:
    """What `IamTokenService` does.

    Args:
        store: Where authorized keys are kept.
        signer: Makes the tokens; the store trusts its key.
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
        audit: AuditLog,
        throttle: LoginThrottle,
        hosts: Collection[str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._signer = signer
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
        try:
            blocked_s = self._throttle.blocked_for_s(caller.address)
            if blocked_s:
                raise CapacityError(
                    ErrorCode.QUOTA_EXCEEDED,
                    "Too many failed log-ins from this address; try again later",
                    retry_after_s=blocked_s,
                )
            key_id = read_key_id(assertion)
            key = await self._store.find_authorized_key(key_id)
            verify_assertion(assertion, key, hosts=self._hosts, now_s=self._clock())
        except AccessError as error:
            self._throttle.failed(caller.address)
            self._audit.note("token.create", caller, reason=error.code.value)
            raise
        if key is None:
            raise RechkaError(ErrorCode.INTERNAL, "a JWT of no key was let pass")
        issued = issue_token(self._signer, key.account, now_s=self._clock())
        who = replace(caller, name=key.account.account_id)
        self._audit.note("token.create", who, outcome=Outcome.DONE, subject=issued.claims.token_id)
        return issued

    async def revoke(self, secret: str, *, caller: Actor) -> str:
        """Refuse a token from now on and return whose it was.

        Whoever holds a token may revoke it. One that is refused already, or
        was never good, is no error: the wish is fulfilled.
        """
        token = parse_token(secret)
        trust = await self._store.read_trust()
        key = trust.signing_keys.get(token.key_id) if token else None
        if token is None or key is None or not token.is_signed_by(key):
            return ""
        claims = token.claims
        event = AuditEvent(
            at_s=self._clock(),
            action="token.revoke",
            actor=replace(caller, name=claims.account_id),
            subject=claims.token_id,
        )
        await self._store.revoke_token(
            claims.token_id, expires_at_s=claims.expires_at_s, event=event
        )
        return claims.account_id
