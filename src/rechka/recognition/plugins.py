"""Engines of other distributions, found by the entry points that these declare.

A distribution says which engines it has in its own `pyproject.toml`:

    [project.entry-points."rechka.engines"]
    mine = "my_package.engine:MyEngine"
"""

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from rechka.recognition.port import Engine

__all__ = ["GROUP", "AmbiguousEngineError", "find_plugin", "plugin_names"]

GROUP = "rechka.engines"


class AmbiguousEngineError(Exception):
    """Several distributions have an engine of the same name."""


def plugin_names() -> tuple[str, ...]:
    """Return the names of the engines that other distributions have, sorted."""
    return tuple(sorted({entry.name for entry in entry_points(group=GROUP)}))


def find_plugin(name: str) -> Callable[[Mapping[str, Any]], Engine] | None:
    """Return what makes an engine of its options, or None if nobody has it.

    Raises:
        AmbiguousEngineError: Several have it; the message names them.
        Exception: What the import of its code raises.
    """
    found = {_owner(entry): entry for entry in entry_points(group=GROUP, name=name)}
    if not found:
        return None
    if len(found) > 1:
        raise AmbiguousEngineError(", ".join(sorted(found)))
    ((_, entry),) = found.items()
    factory: Callable[[Mapping[str, Any]], Engine] = entry.load()
    return factory


def _owner(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.value
