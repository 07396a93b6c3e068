"""The error that an option of the engine is not accepted."""

from rechka.errors import ErrorCode, RequestError

__all__ = ["refuse_option"]


def refuse_option(option: str, problem: str) -> RequestError:
    """Return the error that an option of the engine is not accepted."""
    field = f"recognition.engine_options.{option}"
    return RequestError(
        ErrorCode.INVALID_CONFIG, f"settings: {field}: {problem}", violations={field: problem}
    )
