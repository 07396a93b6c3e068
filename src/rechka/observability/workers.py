"""What the workers measure, in the form that Prometheus reads."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rechka.observability.metrics import Sample
from rechka.recognition.measures import Measures
from rechka.recognition.port import ModelInfo

__all__ = ["Workers"]

_FAMILIES = (
    ("rechka_worker_streams", "Streams that a worker has.", "streams"),
    ("rechka_worker_waiting_streams", "Streams that wait for the engine.", "waiting"),
    ("rechka_worker_load", "Share of its time that the streams of a worker need.", "load"),
    ("rechka_worker_busy_seconds_total", "Time that the engine decoded.", "busy_s"),
    ("rechka_worker_decoded_seconds_total", "Audio that it decoded meanwhile.", "decoded_s"),
    ("rechka_worker_steps_total", "How often the engine decoded.", "steps"),
    ("rechka_worker_batched_streams_total", "Streams of all steps together.", "batched"),
    ("rechka_worker_resident_bytes", "Memory of a worker.", "resident_bytes"),
)


@dataclass(frozen=True, slots=True)
class Workers:
    """The workers at one moment.

    Attributes:
        measures: Of each worker that answered, by its number.
        restarts: How many were started in the place of one that had ended.
        models: What is served.
    """

    measures: Mapping[int, Measures]
    restarts: int
    models: Sequence[ModelInfo]

    @property
    def load(self) -> float | None:
        """The mean load, None while no worker is measured."""
        loads = [measures.load for measures in self.measures.values()]
        return sum(loads) / len(loads) if loads else None

    def samples(self) -> Iterator[Sample]:
        """Yield the values of all families."""
        yield Sample("rechka_workers", "Workers that are warm.", len(self.measures))
        yield Sample("rechka_worker_restarts_total", "Workers started anew.", self.restarts)
        for name, help_text, attribute in _FAMILIES:
            for number, measures in self.measures.items():
                value = float(getattr(measures, attribute))
                yield Sample(name, help_text, value, worker=str(number))
        for model in self.models:
            labels = {"engine": model.engine, "language": model.language, "device": model.device}
            yield Sample("rechka_model_info", "A served model.", 1, model=model.name, **labels)
