"""What every `model.toml` says, whoever reads it: the catalog, or an engine."""

from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from rechka.errors import ErrorCode, RequestError
from rechka.toml_file import read_toml

__all__ = ["Languages", "ManifestBase", "Rate", "Tags", "read_model_toml"]


def _each_once(languages: tuple[str, ...]) -> tuple[str, ...]:
    if len({language.lower() for language in languages}) < len(languages):
        raise ValueError("accepted: each language once")
    return languages


_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
_Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")]
_Tag = Annotated[str, Field(pattern=r"^[!-~]{1,100}$")]

Languages = Annotated[tuple[_Language, ...], Field(min_length=1), AfterValidator(_each_once)]
"""BCP 47 tags, each once whatever its case."""
Tags = Annotated[tuple[_Tag, ...], Field(min_length=1)]
"""Values of a request's `model`: letters, digits and signs of ASCII."""
Rate = Annotated[int, Field(strict=True, ge=8_000, multiple_of=50)]
"""Of audio in Hz: 20 ms of it, the step of sessions, is a whole number of samples."""

_Model = TypeVar("_Model", bound=BaseModel)


class ManifestBase(BaseModel):
    """What holds for the models of every engine.

    Attributes:
        name: Of the model.
        version: Of the model.
        engine: Registered name of the engine that runs it.
        languages: BCP 47 tags of what it recognizes.
        tags: Values of a request's `model` that select it.
        sample_rate_hz: Rate of the audio that it was trained on.
        licence: SPDX expression of the model's files.
    """

    model_config = ConfigDict(frozen=True)

    name: _Name
    version: Annotated[str, Field(min_length=1)]
    engine: str
    languages: Languages
    tags: Tags = ("general",)
    sample_rate_hz: Rate
    licence: str


def read_model_toml(kind: type[_Model], path: Path, **more: object) -> _Model:
    """Read a manifest.

    Args:
        kind: What it must be.
        path: Of the file.
        more: Values that are not in the file.

    Raises:
        RequestError: It cannot be read, or a value is not accepted; the message names
            the file and each field.
    """
    try:
        return kind(**{**read_toml(path), **more})
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in detail['loc'])}: got {detail['input']!r}: "
            f"{detail['msg']}"
            for detail in error.errors()
        )
        raise RequestError(ErrorCode.INVALID_CONFIG, f"{path}: {problems}") from None
