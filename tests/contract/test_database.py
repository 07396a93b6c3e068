"""What a PostgreSQL says, and what is made of it."""

from pathlib import Path

import pytest
from sqlalchemy import Integer, bindparam, select, text
from sqlalchemy.exc import DBAPIError

from postgres_server import PostgresServer
from rechka.errors import RequestError, UnavailableError
from rechka.storage.access_sql import open_access_store
from rechka.storage.database import Database, database_trouble, parse_database_url


@pytest.mark.parametrize(
    "statement",
    [
        select(bindparam("value", 2**40, Integer)),
        select(bindparam("value", "a\x00b")),
        text("SELECT 1 / 0"),
        text("SELECT nothing"),
    ],
    ids=["too-great", "no-text", "no-number", "no-column"],
)
async def test_what_makes_no_sense_is_not_taken_for_an_outage(
    postgres: PostgresServer, tmp_path: Path, statement: object
) -> None:
    database = Database(parse_database_url(postgres.create_database(), data_dir=tmp_path))
    with pytest.raises(DBAPIError):
        async with database.read() as connection:
            await connection.execute(statement)  # type: ignore[call-overload]
    await database.close()


async def test_who_opens_a_database_that_is_not_there_is_told_why(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    url = postgres.create_database().replace("/rechka_", "/no_")
    with pytest.raises(
        UnavailableError, match=r'cannot be reached: database "no_\w+" does not exist'
    ):
        await open_access_store(url, data_dir=tmp_path)


async def test_options_that_the_driver_does_not_know_are_refused_by_name(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    with pytest.raises(RequestError, match=r"got application_name behind .* accepted: host"):
        await open_access_store(
            f"{postgres.create_database()}&application_name=x", data_dir=tmp_path
        )
    with pytest.raises(RequestError, match="sslmode: got 'maybe'; accepted: disable"):
        await open_access_store(f"{postgres.create_database()}&sslmode=maybe", data_dir=tmp_path)


async def trouble_with(database: Database, *statements: str) -> str | None:
    """Return what is told of a database that does not do one of these statements."""
    try:
        async with database.write() as connection:
            for statement in statements:
                await connection.execute(text(statement))
    except UnavailableError as error:
        return database_trouble(error.__cause__)
    finally:
        await database.close()
    return None


async def test_a_database_that_is_only_read_is_told_from_one_that_is_away(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    database = Database(parse_database_url(postgres.create_database(), data_dir=tmp_path))
    only_read = "SET TRANSACTION READ ONLY"
    trouble = await trouble_with(database, only_read, "CREATE TABLE anything (number INT)")
    assert trouble == "ReadOnlySQLTransactionError (25006)"


async def test_a_disk_that_is_full_is_told_by_the_code_of_sqlite(tmp_path: Path) -> None:
    database = Database(parse_database_url("", data_dir=tmp_path))
    full = "PRAGMA max_page_count = 1"
    trouble = await trouble_with(database, full, "CREATE TABLE anything (number INT)")
    assert trouble == "OperationalError (SQLITE_FULL)"
