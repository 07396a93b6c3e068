"""A PostgreSQL server of the tests' own: on a Unix socket, in a temporary folder."""

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

__all__ = ["PostgresServer", "run_postgres"]

_PLACES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
_SETTINGS = (
    "listen_addresses=''",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "shared_buffers=16MB",
    "max_connections=200",
)


class PostgresServer:
    """A running server."""

    def __init__(self, folder: Path, psql: Path) -> None:
        self._folder = folder
        self._psql = psql

    def create_database(self) -> str:
        """Return the URL of a fresh, empty database."""
        name = f"rechka_{uuid.uuid4().hex}"
        self._run(f"CREATE DATABASE {name}")
        return f"postgresql://rechka@/{name}?host={self._folder}"

    def shut_out(self, url: str) -> None:
        """End all connections to a database and take no new ones."""
        name = _name(url)
        self._run(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false")
        self._run(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        )

    def let_in(self, url: str) -> None:
        """Take connections to a database again."""
        self._run(f"ALTER DATABASE {_name(url)} WITH ALLOW_CONNECTIONS true")

    def _run(self, statement: str) -> None:
        place = ["-h", str(self._folder), "-U", "rechka", "-d", "postgres"]
        command = [str(self._psql), *place, "-qc", statement]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _name(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


@contextmanager
def run_postgres() -> Iterator[PostgresServer]:
    """Start a server and stop it; skip the test where there is none to start."""
    programs: dict[str, Path] = {name: _find(name) for name in ("initdb", "pg_ctl", "psql")}
    owner = _owner()
    # A socket's path is at most 107 bytes long, so pytest's own folders will not do.
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    try:
        if owner is not None:
            shutil.chown(folder, owner)
        folder.chmod(0o755)
        _run(
            [programs["initdb"], "-D", folder / "data", "-U", "rechka", "-A", "trust", "-N"], owner
        )
        options = " ".join(
            f"-c {setting}" for setting in (*_SETTINGS, f"unix_socket_directories={folder}")
        )
        control: list[str | Path] = [programs["pg_ctl"], "-D", folder / "data", "-w"]
        _run([*control, "-l", folder / "log", "-o", options, "start"], owner)
        try:
            yield PostgresServer(folder, programs["psql"])
        finally:
            _run([*control, "-m", "immediate", "stop"], owner)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _find(name: str) -> Path:
    found = shutil.which(name, path=os.pathsep.join([*map(str, _PLACES), os.environ["PATH"]]))
    if found is None:
        pytest.skip(f"PostgreSQL's {name} is not installed (Debian package: postgresql)")
    return Path(found)


def _owner() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _run(command: list[str | Path], owner: str | None) -> None:
    result = subprocess.run(
        command,
        user=owner,
        group=pwd.getpwnam(owner).pw_gid if owner else None,
        extra_groups=[] if owner else None,
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    if result.returncode:
        pytest.fail(f"{command[0]}: {result.stderr}")
