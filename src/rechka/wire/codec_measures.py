"""What a recognizer measures: its message to and from the project's own type."""

from dataclasses import asdict, fields

from rechka.recognition.measures import Measures
from rechka.wire.generated.rechka.recognizer.v1 import recognizer_pb2 as pb

__all__ = ["decode_measures", "encode_measures"]


def encode_measures(measures: Measures) -> pb.MeasureResponse:
    """Return the message of what was done."""
    return pb.MeasureResponse(**asdict(measures))


def decode_measures(message: pb.MeasureResponse) -> Measures:
    """Return what a message says was done."""
    return Measures(**{field.name: getattr(message, field.name) for field in fields(Measures)})
