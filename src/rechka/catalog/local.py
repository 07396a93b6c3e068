"""Finds the models that lie on this machine."""

import importlib.util
from collections.abc import Iterable
from pathlib import Path

from rechka.catalog.manifest import MANIFEST, ModelManifest, read_manifest

__all__ = ["find_models", "models_folder", "starter_models"]

# The distribution that carries them; it holds no code.
_STARTER_PACKAGE = "rechka_starter_models"


def models_folder(data_dir: Path) -> Path:
    """Return where the installed models lie, a folder each, and the selection."""
    return data_dir / "models"


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
