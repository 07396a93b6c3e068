"""Reads TOML that an operator, or who made a model, has written."""

import tomllib
from pathlib import Path
from typing import Any

from rechka.errors import ErrorCode, RequestError

__all__ = ["parse_toml", "read_toml"]


def parse_toml(text: str, place: Path | str) -> dict[str, Any]:
    """Return the table that a text means.

    Args:
        text: Of the file.
        place: Names it in errors.

    Raises:
        RequestError: It is no TOML, is nested too deep, or has a number that is too long.
    """
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise RequestError(ErrorCode.INVALID_CONFIG, f"{place}: {error}") from None


def read_toml(path: Path) -> dict[str, Any]:
    """Return the table of a file.

    Raises:
        RequestError: It cannot be read, or as `parse_toml`.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(ErrorCode.INVALID_CONFIG, f"{path}: {error}") from None
    return parse_toml(text, path)
