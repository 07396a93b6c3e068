"""What an engine says of itself, checked before anything relies on it."""

from collections.abc import Iterator, Sequence

from pydantic import TypeAdapter, ValidationError

from rechka.errors import refused_setting
from rechka.model_toml import Rate
from rechka.recognition.port import Engine, ModelInfo

__all__ = ["check_engine"]

_RATE: TypeAdapter[int] = TypeAdapter(Rate)


def check_engine(name: str, engine: Engine) -> None:
    """Check what an engine says that it serves.

    Args:
        name: Registered name of the engine.
        engine: Just made.

    Raises:
        RequestError: It says what cannot be; the message names the engine and the field.
    """
    for field, problem in _problems(engine):
        raise refused_setting("recognition.engine", f"engine {name!r}: {field}: {problem}")


def _problems(engine: Engine) -> Iterator[tuple[str, str]]:
    """Yield fields with what came in them and what is accepted."""
    if not _is_number(getattr(engine, "max_batch", None)):
        yield "max_batch", _got(getattr(engine, "max_batch", None), "a whole number from 1")
    models = getattr(engine, "models", None)
    if not isinstance(models, Sequence) or not models:
        yield "models", _got(models, "at least one ModelInfo")
        return
    for at, model in enumerate(models):
        if not isinstance(model, ModelInfo):
            yield f"models[{at}]", _got(model, "a ModelInfo")
            return
        for field, problem in _model_problems(model):
            yield f"models[{at}].{field}", problem


def _model_problems(model: ModelInfo) -> Iterator[tuple[str, str]]:
    for field in ("name", "engine", "language"):
        value: object = getattr(model, field)
        if not isinstance(value, str) or not value:
            yield field, _got(value, "a text that is not empty")
    tags: object = model.tags
    if not (isinstance(tags, tuple) and tags and all(isinstance(tag, str) for tag in tags)):
        yield "tags", _got(tags, "a tuple of at least one text")
    rates: object = model.sample_rates_hz
    if not (isinstance(rates, tuple) and rates and all(_is_rate(rate) for rate in rates)):
        yield "sample_rates_hz", _got(rates, "a tuple of at least one multiple of 50 from 8000")
    for field in ("max_alternatives", "max_streams"):
        if not _is_number(getattr(model, field)):
            yield field, _got(getattr(model, field), "a whole number from 1")


def _is_rate(value: object) -> bool:
    try:
        _RATE.validate_python(value)
    except ValidationError:
        return False
    return True


def _is_number(value: object) -> bool:
    return type(value) is int and value >= 1


def _got(value: object, accepted: str) -> str:
    # What an engine gives for a number or a name may be of any length.
    return f"got {value!r:.100}; accepted: {accepted}"
