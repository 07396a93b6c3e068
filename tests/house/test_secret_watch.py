"""The watch over secrets in the tests' output sees what it is there to see."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rechka.access.administration import Administration
from rechka.access.audit import Actor
from rechka.access.identities import AccountKind
from rechka.access.tokens import TokenSigner
from rechka.storage.access_memory import MemoryAccessStore
from secret_watch import find_secrets


async def test_every_kind_of_secret_is_noted_when_it_is_made() -> None:
    operator = Administration(MemoryAccessStore(), Actor("os:test"))
    folder = await operator.create_folder("lab")
    account = await operator.create_account(
        AccountKind.SERVICE, "robot", home_folder_id=folder.folder_id
    )
    signer = TokenSigner(Ed25519PrivateKey.generate(), created_at_s=0.0)
    token = (await operator.create_token(signer, account.account_id)).secret
    api_key = (await operator.create_api_key(account.account_id))[1]
    private_key = (await operator.create_authorized_key(account.account_id))[1]
    for secret in (token, token.rpartition(".")[2], api_key, private_key.splitlines()[3]):
        assert len(find_secrets(f'{{"event": "x", "value": "{secret}"}}')) >= 1
    assert find_secrets(f"{account.account_id} {folder.folder_id} {signer.key.key_id}") == []
