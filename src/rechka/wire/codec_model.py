"""What a recognizer serves: its message to and from the project's own type."""

from rechka.recognition.port import ModelInfo
from rechka.wire.generated.rechka.recognizer.v1 import recognizer_pb2 as pb

__all__ = ["decode_model", "encode_model"]


def encode_model(model: ModelInfo) -> pb.Model:
    """Return a model's message."""
    return pb.Model(
        name=model.name,
        engine=model.engine,
        language=model.language,
        tags=model.tags,
        sample_rates_hz=model.sample_rates_hz,
        max_alternatives=model.max_alternatives,
        has_confidences=model.has_confidences,
        has_word_times=model.has_word_times,
        has_trailing_silence=model.has_trailing_silence,
        max_streams=model.max_streams,
        device=model.device,
    )


def decode_model(model: pb.Model) -> ModelInfo:
    """Return what a model's message says."""
    return ModelInfo(
        name=model.name,
        engine=model.engine,
        language=model.language,
        tags=tuple(model.tags),
        sample_rates_hz=tuple(model.sample_rates_hz),
        max_alternatives=model.max_alternatives,
        has_confidences=model.has_confidences,
        has_word_times=model.has_word_times,
        has_trailing_silence=model.has_trailing_silence,
        max_streams=model.max_streams,
        device=model.device,
    )
