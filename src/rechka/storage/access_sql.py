"""The access store in SQL, whole."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from rechka.errors import UnavailableError
from rechka.storage.access_audit import SqlAuditTrail
from rechka.storage.access_credentials import SqlCredentials
from rechka.storage.access_directory import SqlDirectory
from rechka.storage.access_metering import SqlMetering
from rechka.storage.database import Database, parse_database_url
from rechka.storage.migrate import migrate
from rechka.storage.uninterrupted import uninterrupted

__all__ = ["SqlAccessStore", "open_access_store"]

_POSTGRESQL_PORT = 5432


@uninterrupted
class SqlAccessStore(SqlDirectory, SqlCredentials, SqlMetering, SqlAuditTrail):
    """An `AccessStore` on a database whose schema is up to date.

    Cancellation: a method that has begun ends first, and then its caller.
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
    place = parse_database_url(url, data_dir=data_dir)
    database = Database(place, clock=clock)
    try:
        await migrate(database)
    except UnavailableError as error:
        await database.close()
        # Whoever opens the store may know why; callers of a running server may not.
        at = f" at {place.host}:{place.port or _POSTGRESQL_PORT}" if place.host else ""
        raise UnavailableError(
            error.code, f"The database{at} cannot be reached: {_reason(error.__cause__)}"
        ) from error.__cause__
    except BaseException:
        await database.close()
        raise
    return SqlAccessStore(database)


def _reason(cause: BaseException | None) -> str:
    """Return one line of what the driver says; it names no password and no values."""
    told = cause.orig if isinstance(cause, DBAPIError) and cause.orig else cause
    if isinstance(told, TimeoutError):
        return "it does not answer in time"
    # The driver's class stands before its own text.
    text = str(getattr(told, "__cause__", None) or told)
    return " ".join(text.split()) or type(told).__name__
