"""IAM tokens for JWTs, and their end."""

import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access_fixtures import Clock
from rechka.access.administration import Administration
from rechka.access.audit import Actor, AuditLog
from rechka.access.authority import Authority
from rechka.access.identities import Account, Role
from rechka.access.issuing import TokenIssuer, issue_token
from rechka.access.throttle import LoginThrottle
from rechka.access.tokens import TokenSigner
from rechka.access.trust import TrustCache
from rechka.errors import AccessError, CapacityError
from rechka.storage.access_memory import MemoryAccessStore

CALLER = Actor("", "192.0.2.1", "request-1")


@pytest.fixture
def signer() -> TokenSigner:
    return TokenSigner(Ed25519PrivateKey.generate(), created_at_s=0.0)


@pytest.fixture
def throttle(clock: Clock) -> LoginThrottle:
    return LoginThrottle(5, clock=clock)


@pytest.fixture
def cache(store: MemoryAccessStore, clock: Clock) -> TrustCache:
    return TrustCache(store, clock=clock)


@pytest.fixture
def audit(store: MemoryAccessStore, clock: Clock) -> AuditLog:
    return AuditLog(store, clock=clock)


@pytest.fixture
def authority(
    store: MemoryAccessStore,
    cache: TrustCache,
    audit: AuditLog,
    throttle: LoginThrottle,
    clock: Clock,
) -> Authority:
    return Authority(store, cache=cache, audit=audit, throttle=throttle, clock=clock)


@pytest.fixture
async def issuer(
    store: MemoryAccessStore,
    signer: TokenSigner,
    operator: Administration,
    cache: TrustCache,
    audit: AuditLog,
    throttle: LoginThrottle,
    clock: Clock,
) -> TokenIssuer:
    await operator.trust_signer(signer)
    return TokenIssuer(
        store,
        signer,
        cache=cache,
        audit=audit,
        throttle=throttle,
        hosts={"stt.example"},
        clock=clock,
    )


def assertion(key_id: str, private_key: str, clock: Clock) -> str:
    claims = {
        "iss": "service",
        "aud": "https://iam.stt.example/iam/v1/tokens",
        "iat": int(clock.now_s),
        "exp": int(clock.now_s) + 60,
    }
    return jwt.encode(claims, private_key, algorithm="PS256", headers={"kid": key_id})


async def test_a_revoked_authorized_key_takes_its_tokens_along(
    issuer: TokenIssuer,
    authority: Authority,
    operator: Administration,
    service: Account,
    signer: TokenSigner,
    clock: Clock,
) -> None:
    await operator.grant(Role.EDITOR, account_id="service", folder_id="home")
    tokens = []
    for _ in range(2):
        key, private = await operator.create_authorized_key("service")
        issued = await issuer.exchange(assertion(key.key_id, private, clock), caller=CALLER)
        tokens.append((key, issued.secret))
    by_operator = (await operator.create_token(signer, "service")).secret
    (stolen, by_stolen), (_, by_other) = tokens
    await authority.authenticate(f"Bearer {by_stolen}")
    await operator.revoke_authorized_key(stolen.key_id)
    clock.now_s += 2.0
    with pytest.raises(AccessError, match="The token is invalid"):
        await authority.authenticate(f"Bearer {by_stolen}")
    for token in (by_other, by_operator):
        assert (await authority.authenticate(f"Bearer {token}")).account_id == "service"


async def test_a_token_that_is_revoked_here_is_refused_here_at_once(
    issuer: TokenIssuer,
    authority: Authority,
    operator: Administration,
    signer: TokenSigner,
    service: Account,
) -> None:
    issued = await operator.create_token(signer, "service")
    await authority.authenticate(f"Bearer {issued.secret}")
    assert await issuer.revoke(issued.secret, caller=CALLER) == "service"
    with pytest.raises(AccessError):
        await authority.authenticate(f"Bearer {issued.secret}")


async def test_a_token_that_has_expired_needs_no_revocation(
    issuer: TokenIssuer,
    store: MemoryAccessStore,
    signer: TokenSigner,
    service: Account,
    clock: Clock,
) -> None:
    old = issue_token(signer, service, now_s=clock.now_s - 61, life_s=60)
    before = await store.read_revision()
    assert await issuer.revoke(old.secret, caller=CALLER) == "service"
    assert await store.read_revision() == before


@pytest.mark.parametrize("is_formed", [False, True])
async def test_revoking_what_was_never_good_is_a_failed_login(
    issuer: TokenIssuer,
    store: MemoryAccessStore,
    audit: AuditLog,
    service: Account,
    monkeypatch: pytest.MonkeyPatch,
    is_formed: bool,  # noqa: FBT001
) -> None:
    stranger = TokenSigner(Ed25519PrivateKey.generate(), created_at_s=0.0)
    forged = issue_token(stranger, service, now_s=time.time()).secret if is_formed else "t1.x"
    for _ in range(5):
        assert await issuer.revoke(forged, caller=CALLER) == ""
    for name in ("read_revision", "read_trust"):
        monkeypatch.setattr(store, name, None)
    with pytest.raises(CapacityError):
        await issuer.revoke(forged, caller=CALLER)
    await audit.flush()
    (event,) = (
        event
        for event in await store.read_events(after_id=0, limit=100)
        if event.outcome == "refused"
    )
    assert (event.action, event.reason) == ("token.revoke", "QUOTA_EXCEEDED 1 times")
