"""Looks for secrets in everything that the tests write.

Each secret that is made while the tests run is noted. A test that prints one,
or logs one, fails, whatever else it found.
"""

from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest

from rechka.access.administration import Administration
from rechka.access.tokens import TokenSigner

__all__ = ["find_secrets", "note_secret", "watch_secrets"]

_SECRETS: set[str] = set()
_MARK = "-----"


def note_secret(secret: str) -> None:
    """Look for this secret too, and for its telling parts."""
    lines = [line for line in secret.splitlines() if _MARK not in line]
    _SECRETS.update(line for line in lines if len(line) >= 16)
    if secret.startswith("t1."):
        _SECRETS.add(secret.rpartition(".")[2])


def find_secrets(text: str) -> list[str]:
    """Return the first characters of the secrets that a text holds."""
    return [f"{secret[:6]}…" for secret in _SECRETS if secret in text]


@pytest.fixture(scope="session", autouse=True)
def watch_secrets() -> Iterator[None]:
    """Note every secret that is made."""
    with pytest.MonkeyPatch.context() as patch:
        sign = TokenSigner.sign

        def noted_sign(self: TokenSigner, claims: Any) -> str:
            token = sign(self, claims)
            note_secret(token)
            return token

        patch.setattr(TokenSigner, "sign", noted_sign)
        for name in ("create_api_key", "create_authorized_key"):
            patch.setattr(Administration, name, _noted(getattr(Administration, name)))
        yield


def _noted(create: Callable[..., Any]) -> Callable[..., Any]:
    async def noted(*arguments: Any, **options: Any) -> Any:
        made = await create(*arguments, **options)
        note_secret(made[1])
        return made

    return noted


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    """Fail a test whose output holds a secret."""
    report: Any = yield
    found = find_secrets("".join(content for _, content in report.sections))
    if found and report.outcome != "failed":
        report.outcome = "failed"
        report.longrepr = f"the output of this test holds secrets: {', '.join(found)}"
    return report
