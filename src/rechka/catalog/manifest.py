"""What a model says of itself in the `model.toml` of its folder.

Only what holds for every engine is read here; an engine reads the rest itself.
"""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from rechka.model_toml import ManifestBase, read_model_toml

__all__ = ["MANIFEST", "Card", "Figure", "ModelManifest", "read_manifest"]

MANIFEST = "model.toml"


class Figure(BaseModel):
    """Errors on one set of clips, between 0 and 1 (above, if more was said than there is).

    Attributes:
        of: Which clips.
        wer: Of words.
        cer: Of characters; None: not published.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    of: Annotated[str, Field(alias="set")]
    wer: float
    cer: float | None = None


class Card(BaseModel):
    """What a person wants to know before using a model.

    Attributes:
        purpose: What it is for.
        data: What it was trained on.
        recipe: How it was made.
        parameters: How many it has; 0: not known.
        figures: Its errors.
        source: Who measured the figures, and where that is published.
        limits: What it is bad at.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    purpose: str = ""
    data: str = ""
    recipe: str = ""
    parameters: int = 0
    figures: tuple[Figure, ...] = ()
    source: str = ""
    limits: str = ""


class ModelManifest(ManifestBase):
    """One installed model; what else its engine reads is passed over here.

    Attributes:
        summary: One line for a person.
        card: More for a person.
        folder: Where it lies; not in the file.
    """

    summary: str = ""
    card: Card = Card()
    folder: Path

    @property
    def size_bytes(self) -> int:
        """Bytes of all its files."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())


def read_manifest(folder: Path) -> ModelManifest:
    """Read a model's manifest.

    Raises:
        RequestError: The file cannot be read, or a value is not accepted; the
            message names the file and each field.
    """
    return read_model_toml(ModelManifest, folder / MANIFEST, folder=folder)
