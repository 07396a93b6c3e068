"""Writes the `model.toml` of a model of the catalog."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from rechka.catalog.entries import Entry

__all__ = ["model_toml"]


def model_toml(entry: Entry, present: Collection[str]) -> str:
    """Return the text for an entry.

    Args:
        entry: Of the catalog.
        present: Names of the files that were found; a key of the engine's table `files`
            that names an optional file which is not among them is left out.
    """
    engine_table = dict(entry.engine_table)
    if isinstance(named := engine_table.get("files"), Mapping):
        engine_table["files"] = {
            key: name
            for key, name in named.items()
            if name in present or name not in entry.optional
        }
    card = entry.card.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    table: dict[str, Any] = {
        "name": entry.name,
        "version": entry.version,
        "engine": entry.engine,
        "languages": list(entry.languages),
        "tags": list(entry.tags),
        "sample_rate_hz": entry.sample_rate_hz,
        "licence": entry.licence,
        "summary": entry.summary,
        **engine_table,
        **({"card": card} if card else {}),
    }
    return "\n".join(_lines(table, "")).lstrip("\n") + "\n"


def _lines(table: Mapping[str, Any], prefix: str) -> list[str]:
    """Return the lines of a table: values first, for what follows a header belongs to it."""
    lines = []
    tables: list[str] = []
    for key, value in table.items():
        path = f"{prefix}{_text(str(key)) if not _is_bare(str(key)) else key}"
        if isinstance(value, Mapping):
            tables += ["", f"[{path}]", *_lines(value, f"{path}.")]
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            for item in value:
                tables += ["", f"[[{path}]]", *_lines(item, f"{path}.")]
        else:
            lines.append(f"{path.removeprefix(prefix)} = {_value(value)}")
    return lines + tables


def _is_bare(key: str) -> bool:
    return key.isascii() and key.replace("_", "").replace("-", "").isalnum()


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item) for item in value)}]"
    return _text(str(value))


def _text(value: str) -> str:
    # TOML takes the escapes of JSON, and forbids one character more to stand for itself.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
