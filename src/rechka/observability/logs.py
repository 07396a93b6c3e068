"""The log: one JSON object a line on standard error, without speech or secrets."""

import logging
import sys

import structlog

__all__ = ["configure_logging"]


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
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
