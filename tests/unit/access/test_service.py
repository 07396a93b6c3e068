"""Work in the background of a server."""

import asyncio

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rechka.access import service
from rechka.access.quota import DEFAULT_QUOTA
from rechka.access.service import Access
from rechka.access.tokens import TokenSigner
from rechka.storage.access_memory import MemoryAccessStore


async def test_no_error_ends_the_work_in_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryAccessStore()
    troubles: list[Exception] = []
    access = Access(
        store,
        TokenSigner(Ed25519PrivateKey.generate(), created_at_s=0.0),
        hosts=(),
        default_quota=DEFAULT_QUOTA,
        lease_s=40.0,
        audit_days=90,
        login_failures_per_minute=0,
        on_trouble=troubles.append,
    )
    monkeypatch.setattr(service, "_REFRESH_EVERY_S", 0.0)
    await access.start()
    recovered = asyncio.Event()
    answers = iter([ZeroDivisionError(), ZeroDivisionError()])

    async def read_revision() -> int:
        if failure := next(answers, None):
            raise failure
        recovered.set()
        return 1

    monkeypatch.setattr(store, "read_revision", read_revision)
    await recovered.wait()
    await access.close()
    assert [type(trouble) for trouble in troubles] == [ZeroDivisionError] * 2


async def test_a_revoked_token_is_remembered_longer_than_clocks_differ(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = MemoryAccessStore()
    asked: list[float] = []
    purged = asyncio.Event()

    async def purge_tokens(*, before_s: float) -> int:
        asked.append(before_s)
        purged.set()
        return 0

    monkeypatch.setattr(store, "purge_tokens", purge_tokens)
    monkeypatch.setattr("rechka.access.service.time.time", lambda: 1_800_000_000.0)
    access = Access(
        store,
        TokenSigner(Ed25519PrivateKey.generate(), created_at_s=0.0),
        hosts=(),
        default_quota=DEFAULT_QUOTA,
        lease_s=40.0,
        audit_days=90,
        login_failures_per_minute=0,
        on_trouble=lambda _: None,
    )
    await access.start()
    await purged.wait()
    await access.close()
    assert asked == [1_800_000_000.0 - 3600.0]
