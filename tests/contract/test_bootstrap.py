"""The first credentials, made by several programs at once."""

import asyncio

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access_fixtures import OpenStore
from rechka.access.administration import Administration
from rechka.access.audit import Actor
from rechka.access.bootstrap import create_development_access
from rechka.access.port import AccessStore
from rechka.access.tokens import TokenSigner
from rechka.errors import RequestError

ACTOR = Actor("os:test")


def new_signer() -> TokenSigner:
    return TokenSigner(Ed25519PrivateKey.generate(), created_at_s=0.0)


async def test_programs_that_begin_together_agree(open_store: OpenStore) -> None:
    stores = [await open_store() for _ in range(3)]
    here, there = new_signer(), new_signer()
    # Two in one data folder, one in another.
    made = await asyncio.gather(
        *(
            create_development_access(store, signer, actor=ACTOR)
            for store, signer in zip(stores, (here, here, there), strict=True)
        )
    )
    assert {access.folder_id for access in made} == {"b1gdevelopment"}
    assert made[0].api_key == made[1].api_key != made[2].api_key
    assert len(await stores[0].list_folders()) == 1
    assert len(await stores[0].list_accounts()) == 1
    assert len(await stores[0].list_api_keys()) == 2


async def test_a_deleted_folder_stays_deleted_and_the_way_on_is_told(store: AccessStore) -> None:
    signer = new_signer()
    made = await create_development_access(store, signer, actor=ACTOR)
    await Administration(store, ACTOR).delete_folder(made.folder_id)
    with pytest.raises(RequestError, match=r"b1gdevelopment was deleted.*folder create"):
        await create_development_access(store, signer, actor=ACTOR)
