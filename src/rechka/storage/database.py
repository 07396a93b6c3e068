"""One database: SQLite in a file, or PostgreSQL shared by several servers."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, ColumnElement, Double, cast, event, func, literal, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.schema import Table
from sqlalchemy.util import await_only

from rechka.errors import ErrorCode, RequestError, UnavailableError

__all__ = ["Database", "database_trouble", "parse_database_url"]

_CONNECT_TIMEOUT_S = 5
_STATEMENT_TIMEOUT_S = 10
# How long a writer of another process is waited for.
_SQLITE_BUSY_MS = 10_000
_LOG_ATTEMPTS, _LOG_PAUSE_S = 200, 0.01
# What libpq and the driver both understand.
_POSTGRES_OPTIONS = frozenset({"host", "port", "passfile", "sslmode", "target_session_attrs"})
_LAST_PORT = 65_535
_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_DRIVERS = {
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
}


def parse_database_url(url: str, *, data_dir: Path) -> URL:
    """Return where the data is.

    Args:
        url: As in "postgresql://user@host/name" or "sqlite:///path"; "" stands
            for the file `rechka.db` of the data folder.
        data_dir: Folder of everything that the server keeps.

    Raises:
        RequestError: It cannot be read, or names a database that is not served.
    """
    if not url:
        return URL.create("sqlite+aiosqlite", database=str(data_dir / "rechka.db"))
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # The text may hold a password, so it is not repeated.
        raise _bad_url("it is not of the form postgresql://user@host/name") from None
    if parsed.drivername not in _DRIVERS:
        raise _bad_url(f"got {parsed.drivername!r}; accepted: postgresql, sqlite")
    parsed = parsed.set(drivername=_DRIVERS[parsed.drivername])
    if parsed.drivername.startswith("sqlite") and not parsed.database:
        raise _bad_url("a SQLite database needs a file")
    if not parsed.drivername.startswith("sqlite"):
        _check_query(parsed)
    if "sslmode" in parsed.query:
        # The driver's own name for what libpq calls sslmode.
        mode = parsed.query["sslmode"]
        parsed = parsed.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})
    if not parsed.drivername.startswith("sqlite"):
        _check_ports(parsed)
    return parsed


def _check_query(url: URL) -> None:
    if unknown := sorted(set(url.query) - _POSTGRES_OPTIONS):
        accepted = ", ".join(sorted(_POSTGRES_OPTIONS))
        raise _bad_url(f"got {', '.join(unknown)} behind the '?'; accepted: {accepted}")
    mode = url.query.get("sslmode", "prefer")
    if mode not in _SSL_MODES:
        raise _bad_url(f"sslmode: got {mode!r}; accepted: {', '.join(_SSL_MODES)}")


def _check_ports(url: URL) -> None:
    """Check the ports, which may stand behind the host or, of several hosts, behind the '?'."""
    try:
        _, arguments = url.get_dialect()().create_connect_args(url)
    except (ArgumentError, ValueError):
        raise _bad_url("its hosts and ports do not fit together") from None
    ports = arguments.get("port")
    # SQLAlchemy takes port 0 for none.
    for port in [url.port, *(ports if isinstance(ports, list) else [ports])]:
        if port is not None and not 0 < port <= _LAST_PORT:
            raise _bad_url(f"got port {port}; accepted: 1 to {_LAST_PORT}")


class Database:
    """Connections, and the transactions on them.

    Args:
        url: From `parse_database_url`. The folder of a SQLite file is made.
        clock: Seconds since the epoch; None means the time of the machine that
            all users of the database share: PostgreSQL's, or this one.

    Raises:
        RequestError: The file cannot be made.

    Threading: one event loop.
    """

    def __init__(self, url: URL, *, clock: Callable[[], float] | None = None) -> None:
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self._clock = clock or (time.time if self.is_sqlite else None)
        options: dict[str, Any] = {"hide_parameters": True, "pool_timeout": _CONNECT_TIMEOUT_S}
        if self.is_sqlite:
            _make_file(Path(url.database or ""))
        else:
            # A server outlives restarts of its database: dead connections are found out.
            options["pool_pre_ping"] = True
            options["pool_size"] = 8
            options["connect_args"] = {
                "timeout": _CONNECT_TIMEOUT_S,
                "command_timeout": _STATEMENT_TIMEOUT_S,
            }
        self._engine = create_async_engine(url, **options)
        if self.is_sqlite:
            event.listen(self._engine.sync_engine, "connect", _set_up_sqlite)
            self._reader = self._engine
        else:
            self._reader = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        # SQLite lets one writer in at a time. Waiting here is fair and wakes at
        # once; waiting in SQLite is polling, up to 100 ms apart.
        self._writing = asyncio.Semaphore(1 if self.is_sqlite else 1_000_000)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Yield a connection on which each statement stands for itself.

        Raises:
            UnavailableError: The database is not reachable.
        """
        with _reachable():
            async with self._reader.connect() as connection:
                yield connection

    @asynccontextmanager
    async def write(self, *, durable: bool = False) -> AsyncIterator[AsyncConnection]:
        """Yield a connection in a transaction that is committed at the end.

        Args:
            durable: Whether it must outlive a loss of power. On SQLite that costs a
                wait for the disk, which leases and usage are not worth: a revocation
                that was confirmed is.

        Raises:
            UnavailableError: The database is not reachable.

        Cancellation: nothing is written, but the connection is lost, and SQLite may
        stay locked for a while; see `rechka.storage.uninterrupted`.
        """
        with _reachable():
            async with self._writing, self._engine.connect() as connection:
                if self.is_sqlite:
                    if durable:
                        await connection.exec_driver_sql("PRAGMA synchronous = FULL")
                    # A transaction that reads first and writes then could fail halfway.
                    await connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield connection
                await connection.commit()
                if self.is_sqlite and durable:
                    await connection.exec_driver_sql("PRAGMA synchronous = NORMAL")

    def insert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        """Return an INSERT that knows ON CONFLICT."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    def now(self) -> ColumnElement[float]:
        """Return the time of the statement's start, in seconds since the epoch."""
        if self._clock is not None:
            return literal(self._clock(), Double)
        return cast(func.extract("epoch", func.statement_timestamp()), Double)

    def today(self) -> ColumnElement[str]:
        """Return the day of `now`, UTC, as in "2026-01-31"."""
        if self._clock is not None:
            return literal(datetime.fromtimestamp(self._clock(), UTC).date().isoformat())
        now = func.timezone("UTC", func.statement_timestamp())
        return func.to_char(now, "YYYY-MM-DD")

    async def lock(self, connection: AsyncConnection, name: int) -> None:
        """Keep all others who ask for `name` out until the transaction ends."""
        if not self.is_sqlite:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:name)"), {"name": name})

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()


def _make_file(path: Path) -> None:
    """Make an empty file for SQLite, which gives its other files the mode of this one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)
    except OSError as error:
        raise RequestError(
            ErrorCode.INVALID_CONFIG, f"cannot write the database {path}: {error.strerror}"
        ) from None


def _set_up_sqlite(connection: DBAPIConnection, _record: object) -> None:
    # The driver begins no transactions of its own: `Database.write` does.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_SQLITE_BUSY_MS}")
    _keep_log(cursor)
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _keep_log(cursor: DBAPICursor) -> None:
    """Have a file written through a log, whose readers no writer keeps out.

    A new file is changed to it once, by the first program; for that SQLite does not wait
    until the others let go.
    """
    for attempt in range(_LOG_ATTEMPTS):
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not is_busy or attempt + 1 == _LOG_ATTEMPTS:
                raise
            await_only(asyncio.sleep(_LOG_PAUSE_S))
        else:
            return


class _reachable:  # noqa: N801
    """Turns failures of the connection into the error that tells them."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, DBAPIError) and _is_our_fault(error):
            return
        if isinstance(error, DBAPIError | PoolTimeoutError | OSError | TimeoutError):
            raise UnavailableError(
                ErrorCode.UNAVAILABLE, "The database of the server cannot be reached"
            ) from error


def database_trouble(error: BaseException | None) -> str | None:
    """Return what kept a statement from being done, by the names of its kind alone.

    The texts of drivers tell values and addresses; their classes and codes tell a full disk, a
    database that is only read and one that is away apart.

    Args:
        error: The cause of what `Database` raised; None if there is none.
    """
    if error is None:
        return None
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    # asyncpg's own error is the cause of the one that SQLAlchemy makes of it.
    code = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None)
    name = type(cause.__cause__ or cause).__name__
    return f"{name} ({code})" if code else name


def _is_our_fault(error: DBAPIError) -> bool:
    """Return whether the database answered, and what was asked of it made no sense."""
    if isinstance(error, IntegrityError | ProgrammingError | DataError):
        return True
    # Values that are out of range: found by PostgreSQL, or by its driver before.
    is_data = str(getattr(error.orig, "sqlstate", None) or "").startswith("22")
    return is_data or isinstance(getattr(error.orig, "__cause__", None), ValueError)


def _bad_url(problem: str) -> RequestError:
    return RequestError(ErrorCode.INVALID_CONFIG, f"database URL: {problem}")
