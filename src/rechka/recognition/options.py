"""The options that an engine takes from the settings."""

from collections.abc import Mapping
from typing import Any

from rechka.errors import RequestError, refused_setting

__all__ = ["read_options", "refuse_option"]


def read_options(options: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return an engine's options over its defaults.

    Raises:
        RequestError: An option is not known, or is of another type than its default.
    """
    for name, value in options.items():
        if name not in defaults:
            raise refuse_option(name, f"unknown option; accepted: {', '.join(defaults)}")
        kind = type(defaults[name])
        accepted = (int, float) if kind is float else (kind,)
        if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
            raise refuse_option(name, f"got {value!r}; accepted: a value of type {kind.__name__}")
    return {**defaults, **options}


def refuse_option(option: str, problem: str) -> RequestError:
    """Return the error that an option of an engine is not accepted."""
    return refused_setting(f"recognition.engine_options.{option}", problem)
