"""The options that an engine takes from the settings."""

from collections.abc import Mapping
from typing import Any

from rechka.errors import RequestError, refused_setting

__all__ = ["read_options", "refusal_beside_others", "refuse_option"]

_PREFIX = "recognition.engine_options."


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
    return refused_setting(f"{_PREFIX}{option}", problem)


def refusal_beside_others(error: RequestError, engine: str) -> RequestError:
    """Return an engine's error as it is where each of several engines has a table of options.

    Args:
        error: What the engine raised, which does not know whether it serves alone.
        engine: Its name, under which its options stand.
    """
    if len(error.violations) != 1:
        return error
    ((field, problem),) = error.violations.items()
    if not field.startswith(_PREFIX):
        return error
    return refuse_option(f"{engine}.{field.removeprefix(_PREFIX)}", problem)
