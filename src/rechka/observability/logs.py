"""The log: one JSON object a line on standard error, without speech or secrets."""

import logging
import os
import sys
import threading
from typing import Any

import structlog

__all__ = ["configure_logging", "write_line"]


class _Lines:
    """Writes lines to standard error, and drops those that it does not take.

    A disk that is full, or a reader that is gone, must not end a session. The lines go
    past Python's buffer, which would keep a failed one and fail again at every later one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_torn = False

    def write(self, line: str) -> None:
        with self._lock:
            # What was cut off in the middle stays a line of its own.
            data = (b"\n" * self._is_torn) + line.encode(errors="backslashreplace") + b"\n"
            while data:
                try:
                    written = os.write(sys.stderr.fileno(), data)
                except OSError:
                    break
                self._is_torn = not data[:written].endswith(b"\n")
                data = data[written:]


_lines = _Lines()


def write_line(line: str) -> None:
    """Write a line to standard error; one that cannot be written is dropped."""
    _lines.write(line)


class _LineLogger:
    """What structlog calls with lines that are ready."""

    def __init__(self, *_: Any) -> None:
        """Take the names that structlog passes on; none is used."""

    def msg(self, line: str) -> None:
        write_line(line)

    debug = info = warning = error = critical = exception = msg


def configure_logging(*, level: str = "info") -> None:
    """Send the project's events to standard error.

    On a terminal they are written for a person, elsewhere as JSON.

    Args:
        level: Least level that is written: debug, info, warning or error.
    """
    is_terminal = sys.stderr.isatty()
    # Local variables never go into a traceback: they hold tokens, audio and text.
    renderer: structlog.typing.Processor
    if is_terminal:
        renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    else:
        renderer = structlog.processors.JSONRenderer()
    transformer = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    tracebacks = [] if is_terminal else [structlog.processors.ExceptionRenderer(transformer)]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *tracebacks,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=_LineLogger,
    )
