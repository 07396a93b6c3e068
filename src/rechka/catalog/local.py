"""Finds the models that lie on this machine."""

import importlib.util
from collections.abc import Iterable
from pathlib import Path

from rechka.catalog.manifest import MANIFEST, ModelManifest, read_manifest
from rechka.errors import ErrorCode, RequestError

__all__ = ["find_model", "find_models", "starter_models"]

# The distribution that carries them; it holds no code.
_STARTER_PACKAGE = "rechka_starter_models"


def starter_models() -> Path | None:
    """Return the folder of the models of `rechka-starter-models`, or None without it."""
    found = importlib.util.find_spec(_STARTER_PACKAGE)
    if found is None or found.origin is None:
        return None
    return Path(found.origin).parent / "models"


def find_models(folders: Iterable[Path] | None = None) -> list[ModelManifest]:
    """Return the models in some folders, sorted by name.

    Args:
        folders: Each holds a folder a model; None: the starter models.

    Raises:
        RequestError: A manifest is not accepted.
    """
    if folders is None:
        starter = starter_models()
        folders = [] if starter is None else [starter]
    manifests = [
        read_manifest(path.parent) for folder in folders for path in folder.glob(f"*/{MANIFEST}")
    ]
    return sorted(manifests, key=lambda manifest: manifest.name)


def find_model(name: str, folders: Iterable[Path] | None = None) -> ModelManifest:
    """Return the model of a name.

    Raises:
        RequestError: There is none; the message names those that there are.
    """
    models = find_models(folders)
    for model in models:
        if model.name == name:
            return model
    names = ", ".join(model.name for model in models) or "none"
    raise RequestError(ErrorCode.INVALID_CONFIG, f"model: got {name!r}; installed: {names}")
