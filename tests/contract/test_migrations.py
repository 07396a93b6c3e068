"""The schema: from nothing to the newest, by several programs at once, never back."""

import asyncio
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from rechka.errors import RequestError
from rechka.storage.database import Database, parse_database_url
from rechka.storage.migrate import migrate
from rechka.storage.schema import metadata


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres").create_database())
    return ""


def open_one(url: str, tmp_path: Path) -> Database:
    return Database(parse_database_url(url, data_dir=tmp_path))


async def test_the_migrations_make_what_the_tables_say(url: str, tmp_path: Path) -> None:
    database = open_one(url, tmp_path)
    await migrate(database)

    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with database.read() as connection:
        assert await connection.run_sync(differences) == []
    await database.close()


async def test_programs_that_start_together_take_turns(url: str, tmp_path: Path) -> None:
    databases = [open_one(url, tmp_path) for _ in range(4)]
    await asyncio.gather(*(migrate(database) for database in databases))
    async with databases[0].read() as connection:
        states = await connection.execute(text("SELECT count(*) FROM access_state"))
        assert states.scalar_one() == 1
    for database in databases:
        await database.close()


async def test_a_schema_of_newer_code_is_refused_and_left_alone(url: str, tmp_path: Path) -> None:
    database = open_one(url, tmp_path)
    await migrate(database)
    async with database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999_future'"))
    with pytest.raises(RequestError, match=r"9999_future.* is newer than this version"):
        await migrate(database)
    async with database.read() as connection:
        version = await connection.execute(text("SELECT version_num FROM alembic_version"))
        assert version.scalar_one() == "9999_future"
    await database.close()


async def test_every_constraint_has_a_name() -> None:
    for table in metadata.tables.values():
        assert all(constraint.name for constraint in table.constraints), table.name
        assert all(index.name for index in table.indexes), table.name
