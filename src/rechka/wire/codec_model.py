"""What a recognizer serves: its message to and from the project's own type."""

from dataclasses import asdict, fields

from rechka.recognition.port import ModelInfo
from rechka.wire.generated.rechka.recognizer.v1 import recognizer_pb2 as pb

__all__ = ["decode_model", "encode_model"]


def encode_model(model: ModelInfo) -> pb.Model:
    """Return a model's message."""
    return pb.Model(**asdict(model))


def decode_model(message: pb.Model) -> ModelInfo:
    """Return what a model's message says."""
    values = {field.name: getattr(message, field.name) for field in fields(ModelInfo)}
    lists = {"tags": tuple(message.tags), "sample_rates_hz": tuple(message.sample_rates_hz)}
    return ModelInfo(**(values | lists))
