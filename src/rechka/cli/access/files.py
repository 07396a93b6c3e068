"""Files for secrets."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

__all__ = ["open_private"]


@contextmanager
def open_private(path: Path | None) -> Iterator[TextIO | None]:
    """Yield a file that only its owner may read; None if there is no path.

    It is opened before a secret is made, so that none is lost for want of it, and
    takes its place at the end: what was there stays if there is an error.

    Raises:
        ClickException: It cannot be written.
    """
    if path is None:
        yield None
        return
    try:
        if path.exists() and not path.is_file():
            # A pipe or a device, which is no place for another file.
            handle, name = os.open(path, os.O_WRONLY), None
        else:
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise click.ClickException(f"cannot write {path}: {error.strerror}") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            yield file
            file.flush()
            if name is not None:
                os.fsync(handle)
                Path(name).replace(path)
    except BaseException:
        if name is not None:
            Path(name).unlink(missing_ok=True)
        raise
