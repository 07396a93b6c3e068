"""A server of our own in a process of its own, so that its cost can be told from the load's."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rechka.errors import ErrorCode, UnavailableError

__all__ = ["OwnServer", "own_server", "started_server"]

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_POLL_S = 0.05
_ADDRESS = re.compile(r"gRPC on (\S+),")
_PROPORTIONAL = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class OwnServer:
    """A running server.

    Attributes:
        endpoint: Host and port of its gRPC API.
        token: IAM token of its development folder.
        pid: Of the server; its workers are its children.
    """

    endpoint: str
    token: str
    pid: int

    def processor_s(self) -> tuple[float, float]:
        """Return the processor time of the server and of its workers so far."""
        workers = sum(_processor_s(pid) for pid in _children(self.pid))
        return _processor_s(self.pid), workers

    def memory_bytes(self) -> int:
        """Return what the server and its workers hold in memory; shared pages count once."""
        return sum(_memory_bytes(pid) for pid in (self.pid, *_children(self.pid)))


@contextmanager
def own_server(config: Path | None, models: Path | None) -> Iterator[OwnServer]:
    """Start a server on free ports with a data folder of its own; stop it afterwards.

    Args:
        config: Settings; ports, data folder and quotas are set here all the same.
        models: Folder of installed models; None serves the starter models.

    Raises:
        UnavailableError: It did not start.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "RECHKA_ACCESS__SESSIONS_PER_S": "0",
            "RECHKA_ACCESS__CONCURRENT_SESSIONS": "0",
        }
        Path(folder, "data").mkdir()
        if models is not None:
            Path(folder, "data", "models").symlink_to(models.absolute())
        rechka = (sys.executable, "-m", "rechka")
        data = ("--data-dir", str(Path(folder, "data")))
        made = subprocess.run(  # noqa: S603 - our own command
            (*rechka, "access", "bootstrap", "--json", *data),
            env=environment,
            check=True,
            stdout=subprocess.PIPE,
        )
        token = json.loads(made.stdout)["iam_token"]
        settings = () if config is None else ("--config", str(config))
        ports = ("--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0")
        serve = (*rechka, "serve", "--log-level", "warning", *ports, *data, *settings)
        with started_server(serve, token=token, environment=environment) as server:
            yield server


@contextmanager
def started_server(
    command: Sequence[str], *, token: str, environment: Mapping[str, str]
) -> Iterator[OwnServer]:
    """Run a server until the end of the context.

    Args:
        command: Starts it; says on standard error where it listens and when it is ready,
            in the words of `rechka serve`.
        token: What it lets in.
        environment: Of its process.

    Raises:
        UnavailableError: It did not start.
    """
    with tempfile.NamedTemporaryFile("w+") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command
            command, env=environment, stderr=log
        )
        try:
            yield OwnServer(_wait_ready(process, Path(log.name)), token, process.pid)
        finally:
            process.terminate()
            process.wait()


def _wait_ready(process: "subprocess.Popen[bytes]", log: Path) -> str:
    """Return the address once the server says that it is ready."""
    while True:
        has_ended = process.poll() is not None
        text = log.read_text(encoding="utf-8")
        address = _ADDRESS.search(text)
        if address and "\nready: " in text:
            return address[1]
        if has_ended:
            reason = text.strip().rpartition("\n")[2]
            raise UnavailableError(ErrorCode.UNAVAILABLE, f"the server did not start: {reason}")
        time.sleep(_POLL_S)


def _children(pid: int) -> list[int]:
    names = [folder.name for folder in Path("/proc").iterdir() if folder.name.isdigit()]
    return [int(name) for name in names if _stat(int(name))[1:2] == [str(pid)]]


def _processor_s(pid: int) -> float:
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S if fields else 0.0


def _memory_bytes(pid: int) -> int:
    """Return the proportional set of a process: a page of several counts a part in each."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    found = _PROPORTIONAL.search(text)
    return int(found[1]) * 1024 if found else 0


def _stat(pid: int) -> list[str]:
    """Return the fields of a process after its name; none if it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()
