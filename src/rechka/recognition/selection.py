"""Which of the served models a request means."""

from collections.abc import Iterable, Sequence

from rechka.errors import ErrorCode, RequestError, UnavailableError
from rechka.recognition.port import ModelInfo, StreamOptions

__all__ = ["select_for_stream", "select_model"]

_LANGUAGE_FIELD = "config.specification.language_code"
_MODEL_FIELD = "config.specification.model"


def select_model(models: Sequence[ModelInfo], *, language: str, model: str) -> ModelInfo:
    """Return the model that serves a language and a model tag.

    Args:
        models: What is served now.
        language: BCP 47 tag in any case.
        model: Value of the request's `model`, such as "general:rc".

    Raises:
        RequestError: The language or the model is not served; the message names
            what is.
        UnavailableError: Nothing is served at all at this moment.
    """
    if not models:
        raise UnavailableError(
            ErrorCode.UNAVAILABLE, "No recognizer is ready yet; try again", retry_after_s=1.0
        )
    of_language = [item for item in models if item.language.lower() == language.lower()]
    if not of_language:
        raise _refusal(
            _LANGUAGE_FIELD,
            language,
            _listing(f"{item.language} ({item.engine})" for item in models),
            "the server's operator can install another (`rechka models list --available`)",
        )
    for item in of_language:
        if model in item.tags:
            return item
    tags = _listing(tag for item in of_language for tag in item.tags)
    raise _refusal(_MODEL_FIELD, model, tags, f"for language {of_language[0].language}")


def select_for_stream(models: Sequence[ModelInfo], options: StreamOptions) -> ModelInfo:
    """Return the model that serves what a stream asks for, at the stream's own rate.

    Raises:
        RequestError: No model has the language, the tag and the rate.
        UnavailableError: Nothing is served at all at this moment.
    """
    model = select_model(models, language=options.language, model=options.model)
    if options.sample_rate_hz not in model.sample_rates_hz:
        raise RequestError(
            ErrorCode.INVALID_CONFIG,
            f"sample_rate_hz: got {options.sample_rate_hz}; accepted: "
            f"{', '.join(str(rate) for rate in model.sample_rates_hz)} for {model.name}",
        )
    return model


def _listing(values: Iterable[str]) -> str:
    return ", ".join(sorted(set(values)))


def _refusal(field: str, got: str, accepted: str, advice: str) -> RequestError:
    return RequestError.about(field, f"accepted: {accepted}; {advice}", got=got)
