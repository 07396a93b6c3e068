"""What an engine says of itself, checked before anything relies on it."""

from collections.abc import Iterator, Sequence

from rechka.errors import refused_setting
from rechka.recognition.port import Engine, ModelInfo

__all__ = ["check_engine"]

# Telephone speech has the lowest rate that the API takes.
_LEAST_RATE_HZ = 8_000
# Voice activity is judged by frames of 20 ms, which have a whole number of samples.
_RATE_STEP_HZ = 50


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
        accepted = f"a tuple of at least one multiple of {_RATE_STEP_HZ} from {_LEAST_RATE_HZ}"
        yield "sample_rates_hz", _got(rates, accepted)
    for field in ("max_alternatives", "max_streams"):
        if not _is_number(getattr(model, field)):
            yield field, _got(getattr(model, field), "a whole number from 1")


def _is_rate(value: object) -> bool:
    return type(value) is int and value >= _LEAST_RATE_HZ and value % _RATE_STEP_HZ == 0


def _is_number(value: object) -> bool:
    return type(value) is int and value >= 1


def _got(value: object, accepted: str) -> str:
    # What an engine gives for a number or a name may be of any length.
    return f"got {value!r:.100}; accepted: {accepted}"
