"""Who may: the rules and the API's own texts."""

import zlib
from pathlib import Path

import pytest

from rechka.access.authority import Authority
from rechka.access.bootstrap import create_development_access
from rechka.access.port import Account, AccountKind, Role
from rechka.access.secrets import hash_secret
from rechka.errors import AccessError, ErrorCode, RequestError
from rechka.storage.access_file import FileAccessStore

USER = Account("user", AccountKind.USER)
SERVICE = Account("service", AccountKind.SERVICE, "home")


@pytest.fixture
async def store(tmp_path: Path) -> FileAccessStore:
    store = FileAccessStore(tmp_path)
    for folder in ("home", "other"):
        await store.add_folder(folder, name=folder)
    for account in (USER, SERVICE):
        await store.add_account(account)
    await store.add_token(hash_secret("t1.good"), account_id="user", expires_at_s=1000.0)
    await store.add_api_key(hash_secret("AQVNsecretsecret98iI"), account_id="service")
    return store


@pytest.fixture
def authority(store: FileAccessStore) -> Authority:
    return Authority(store, clock=lambda: 999.0)


@pytest.mark.parametrize("header", ["Bearer t1.good", "bearer  t1.good", "BEARER t1.good"])
async def test_a_good_token_is_its_account(authority: Authority, header: str) -> None:
    assert await authority.authenticate(header) == USER


async def test_a_good_api_key_is_its_account(authority: Authority) -> None:
    assert await authority.authenticate("Api-Key AQVNsecretsecret98iI") == SERVICE


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
    with pytest.raises(AccessError) as caught:
        await authority.authenticate(header)
    assert caught.value.code is ErrorCode.UNAUTHENTICATED
    assert text in str(caught.value)


async def test_an_expired_token_says_so(store: FileAccessStore) -> None:
    with pytest.raises(AccessError, match=r"^The token has expired$"):
        await Authority(store, clock=lambda: 1000.0).authenticate("Bearer t1.good")


async def test_an_unknown_api_key_is_named_without_being_told(authority: Authority) -> None:
    key = "AQVNabcdefghijklmnop98iI"
    with pytest.raises(AccessError) as caught:
        await authority.authenticate(f"Api-Key {key}")
    crc = f"{zlib.crc32(key.encode()):08X}"
    assert str(caught.value) == f"Unknown api key 'AQVN****98iI ({crc})'"


async def test_a_short_api_key_is_masked_whole(authority: Authority) -> None:
    with pytest.raises(AccessError) as caught:
        await authority.authenticate("Api-Key hunter2")
    assert "hunter" not in str(caught.value)


async def test_a_user_must_name_a_folder(authority: Authority) -> None:
    with pytest.raises(AccessError, match=r"^You have to specify folder ID for user account$"):
        await authority.authorize(USER, "")


async def test_a_service_account_must_not_name_another_folder(authority: Authority) -> None:
    with pytest.raises(RequestError) as caught:
        await authority.authorize(SERVICE, "other")
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
@pytest.mark.parametrize(("account", "folder"), [(USER, "home"), (SERVICE, "")])
async def test_the_role_decides(
    store: FileAccessStore,
    authority: Authority,
    role: Role,
    enough: bool,  # noqa: FBT001
    account: Account,
    folder: str,
) -> None:
    await store.grant(role, account_id=account.account_id, folder_id="home")
    if enough:
        assert await authority.authorize(account, folder) == "home"
        return
    with pytest.raises(AccessError) as caught:
        await authority.authorize(account, folder)
    assert caught.value.code is ErrorCode.PERMISSION_DENIED
    assert str(caught.value) == "Permission to [resource-manager.folder home] denied"


async def test_development_access_opens_the_door_and_keeps_no_secret(tmp_path: Path) -> None:
    made = await create_development_access(FileAccessStore(tmp_path))
    again = await create_development_access(FileAccessStore(tmp_path))
    authority = Authority(FileAccessStore(tmp_path))
    for access in (made, again):
        for header in (f"Bearer {access.iam_token}", f"Api-Key {access.api_key}"):
            account = await authority.authenticate(header)
            assert await authority.authorize(account, access.folder_id) == access.folder_id
    kept = (tmp_path / "access.json").read_text()
    assert made.iam_token not in kept
    assert made.api_key not in kept
    assert (tmp_path / "access.json").stat().st_mode & 0o077 == 0
