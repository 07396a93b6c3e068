"""Engines by name. An engine's code is imported when it is asked for."""

import importlib
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any

from rechka.errors import ErrorCode, RequestError
from rechka.recognition.combined import CombinedEngine
from rechka.recognition.port import Engine

__all__ = ["create_engine", "read_options"]

_ENGINES: Mapping[str, str] = MappingProxyType(
    {
        "ctc": "rechka.recognition.engines.ctc.engine:CtcEngine",
        "pocketsphinx": "rechka.recognition.engines.pocketsphinx.engine:PocketsphinxEngine",
        "scripted": "rechka.recognition.engines.scripted:ScriptedEngine",
    }
)


# Engines of a server that names none, in order of preference.
_AUTOMATIC = ("ctc", "pocketsphinx")


def create_engine(name: str | Sequence[str], options: Mapping[str, Any]) -> Engine:
    """Load an engine, or several that serve as one.

    Args:
        name: Registered name; several in order of preference; or "auto": each of `ctc`
            (if `options` name models for it) and `pocketsphinx` that is installed.
        options: The engine's own options; for several engines, and for "auto", those of
            each under its name.

    Raises:
        RequestError: There is no such engine, it is not installed, or an option
            is not accepted.
    """
    if name == "auto":
        names = [item for item in _AUTOMATIC if _is_usable(item, options)]
    elif isinstance(name, str):
        return _load(name, options)
    else:
        names = list(name)
    if not names:
        raise _refusal("recognition.engine", f"got {name!r}; accepted: {', '.join(_ENGINES)}")
    for item in options:
        if item not in (_AUTOMATIC if name == "auto" else names):
            field = f"recognition.engine_options.{item}"
            problem = f"no engine of that name is served; accepted: {', '.join(names)}"
            raise _refusal(field, problem)
    return CombinedEngine([_load(item, options.get(item, {})) for item in names])


def _is_usable(name: str, options: Mapping[str, Any]) -> bool:
    if name == "ctc":
        return bool(options.get(name))
    return find_spec(name) is not None


def _load(name: str, options: Mapping[str, Any]) -> Engine:
    if name not in _ENGINES:
        raise _refusal("recognition.engine", f"got {name!r}; accepted: {', '.join(_ENGINES)}")
    module, _, attribute = _ENGINES[name].partition(":")
    try:
        factory = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        problem = f"engine {name!r} needs the package {error.name!r}, which is not installed"
        raise _refusal("recognition.engine", problem) from error
    engine: Engine = factory(options)
    return engine


def read_options(options: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return an engine's options over its defaults.

    Raises:
        RequestError: An option is not known, or is of another type than its default.
    """
    for name, value in options.items():
        field = f"recognition.engine_options.{name}"
        if name not in defaults:
            raise _refusal(field, f"unknown option; accepted: {', '.join(defaults)}")
        kind = type(defaults[name])
        accepted = (int, float) if kind is float else (kind,)
        if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
            raise _refusal(field, f"got {value!r}; accepted: a value of type {kind.__name__}")
    return {**defaults, **options}


def _refusal(field: str, problem: str) -> RequestError:
    return RequestError(
        ErrorCode.INVALID_CONFIG, f"settings: {field}: {problem}", violations={field: problem}
    )
