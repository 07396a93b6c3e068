"""Which model an operator chose for a language and a tag: `models/selection.toml`.

    [ru-RU]
    "general" = "NAME OF A MODEL"

The file is replaced as a whole, so that a server that reads it never sees half of it.
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from rechka.catalog.local import models_folder
from rechka.errors import ErrorCode, RequestError
from rechka.toml_file import parse_toml

__all__ = [
    "TAGS",
    "Selection",
    "change_selection",
    "read_selection",
    "selected_for",
]

TAGS = ("general", "general:rc", "general:deprecated")
"""Values of a request's `model` that the API documents."""
Selection = Mapping[str, Mapping[str, str]]
"""Name of the model by language in lower case and tag."""

_NAME = "selection.toml"
_LOCK = ".selection.lock"
_HEAD = "# Written by `rechka models use`: which model serves a language and a model tag.\n"


def read_selection(data_dir: Path) -> Selection:
    """Return what was selected; nothing if there is no file.

    Raises:
        RequestError: The file cannot be read, or holds what is not accepted.
    """
    path = models_folder(data_dir) / _NAME
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return MappingProxyType({})
    except (OSError, UnicodeDecodeError) as error:
        raise _refusal(path, str(error)) from None
    table = parse_toml(text, path)
    selection: dict[str, dict[str, str]] = {}
    for language, chosen in table.items():
        if not isinstance(chosen, dict):
            raise _refusal(path, f"{language}: got {chosen!r}; accepted: a table of tags")
        for tag, name in chosen.items():
            if tag not in TAGS:
                accepted = ", ".join(TAGS)
                raise _refusal(path, f"{language}: got the tag {tag!r}; accepted: {accepted}")
            if not isinstance(name, str):
                raise _refusal(path, f"{language}.{tag}: got {name!r}; accepted: a model's name")
            selection.setdefault(language.lower(), {})[tag] = name
    return selection


def selected_for(data_dir: Path, name: str) -> list[str]:
    """Return for which languages and tags a model was selected, as in "ru-RU general".

    Raises:
        RequestError: As `read_selection`.
    """
    return [
        f"{_spelled(language)} {tag}"
        for language, chosen in read_selection(data_dir).items()
        for tag, selected in chosen.items()
        if selected == name
    ]


def change_selection(data_dir: Path, *, language: str, tag: str, name: str | None) -> None:
    """Select a model, or none, for a language and a tag. Nothing is checked.

    Args:
        data_dir: Of the server.
        language: BCP 47 tag in any case.
        tag: One of `TAGS`.
        name: Of the model; None takes the selection back.

    Raises:
        RequestError: The file cannot be read or written.
    """
    path = models_folder(data_dir) / _NAME
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Two commands at once must not undo each other's choice.
        with _locked(path.with_name(_LOCK)):
            selection = {key: dict(chosen) for key, chosen in read_selection(data_dir).items()}
            chosen = selection.setdefault(language.lower(), {})
            if chosen.get(tag) == name:
                return
            chosen.pop(tag, None)
            if name is not None:
                chosen[tag] = name
            _write(path, selection)
    except OSError as error:
        raise _refusal(path, f"cannot be written: {error.strerror}") from None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _write(path: Path, selection: Selection) -> None:
    lines = [_HEAD]
    for language in sorted(selection):
        if selection[language]:
            # JSON's strings are TOML's.
            lines.append(f"\n[{json.dumps(_spelled(language))}]\n")
            lines += [
                f"{json.dumps(tag)} = {json.dumps(name, ensure_ascii=False)}\n"
                for tag, name in sorted(selection[language].items())
            ]
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write("".join(lines))
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _spelled(language: str) -> str:
    """Return a language the way people write it: `ru-RU`, `kk-Cyrl-KZ`."""
    first, *others = language.split("-")
    spelled = [part.upper() if len(part) == 2 else part.title() for part in others]
    return "-".join([first, *spelled])


def _refusal(path: Path, problem: str) -> RequestError:
    return RequestError(ErrorCode.INVALID_CONFIG, f"{path}: {problem}")
