"""What the `model.toml` of a model says to every engine of the project."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from rechka.model_toml import ManifestBase

__all__ = ["EngineManifest"]


class EngineManifest(ManifestBase):
    """What the engines of the project share.

    Attributes:
        summary: One line for a person.
        max_streams: Most streams of one worker, however little they cost.
        card: Data, recipe and figures; for people.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    summary: str
    max_streams: Annotated[int, Field(strict=True, ge=1, le=1_000)] = 128
    card: Mapping[str, Any] = {}
