"""Finds the models that an engine is told of, each a folder with a `model.toml`."""

from collections.abc import Iterable
from pathlib import Path

from rechka.errors import ErrorCode, RequestError
from rechka.recognition.options import refuse_option
from rechka.toml_file import read_toml

__all__ = ["MANIFEST_NAME", "find_model_folders", "refuse_file"]

MANIFEST_NAME = "model.toml"


def find_model_folders(paths: Iterable[str], *, engine: str) -> list[Path]:
    """Return the folders of an engine's models, each once.

    Args:
        paths: Folders of models, or of folders of models; of the latter those of other
            engines are passed over, and the rest are in the order of their names.
        engine: Name of the engine.

    Raises:
        RequestError: There is no model of the engine in a folder, or a manifest cannot be
            read.
    """
    return list(dict.fromkeys(folder for path in paths for folder in _find(Path(path), engine)))


def _find(path: Path, engine: str) -> list[Path]:
    if (path / MANIFEST_NAME).is_file():
        return [path]
    manifests = sorted(path.glob(f"*/{MANIFEST_NAME}"))
    found = [manifest.parent for manifest in manifests if _engine_of(manifest) == engine]
    if not found:
        raise refuse_option(
            "models",
            f"{path}: no model of the engine {engine!r} is there; accepted: a folder with "
            f"{MANIFEST_NAME}, or of such",
        )
    return found


def refuse_file(path: Path, problem: str) -> RequestError:
    """Return the error that a file or folder of a model is no good."""
    return RequestError(ErrorCode.INVALID_CONFIG, f"{path}: {problem}")


def _engine_of(manifest: Path) -> object:
    return read_toml(manifest).get("engine")
