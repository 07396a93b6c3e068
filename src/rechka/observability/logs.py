"""The log: one JSON object a line on standard error, without speech or secrets."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

import structlog

from rechka.observability.lines import LineWriter

__all__ = ["configure_logging", "dropped_lines", "flush_lines", "write_line"]

# Some minutes of a busy server, and a few MB.
_MOST_LINES = 10_000


def _dropped_text(count: int) -> str:
    return f"{count} lines of the log were dropped"


def _dropped_json(count: int) -> str:
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    facts = {"count": count, "event": "log_lines_dropped", "level": "warning", "timestamp": now}
    return json.dumps(facts)


_lines = LineWriter(most_lines=_MOST_LINES, describe=_dropped_text)


def write_line(line: str) -> None:
    """Have a line written to standard error, without waiting; it may be dropped."""
    _lines.write(line)


def dropped_lines() -> int:
    """Return how many lines of this process were dropped: there was no room, or no reader."""
    return _lines.dropped


def flush_lines() -> None:
    """Wait until what was logged is written, for a second at most."""
    _lines.flush()


class _LineHandler(logging.Handler):
    """What the standard library's loggers call."""

    def emit(self, record: logging.LogRecord) -> None:
        """Have a message written, without waiting."""
        write_line(self.format(record))


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
    _lines.describe = _dropped_text if is_terminal else _dropped_json
    # Without it the event loop writes its own complaints, and waits.
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[_LineHandler()])
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
