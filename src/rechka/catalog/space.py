"""Whether a model fits on this machine."""

import os
from pathlib import Path

from rechka.errors import ErrorCode, RequestError

__all__ = ["check_disk", "check_memory", "total_memory_bytes"]

_MEMINFO = Path("/proc/meminfo")
_CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def check_disk(folder: Path, needed_bytes: int, *, what: str) -> None:
    """Refuse what does not fit.

    Args:
        folder: Where it is to lie; it exists.
        needed_bytes: Beyond what is there already.
        what: Names it in the error.

    Raises:
        RequestError: Less is free.
    """
    state = os.statvfs(folder)
    free = state.f_bavail * state.f_frsize
    if free < needed_bytes:
        raise RequestError(
            ErrorCode.INVALID_CONFIG,
            f"disk: {what} needs {_megabytes(needed_bytes)}, of which {folder} has "
            f"{_megabytes(free)} free",
        )


def check_memory(needed_bytes: int, *, what: str) -> None:
    """Refuse what this machine could never load.

    Args:
        needed_bytes: By one worker.
        what: Names it in the error.

    Raises:
        RequestError: The machine, or the container, has less in all.
    """
    total = total_memory_bytes()
    if total is not None and total < needed_bytes:
        raise RequestError(
            ErrorCode.INVALID_CONFIG,
            f"memory: {what} needs at least {_megabytes(needed_bytes)} to run, and this machine "
            f"has {_megabytes(total)}; --ignore-memory installs it all the same",
        )


def total_memory_bytes() -> int | None:
    """Return the memory of the machine, or of the container if that is less.

    None: the system does not tell.
    """
    found = [int(line.split()[1]) * 1024 for line in _lines(_MEMINFO) if "MemTotal:" in line]
    limits = (line for path in _CGROUP_LIMITS for line in _lines(path))
    found += [int(line) for line in limits if line.isdecimal()]
    return min(found, default=None)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").splitlines()
    except OSError:
        return []


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
