"""The phrases of a session: its own, and those that the operator gives its folder."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from rechka.hotwords import Hotword, read_hotwords_file

__all__ = ["folder_hotwords", "join_hotwords"]

_EVERY_OTHER = "*"


def folder_hotwords(files: Mapping[str, Path], folder_id: str) -> tuple[Hotword, ...]:
    """Return the phrases of a folder; a file is read once in the server's life.

    Args:
        files: The setting: by the id of a folder, or "*" for all others.
        folder_id: Of a session, or "*".

    Raises:
        RequestError: The file cannot be read, or a line of it is not accepted.
    """
    name = folder_id if folder_id in files else _EVERY_OTHER
    return _read(files[name], f"recognition.hotwords.{name}") if name in files else ()


def join_hotwords(*groups: Iterable[Hotword]) -> tuple[Hotword, ...]:
    """Return all phrases, each once; of the same one that of the first group counts."""
    phrases: dict[str, Hotword] = {}
    for hotword in (hotword for group in groups for hotword in group):
        phrases.setdefault(hotword.text.casefold(), hotword)
    return tuple(phrases.values())


@lru_cache
def _read(path: Path, field: str) -> tuple[Hotword, ...]:
    return read_hotwords_file(path, field=field)
