"""Who may: the rules and the API's own texts."""

import asyncio
import zlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access_fixtures import Clock
from rechka.access.administration import Administration
from rechka.access.audit import Actor, AuditLog
from rechka.access.authority import Authority
from rechka.access.bootstrap import create_development_access
from rechka.access.identities import Account, AccountKind, Role
from rechka.access.throttle import LoginThrottle
from rechka.access.tokens import TokenSigner
from rechka.access.trust import TrustCache
from rechka.errors import AccessError, CapacityError, ErrorCode, RequestError
from rechka.storage.access_memory import MemoryAccessStore

CALLER = Actor("", "192.0.2.1", "request-1")


@pytest.fixture
def signer() -> TokenSigner:
    return TokenSigner(Ed25519PrivateKey.generate(), created_at_s=0.0)


@pytest.fixture
def audit(store: MemoryAccessStore, clock: Clock) -> AuditLog:
    return AuditLog(store, clock=clock)


@pytest.fixture
def authority(store: MemoryAccessStore, audit: AuditLog, clock: Clock) -> Authority:
    return Authority(
        store,
        cache=TrustCache(store, clock=clock),
        audit=audit,
        throttle=LoginThrottle(5, clock=clock),
        clock=clock,
    )


@pytest.fixture
async def token(operator: Administration, signer: TokenSigner, service: Account) -> str:
    return (await operator.create_token(signer, service.account_id)).secret


@pytest.fixture
async def api_key(operator: Administration, service: Account) -> str:
    return (await operator.create_api_key(service.account_id))[1]


async def refusal(authority: Authority, header: str | None) -> str:
    with pytest.raises(AccessError) as caught:
        await authority.authenticate(header)
    assert caught.value.code is ErrorCode.UNAUTHENTICATED
    return caught.value.message


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer  ", "BEARER "])
async def test_a_good_token_is_its_account(authority: Authority, token: str, scheme: str) -> None:
    account = await authority.authenticate(scheme + token)
    assert account == Account("service", AccountKind.SERVICE, "home")


async def test_a_users_token_is_its_account(
    authority: Authority, operator: Administration, signer: TokenSigner, user: Account
) -> None:
    issued = await operator.create_token(signer, user.account_id)
    account = await authority.authenticate(f"Bearer {issued.secret}")
    assert account == Account("user", AccountKind.USER, "")


async def test_a_good_api_key_is_its_account(authority: Authority, api_key: str) -> None:
    assert (await authority.authenticate(f"Api-Key {api_key}")).account_id == "service"


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("Bearer t1.bad", "The token is invalid"),
        ("Bearer ", "The token is invalid"),
        (None, "The request has no credentials; send metadata"),
        ("", "The request has no credentials; send metadata"),
        ("Basic dXNlcg==", "accepted: 'authorization: Bearer <IAM token>'"),
    ],
)
async def test_bad_credentials_are_refused(
    authority: Authority, header: str | None, text: str
) -> None:
    assert text in await refusal(authority, header)


async def test_a_token_ends_with_its_life(authority: Authority, token: str, clock: Clock) -> None:
    clock.now_s += 12 * 3600 - 1
    await authority.authenticate(f"Bearer {token}")
    clock.now_s += 1
    assert await refusal(authority, f"Bearer {token}") == "The token has expired"


async def test_a_token_of_a_server_that_nobody_trusts_is_invalid(
    authority: Authority, service: Account, clock: Clock
) -> None:
    other = MemoryAccessStore(clock=clock)
    stranger = Administration(other, Actor("os:test"), clock=clock)
    await stranger.create_folder("home", folder_id="home")
    await stranger.create_account(
        AccountKind.SERVICE, "robot", home_folder_id="home", account_id="service"
    )
    signer = TokenSigner(Ed25519PrivateKey.generate(), created_at_s=0.0)
    forged = await stranger.create_token(signer, "service")
    assert await refusal(authority, f"Bearer {forged.secret}") == "The token is invalid"


async def test_a_token_of_a_server_that_has_just_come_is_good_at_once(
    authority: Authority, operator: Administration, api_key: str
) -> None:
    await authority.authenticate(f"Api-Key {api_key}")
    signer = TokenSigner(Ed25519PrivateKey.generate(), created_at_s=0.0)
    issued = await operator.create_token(signer, "service")
    assert (await authority.authenticate(f"Bearer {issued.secret}")).account_id == "service"


async def test_revocation_is_honored_within_the_bound(
    authority: Authority, operator: Administration, token: str, api_key: str, clock: Clock
) -> None:
    credentials = [f"Bearer {token}", f"Api-Key {api_key}"]
    for header in credentials:
        await authority.authenticate(header)
    await operator.set_disabled("service", disabled=True)
    clock.now_s += 2.0
    for header in credentials:
        assert await refusal(authority, header)
    await operator.set_disabled("service", disabled=False)
    clock.now_s += 2.0
    for header in credentials:
        assert (await authority.authenticate(header)).account_id == "service"


async def test_a_revoked_token_key_and_signer_are_invalid(
    authority: Authority,
    operator: Administration,
    signer: TokenSigner,
    api_key: str,
    clock: Clock,
) -> None:
    first = await operator.create_token(signer, "service")
    second = await operator.create_token(signer, "service")
    for header in (f"Bearer {first.secret}", f"Bearer {second.secret}", f"Api-Key {api_key}"):
        await authority.authenticate(header)
    await operator.revoke_token(first.claims.token_id)
    clock.now_s += 2.0
    assert await refusal(authority, f"Bearer {first.secret}") == "The token is invalid"
    await authority.authenticate(f"Bearer {second.secret}")
    await operator.revoke_signing_key(signer.key.key_id)
    clock.now_s += 2.0
    assert await refusal(authority, f"Bearer {second.secret}") == "The token is invalid"
    with pytest.raises(RequestError, match="was revoked"):
        await operator.create_token(signer, "service")


async def test_a_revoked_api_key_reads_like_an_unknown_one(
    authority: Authority, operator: Administration, service: Account, clock: Clock
) -> None:
    key, secret = await operator.create_api_key("service")
    await authority.authenticate(f"Api-Key {secret}")
    await operator.revoke_api_key(key.key_id)
    clock.now_s += 2.0
    text = await refusal(authority, f"Api-Key {secret}")
    assert (
        text
        == f"Unknown api key '{secret[:4]}****{secret[-4:]} ({zlib.crc32(secret.encode()):08X})'"
    )


async def test_an_unknown_api_key_is_named_without_being_told(authority: Authority) -> None:
    key = "AQVNabcdefghijklmnop98iI"
    crc = f"{zlib.crc32(key.encode()):08X}"
    assert await refusal(authority, f"Api-Key {key}") == f"Unknown api key 'AQVN****98iI ({crc})'"


async def test_a_short_api_key_is_masked_whole(authority: Authority) -> None:
    assert "hunter" not in await refusal(authority, "Api-Key hunter2")


async def test_a_warm_session_start_asks_the_store_nothing(
    authority: Authority,
    operator: Administration,
    store: MemoryAccessStore,
    token: str,
    api_key: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await operator.grant(Role.EDITOR, account_id="service", folder_id="home")
    for header in (f"Bearer {token}", f"Api-Key {api_key}"):
        await authority.authorize(await authority.authenticate(header), "")
    for name in ("read_revision", "read_trust", "find_api_key", "find_roles", "find_account"):
        monkeypatch.setattr(store, name, None)
    for header in (f"Bearer {token}", f"Api-Key {api_key}"):
        assert await authority.authorize(await authority.authenticate(header), "") == "home"


async def test_an_address_with_too_many_failures_must_wait(
    authority: Authority, api_key: str, token: str, clock: Clock
) -> None:
    await authority.authenticate(f"Api-Key {api_key}", caller=CALLER)
    for _ in range(5):
        with pytest.raises(AccessError):
            await authority.authenticate("Api-Key wrong", caller=CALLER)
    with pytest.raises(CapacityError) as caught:
        await authority.authenticate("Api-Key wrong", caller=CALLER)
    assert caught.value.code is ErrorCode.QUOTA_EXCEEDED
    assert caught.value.retry_after_s == pytest.approx(12.0)
    # Clients behind the same address whose credentials are known go on.
    await authority.authenticate(f"Api-Key {api_key}", caller=CALLER)
    await authority.authenticate(f"Bearer {token}", caller=CALLER)
    elsewhere = Actor("", "192.0.2.2", "request-2")
    with pytest.raises(AccessError):
        await authority.authenticate("Api-Key wrong", caller=elsewhere)
    clock.now_s += 12.5
    with pytest.raises(AccessError):
        await authority.authenticate("Api-Key wrong", caller=CALLER)


async def test_a_burst_of_one_address_is_told_no_more_than_the_limit(
    authority: Authority, audit: AuditLog, store: MemoryAccessStore
) -> None:
    attempts = [authority.authenticate("Api-Key wrong", caller=CALLER) for _ in range(50)]
    answers = await asyncio.gather(*attempts, return_exceptions=True)
    assert sum(isinstance(answer, AccessError) for answer in answers) == 5
    assert sum(isinstance(answer, CapacityError) for answer in answers) == 45
    await audit.flush()
    events = await store.read_events(after_id=0, limit=100)
    reasons = [event.reason for event in events if event.action == "authenticate"]
    assert reasons == ["UNAUTHENTICATED"] * 5 + ["QUOTA_EXCEEDED 45 times"]


async def test_refusals_are_audited_without_the_secret(
    authority: Authority, audit: AuditLog, store: MemoryAccessStore, service: Account
) -> None:
    secret = "AQVNabcdefghijklmnop98iI"
    with pytest.raises(AccessError):
        await authority.authenticate(f"Api-Key {secret}", caller=CALLER)
    with pytest.raises(AccessError):
        await authority.authorize(service, "", caller=CALLER)
    last = await store.last_event_id()
    await audit.flush()
    first, second = await store.read_events(after_id=last, limit=10)
    assert (first.action, first.outcome, first.reason) == (
        "authenticate",
        "refused",
        "UNAUTHENTICATED",
    )
    assert first.actor == CALLER
    assert (second.action, second.reason) == ("authorize", "PERMISSION_DENIED")
    assert second.actor == Actor("service", "192.0.2.1", "request-1")
    assert secret not in repr([first, second])


async def test_a_user_must_name_a_folder(authority: Authority, user: Account) -> None:
    with pytest.raises(AccessError, match=r"^You have to specify folder ID for user account$"):
        await authority.authorize(user, "")


@pytest.mark.parametrize("folder_id", ["\x00", "a\x00b", "\u0430", "a b", "x" * 65, "\ud800"])
async def test_what_cannot_be_a_folders_id_never_reaches_the_store(
    authority: Authority,
    user: Account,
    store: MemoryAccessStore,
    folder_id: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(store, "find_roles", None)
    with pytest.raises(AccessError) as caught:
        await authority.authorize(user, folder_id)
    assert caught.value.code is ErrorCode.PERMISSION_DENIED


async def test_a_service_account_must_not_name_another_folder(
    authority: Authority, service: Account
) -> None:
    with pytest.raises(RequestError) as caught:
        await authority.authorize(service, "other")
    assert str(caught.value) == (
        "Specified folder ID 'other' does not match with service account folder ID 'home'"
    )


@pytest.mark.parametrize(
    ("role", "enough"),
    [
        (Role.VIEWER, False),
        (Role.STT_USER, True),
        (Role.AI_EDITOR, True),
        (Role.EDITOR, True),
        (Role.ADMIN, True),
    ],
)
@pytest.mark.parametrize(("account_id", "folder"), [("user", "home"), ("service", "")])
async def test_the_role_decides(
    store: MemoryAccessStore,
    operator: Administration,
    authority: Authority,
    user: Account,
    role: Role,
    enough: bool,  # noqa: FBT001
    account_id: str,
    folder: str,
) -> None:
    account = await store.find_account(account_id)
    assert account is not None
    with pytest.raises(AccessError):
        await authority.authorize(account, folder)
    await operator.grant(role, account_id=account_id, folder_id="home")
    if enough:
        assert await authority.authorize(account, folder) == "home"
        return
    with pytest.raises(AccessError) as caught:
        await authority.authorize(account, folder)
    assert caught.value.code is ErrorCode.PERMISSION_DENIED
    assert str(caught.value) == "Permission to [resource-manager.folder home] denied"


async def test_a_role_that_is_taken_back_stops_within_the_bound(
    operator: Administration, authority: Authority, service: Account, clock: Clock
) -> None:
    await operator.grant(Role.EDITOR, account_id="service", folder_id="home")
    await authority.authorize(service, "home")
    await operator.revoke(Role.EDITOR, account_id="service", folder_id="home")
    clock.now_s += 2.0
    with pytest.raises(AccessError):
        await authority.authorize(service, "home")


async def test_development_access_opens_the_door_and_stays_the_same(
    store: MemoryAccessStore, authority: Authority, signer: TokenSigner, clock: Clock
) -> None:
    clock.now_s = 4_000_000_000.0
    actor = Actor("os:test")
    made = await create_development_access(store, signer, actor=actor, clock=clock)
    again = await create_development_access(store, signer, actor=actor, clock=clock)
    assert (again.folder_id, again.api_key) == (made.folder_id, made.api_key)
    for access in (made, again):
        for header in (f"Bearer {access.iam_token}", f"Api-Key {access.api_key}"):
            account = await authority.authenticate(header)
            assert await authority.authorize(account, access.folder_id) == access.folder_id
    assert len(await store.list_api_keys()) == 1


async def test_a_revoked_development_key_gets_a_successor(
    store: MemoryAccessStore, operator: Administration, signer: TokenSigner
) -> None:
    made = await create_development_access(store, signer, actor=Actor("os:test"))
    (key,) = await store.list_api_keys()
    await operator.revoke_api_key(key.key_id)
    again = await create_development_access(store, signer, actor=Actor("os:test"))
    assert again.api_key != made.api_key
