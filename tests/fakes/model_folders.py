"""Folders that look like installed models to the catalog; no engine could load them."""

from collections.abc import Sequence
from pathlib import Path

__all__ = ["write_folder"]


def write_folder(
    models: Path,
    name: str,
    *,
    languages: Sequence[str] = ("ru-RU",),
    tags: Sequence[str] = ("general",),
    engine: str = "ctc",
) -> Path:
    """Write a folder with nothing but a manifest; return it."""
    folder = models / name
    folder.mkdir(parents=True)
    (folder / "model.toml").write_text(
        f'name = "{name}"\nversion = "1"\nengine = "{engine}"\nlanguages = {list(languages)}\n'
        f'tags = {list(tags)}\nsample_rate_hz = 16000\nlicence = "Apache-2.0"\n'
    )
    return folder
