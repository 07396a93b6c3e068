"""The errors of the engine's start: a file that is no good, an option that is not accepted."""

from pathlib import Path

from rechka.errors import ErrorCode, RequestError

__all__ = ["refuse_file", "refuse_option"]


def refuse_file(path: Path, problem: str) -> RequestError:
    """Return the error that a file or a folder of a model is no good."""
    return RequestError(ErrorCode.INVALID_CONFIG, f"{path}: {problem}")


def refuse_option(option: str, problem: str) -> RequestError:
    """Return the error that an option of the engine is not accepted."""
    field = f"recognition.engine_options.{option}"
    return RequestError(
        ErrorCode.INVALID_CONFIG, f"settings: {field}: {problem}", violations={field: problem}
    )
