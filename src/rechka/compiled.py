"""Loops in machine code, for what numpy cannot do in few calls.

A function is compiled when its module is imported, for the one signature that is
written with it, so that nothing is compiled while somebody waits for an answer. What
was compiled is kept on disk: beside the source, or where that cannot be written, in the
folder for caches of the user. Where neither can be, it is compiled anew in each process,
which takes seconds.

A compiled function contains the functions that it calls and the numbers that it names.
All of these stand in modules of its own folder, and what is kept is used as long as none of
them has changed. Assignments element by element are compiled in half the time that slices
take.
"""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numba  # type: ignore[import-untyped, unused-ignore]

__all__ = ["compiled"]

_P = ParamSpec("_P")
_R = TypeVar("_R")

_PREFIX = "compiled-"
_LOCK = "lock"


def compiled(signature: str) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Compile a function of numbers and arrays; it runs without Python's lock.

    Bounds are not checked, and a division by zero gives infinity, as in numpy.

    Args:
        signature: Types of result and arguments as numba writes them: `f4[::1]` is an
            array of 32-bit floats without gaps.
    """

    def decorate(function: Callable[_P, _R]) -> Callable[_P, _R]:
        kept_in = _folder_of(Path(function.__code__.co_filename).parent)
        with _keeping_in(kept_in):
            decorate = numba.njit(
                signature, cache=kept_in is not None, nogil=True, error_model="numpy"
            )
            result: Callable[_P, _R] = decorate(function)
        return result

    return decorate


@cache
def _folder_of(sources: Path) -> Path | None:
    """Return where functions of a folder of modules are kept; None if nothing can be written."""
    digest = hashlib.sha256()
    for source in sorted(sources.glob("*.py")):
        digest.update(source.read_bytes() + b"\0")
    name = _PREFIX + digest.hexdigest()[:16]
    own = sources / "__pycache__"
    parents = [own]
    # A user that the system does not know, as in a container, has no home.
    with suppress(RuntimeError):
        user = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
        parents.append(user / "rechka")
    for parent in parents:
        folder = parent / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError:
            continue
        if parent == own:
            # What was compiled of modules that have changed since is of no use any more.
            for other in parent.glob(_PREFIX + "*"):
                if other != folder:
                    shutil.rmtree(other, ignore_errors=True)
        return folder
    return None


@contextmanager
def _keeping_in(folder: Path | None) -> Iterator[None]:
    config: Any = numba.config
    before = config.CACHE_DIR
    config.CACHE_DIR = "" if folder is None else str(folder)
    try:
        if folder is None:
            yield
        else:
            # Of processes that start together one compiles, and the others take it over.
            with (folder / _LOCK).open("wb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
    finally:
        config.CACHE_DIR = before
