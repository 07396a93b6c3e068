"""Bringing the schema up to date when a program starts."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from rechka.errors import ErrorCode, RequestError
from rechka.storage.database import Database

__all__ = ["migrate"]

_SCRIPTS = Path(__file__).parent / "migrations"
# Any number will do, as long as it is Rechka's and stays the same.
_LOCK = 7_235_413_210_042


async def migrate(database: Database) -> None:
    """Bring the schema up to date; programs that start together take turns.

    Raises:
        RequestError: The schema was made by newer code; nothing is changed.
        UnavailableError: The database is not reachable.
    """
    async with database.read() as connection:
        if await connection.run_sync(_is_current):
            return
    # The lock holds from here to the commit: on SQLite a writing transaction
    # keeps other writers out by itself.
    async with database.write() as connection:
        await database.lock(connection, _LOCK)
        if not await connection.run_sync(_is_current):
            await connection.run_sync(_upgrade)


def _is_current(connection: Connection) -> bool:
    scripts = ScriptDirectory(str(_SCRIPTS))
    known = {script.revision for script in scripts.walk_revisions()}
    have = set(MigrationContext.configure(connection).get_current_heads())
    if have - known:
        raise RequestError(
            ErrorCode.INVALID_CONFIG,
            f"The schema of the database ({', '.join(sorted(have))}) is newer than this "
            "version of Rechka; upgrade Rechka",
        )
    return have == set(scripts.get_heads())


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
