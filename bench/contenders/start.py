"""Starts the servers that are compared, each in a process of its own."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contenders.choice import Choice
from rechka.cli.bench.server import OwnServer, own_server, started_server

__all__ = ["SERVERS", "started"]

SERVERS = ("threads", "processes", "rechka")
"""In the order in which they are measured."""

_HERE = str(Path(__file__).resolve().parents[1])


@contextmanager
def started(contender: str, choice: Choice, *, streams: int) -> Iterator[OwnServer]:
    """Run a server until the end of the context.

    Args:
        contender: One of `SERVERS`.
        choice: What it serves.
        streams: Most streams at once; Rechka finds out by itself.

    Raises:
        UnavailableError: It did not start.
    """
    if contender == "rechka":
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder, "rechka.toml")
            config.write_text(choice.settings(), encoding="utf-8")
            with own_server(config, None) as server:
                yield server
        return
    command = (
        *(sys.executable, "-m", f"contenders.{contender}"),
        *("--choice", choice.to_json(), "--streams", str(streams)),
    )
    paths = [_HERE, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    with started_server(command, token="nobody asks", environment=environment) as server:
        yield server
