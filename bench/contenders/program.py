"""What the programs that `contenders.start` runs have in common."""

import argparse
import signal
import sys

from contenders.choice import Choice

__all__ = ["announce", "read_arguments"]


def read_arguments(description: str | None) -> argparse.Namespace:
    """Return `choice`, what is served, and `streams`, how many at most; and ignore Ctrl-C."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--choice", type=Choice.from_json, required=True)
    parser.add_argument("--streams", type=int, required=True)
    arguments = parser.parse_args()
    # A terminal sends Ctrl-C to the whole group; the bench decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return arguments


def announce(port: int, shape: str) -> None:
    """Say where it serves and that it is ready, as `rechka serve` does."""
    sys.stderr.write(f"gRPC on 127.0.0.1:{port}, {shape}\nready: now\n")
    sys.stderr.flush()
