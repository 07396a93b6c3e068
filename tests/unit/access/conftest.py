"""Fixtures of access: a store in memory, filled, and a clock that stands still."""

import pytest

from access_fixtures import Clock, clock
from rechka.access.administration import Administration
from rechka.access.audit import Actor
from rechka.access.identities import Account, AccountKind
from rechka.storage.access_memory import MemoryAccessStore

__all__ = ["clock"]


@pytest.fixture
def store(clock: Clock) -> MemoryAccessStore:
    return MemoryAccessStore(clock=clock)


@pytest.fixture
def operator(store: MemoryAccessStore, clock: Clock) -> Administration:
    return Administration(store, Actor("os:test"), clock=clock)


@pytest.fixture
async def service(operator: Administration) -> Account:
    for name in ("home", "other"):
        await operator.create_folder(name, folder_id=name)
    return await operator.create_account(
        AccountKind.SERVICE, "robot", home_folder_id="home", account_id="service"
    )


@pytest.fixture
async def user(operator: Administration, service: Account) -> Account:
    return await operator.create_account(AccountKind.USER, "Ann", account_id="user")
