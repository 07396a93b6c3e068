"""The access store in SQL, whole."""

from collections.abc import Callable
from pathlib import Path

from rechka.storage.access_audit import SqlAuditTrail
from rechka.storage.access_credentials import SqlCredentials
from rechka.storage.access_directory import SqlDirectory
from rechka.storage.access_metering import SqlMetering
from rechka.storage.database import Database, parse_database_url
from rechka.storage.migrate import migrate

__all__ = ["SqlAccessStore", "open_access_store"]


class SqlAccessStore(SqlDirectory, SqlCredentials, SqlMetering, SqlAuditTrail):
    """An `AccessStore` on a database whose schema is up to date.

    Threading: one event loop.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def close(self) -> None:
        """Close all connections."""
        await self._database.close()


async def open_access_store(
    url: str, *, data_dir: Path, clock: Callable[[], float] | None = None
) -> SqlAccessStore:
    """Return the store at `url`, after bringing its schema up to date.

    Args:
        url: As `parse_database_url` takes it; "" is a file in the data folder.
        data_dir: Folder of everything that the server keeps.
        clock: Seconds since the epoch, for tests; None is the database's own.

    Raises:
        RequestError: The URL is not accepted, or the schema is newer than this code.
        UnavailableError: The database is not reachable.
    """
    database = Database(parse_database_url(url, data_dir=data_dir), clock=clock)
    try:
        await migrate(database)
    except BaseException:
        await database.close()
        raise
    return SqlAccessStore(database)
