"""Engines by name. An engine's code is imported when it is asked for.

The project's own are in the table here; those of other distributions are found by
entry points (`rechka.recognition.plugins`). A name of our own cannot be taken.
"""

import importlib
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from rechka.errors import RequestError, refused_setting
from rechka.recognition.claims import check_engine
from rechka.recognition.combined import CombinedEngine
from rechka.recognition.options import refusal_beside_others, refuse_option
from rechka.recognition.plugins import AmbiguousEngineError, find_plugin, plugin_names
from rechka.recognition.port import Engine

__all__ = ["check_model", "create_engine", "engine_names", "how_to_install", "installed_engines"]


class _Entry(NamedTuple):
    """An engine of the project.

    Attributes:
        target: Module and class.
        package: What it needs to be installed; "" for one that runs no models.
        extra: The extra of `rechka` that brings the package.
        check: Module and function that checks the folder of a model, without the package;
            "" for one whose models lie in none.
    """

    target: str
    package: str
    extra: str = "server"
    check: str = ""


_ENGINES: Mapping[str, _Entry] = MappingProxyType(
    {
        "ctc": _Entry(
            "rechka.recognition.engines.ctc.engine:CtcEngine",
            "onnxruntime",
            check="rechka.recognition.engines.ctc.manifest:check_folder",
        ),
        "pocketsphinx": _Entry(
            "rechka.recognition.engines.pocketsphinx.engine:PocketsphinxEngine", "pocketsphinx"
        ),
        "sherpa": _Entry(
            "rechka.recognition.engines.sherpa.engine:SherpaEngine",
            "sherpa_onnx",
            "sherpa",
            "rechka.recognition.engines.sherpa.model_folder:check_folder",
        ),
        "scripted": _Entry("rechka.recognition.engines.scripted:ScriptedEngine", ""),
        "vosk": _Entry(
            "rechka.recognition.engines.vosk.engine:VoskEngine",
            "vosk",
            "vosk",
            "rechka.recognition.engines.vosk.model_folder:read_folder",
        ),
    }
)


def check_model(engine: str, folder: Path) -> None:
    """Check what can be checked of a model without loading it, nor its engine.

    Of a model of another distribution's engine nothing is looked at.

    Args:
        engine: Registered name of the engine that is to run it.
        folder: With its `model.toml`.

    Raises:
        RequestError: The engine would not take its `model.toml`, or a file is missing or cut.
    """
    if (entry := _ENGINES.get(engine)) and entry.check:
        check: Callable[[Path], object] = _import(entry.check)
        check(folder)


def create_engine(name: str | Sequence[str], options: Mapping[str, Any]) -> Engine:
    """Load an engine, or several that serve as one.

    Args:
        name: Registered name, or several in order of preference.
        options: The engine's own options; for several engines those of each under its
            name.

    Raises:
        RequestError: There is no such engine, it is not installed, an option is not
            accepted, or what the engine says of its models cannot be.
    """
    if isinstance(name, str):
        return _load(name, options)
    names = list(name)
    _check_names(names)
    for item in options:
        if item not in names:
            field = f"recognition.engine_options.{item}"
            problem = f"no engine of that name is served; accepted: {', '.join(names)}"
            raise refused_setting(field, problem)
    return CombinedEngine([_load_beside_others(item, options.get(item, {})) for item in names])


def engine_names(*, beside: Collection[str] | None = None) -> tuple[str, ...]:
    """Return the registered names, also those of other distributions.

    Args:
        beside: For a refusal: no engine that runs no models, unless it is one of these;
            None leaves out none.
    """
    own = (
        name
        for name, entry in _ENGINES.items()
        if beside is None or entry.package or name in beside
    )
    return tuple(dict.fromkeys((*own, *plugin_names())))


def installed_engines() -> tuple[str, ...]:
    """Return the engines that run models and whose packages are installed."""
    own = (name for name, entry in _ENGINES.items() if entry.package and find_spec(entry.package))
    return tuple(dict.fromkeys((*own, *plugin_names())))


def how_to_install(engine: str) -> str:
    """Return what installs the package of an engine; "" for one that is not ours."""
    entry = _ENGINES.get(engine)
    return f"pip install 'rechka[{entry.extra}]'" if entry else ""


def _check_names(names: Sequence[str]) -> None:
    """Check all names before an engine is loaded: its own options may be wrong too."""
    if not names:
        raise _unknown(names)
    for index, name in enumerate(names):
        if name not in engine_names():
            raise _unknown(name, chosen=names)
        if name in names[:index]:
            problem = f"got {name!r} twice; accepted: each engine once"
            raise refused_setting("recognition.engine", problem)


def _unknown(got: object, chosen: Collection[str] = ()) -> RequestError:
    accepted = ", ".join(engine_names(beside=chosen))
    return refused_setting("recognition.engine", f"got {got!r}; accepted: {accepted}")


def _load_beside_others(name: str, options: object) -> Engine:
    if not isinstance(options, Mapping):
        problem = f"got {options!r}; accepted: a table of the engine's options"
        raise refuse_option(name, problem)
    try:
        return _load(name, options)
    except RequestError as error:
        raise refusal_beside_others(error, name) from error.__cause__


def _load(name: str, options: Mapping[str, Any]) -> Engine:
    try:
        factory = _find(name)
    except ModuleNotFoundError as error:
        problem = f"engine {name!r} needs the package {error.name!r}, which is not installed"
        if (advice := how_to_install(name)) and error.name == _ENGINES[name].package:
            problem += f": {advice}"
        raise refused_setting("recognition.engine", problem) from error
    except (ImportError, AttributeError) as error:
        problem = f"engine {name!r} cannot be imported: {error}"
        raise refused_setting("recognition.engine", problem) from error
    except AmbiguousEngineError as error:
        problem = f"several distributions have an engine {name!r}: {error}; accepted: one of them"
        raise refused_setting("recognition.engine", problem) from None
    if factory is None:
        raise _unknown(name)
    engine = factory(options)
    check_engine(name, engine)
    return engine


def _find(name: str) -> Callable[[Mapping[str, Any]], Engine] | None:
    if name not in _ENGINES:
        return find_plugin(name)
    factory: Callable[[Mapping[str, Any]], Engine] = _import(_ENGINES[name].target)
    return factory


def _import(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)
