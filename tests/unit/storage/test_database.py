"""Where the data is, and what is said when it is not there."""

from pathlib import Path

import pytest
from sqlalchemy import text

from rechka.errors import RequestError, UnavailableError
from rechka.storage.access_sql import open_access_store
from rechka.storage.database import Database, parse_database_url

HERE = Path("/data")


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("", "sqlite+aiosqlite:////data/rechka.db"),
        ("sqlite:////srv/x.db", "sqlite+aiosqlite:////srv/x.db"),
        ("postgresql://a@db/rechka", "postgresql+asyncpg://a@db/rechka"),
        ("postgres://a:b@db:5433/rechka", "postgresql+asyncpg://a:b@db:5433/rechka"),
        ("postgresql://a@db/x?sslmode=require", "postgresql+asyncpg://a@db/x?ssl=require"),
    ],
)
def test_urls_are_understood(url: str, meant: str) -> None:
    parsed = parse_database_url(url, data_dir=HERE)
    assert parsed.render_as_string(hide_password=False) == meant


@pytest.mark.parametrize("url", ["mysql://root:hunter2@db/x", "hunter2", "sqlite://"])
def test_other_urls_are_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_database_url(url, data_dir=HERE)
    assert "hunter2" not in str(caught.value)


async def test_a_database_that_is_away_is_named_as_such_without_its_password() -> None:
    with pytest.raises(UnavailableError) as caught:
        await open_access_store("postgresql://a:hunter2@127.0.0.1:1/x", data_dir=HERE)
    assert "hunter2" not in str(caught.value)


async def test_a_transaction_that_fails_writes_nothing(tmp_path: Path) -> None:
    database = Database(parse_database_url("", data_dir=tmp_path))
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE t (x INTEGER)"))

    async def fail() -> None:
        async with database.write() as connection:
            await connection.execute(text("INSERT INTO t VALUES (1)"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with database.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM t"))).scalar_one() == 0
    await database.close()


async def test_the_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    store = await open_access_store("", data_dir=tmp_path / "new")
    await store.close()
    for path in (tmp_path / "new").iterdir():
        assert path.stat().st_mode & 0o077 == 0, path


async def test_changes_that_an_operator_was_told_of_are_written_through_to_the_disk(
    tmp_path: Path,
) -> None:
    database = Database(parse_database_url("", data_dir=tmp_path))
    levels = []
    for durable in (False, True, False):
        async with database.write(durable=durable) as connection:
            level = await connection.exec_driver_sql("PRAGMA synchronous")
            levels.append(level.scalar_one())
    assert levels == [1, 2, 1]
    await database.close()
