"""What the server counts, in the form that Prometheus reads. docs/metrics.md lists it."""

from collections.abc import Callable, Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder

from rechka.observability.logs import dropped_lines

__all__ = ["Metrics", "Sample", "SessionMeter"]

_DELAY_BUCKETS_S = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2, 2.0, 5.0)


class Sample:
    """One value of a family that is read when it is asked for.

    Args:
        name: Of the family; one that ends in `_total` is a counter.
        help_text: What it is.
        value: The value.
        labels: Names and values of its labels.
    """

    def __init__(self, name: str, help_text: str, value: float, **labels: str) -> None:
        self.name = name
        self.help_text = help_text
        self.value = value
        self.labels = labels


class Metrics:
    """The counts of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._samples: list[Callable[[], Iterable[Sample]]] = []
        self._registry.register(_Read(self._samples))
        self.add_samples(_log_samples)

        def counter(name: str, help_text: str, *labels: str) -> Counter:
            return Counter(name, help_text, labels, registry=self._registry)

        def delays(name: str, help_text: str) -> Histogram:
            return Histogram(
                name, help_text, ("language",), registry=self._registry, buckets=_DELAY_BUCKETS_S
            )

        self.sessions = Gauge(
            "rechka_sessions",
            "Sessions that run now.",
            ("language", "model"),
            registry=self._registry,
        )
        self.sessions_ended = counter(
            "rechka_sessions_ended",
            "Sessions that are over: OK, CANCELLED by the client, or the code of an error.",
            "language",
            "model",
            "outcome",
        )
        self.audio_seconds = counter("rechka_audio_seconds", "Audio taken.", "language")
        self.results = counter("rechka_results", "Results delivered.", "language", "kind")
        self.first_partial_delay = delays(
            "rechka_first_partial_delay_seconds",
            "From an utterance's being noticed to its first partial result.",
        )
        self.final_delay = delays(
            "rechka_final_delay_seconds",
            "From the decision that an utterance has ended to its final result, delivered.",
        )
        self.calls = counter(
            "rechka_calls", "Calls that are over, by gRPC status.", "method", "status"
        )
        self.errors = counter(
            "rechka_errors", "Errors told to clients, by the stable code of docs/errors.md.", "code"
        )

    def session(self) -> "SessionMeter":
        """Return who counts one session."""
        return SessionMeter(self)

    def call_ended(self, method: str, *, status: str, error: str | None) -> None:
        """Count a call.

        Args:
            method: Full name, such as "/yandex.cloud.ai.stt.v2.SttService/StreamingRecognize".
            status: Name of the gRPC status, such as "OK".
            error: Stable code of the error, None where there was none.
        """
        self.calls.labels(method, status).inc()
        if error is not None:
            self.errors.labels(error).inc()

    def add_samples(self, read: Callable[[], Iterable[Sample]]) -> None:
        """Let a function tell values of its own whenever the metrics are asked for."""
        self._samples.append(read)

    def render(self, accept: str) -> tuple[bytes, str]:
        """Return the metrics and their media type, by the request's `Accept` header."""
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type


def _log_samples() -> Iterable[Sample]:
    yield Sample(
        "rechka_log_lines_dropped_total",
        "Lines of the server's log that found no reader, or no room.",
        dropped_lines(),
    )


class SessionMeter:
    """Counts one session, as a `SessionObserver`.

    Args:
        metrics: Where.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        # A session that was refused before its model was known has neither.
        self._labels = ("", "")
        self._has_started = False
        self._audio_seconds: Counter | None = None

    def started(self, *, language: str, model: str) -> None:
        """The session has settings that are served."""
        self._labels = (language, model)
        self._has_started = True
        self._metrics.sessions.labels(*self._labels).inc()

    def heard(self, *, audio_s: float) -> None:
        """So much more audio was taken."""
        # With every message, so it is looked up but once.
        if self._audio_seconds is None:
            self._audio_seconds = self._metrics.audio_seconds.labels(self._labels[0])
        self._audio_seconds.inc(audio_s)

    def first_partial(self, *, delay_s: float) -> None:
        """An utterance was answered for the first time, so long after it was noticed."""
        self._metrics.first_partial_delay.labels(self._labels[0]).observe(delay_s)

    def answered(self, *, is_final: bool) -> None:
        """A result was delivered."""
        kind = "final" if is_final else "partial"
        self._metrics.results.labels(self._labels[0], kind).inc()

    def final(self, *, delay_s: float) -> None:
        """An utterance was settled, so long after its end was decided."""
        self._metrics.final_delay.labels(self._labels[0]).observe(delay_s)

    def ended(self, *, outcome: str) -> None:
        """The session is over."""
        if self._has_started:
            self._metrics.sessions.labels(*self._labels).dec()
        self._metrics.sessions_ended.labels(*self._labels, outcome).inc()


class _Read:
    """A collector of values that are read when they are asked for."""

    def __init__(self, samples: Sequence[Callable[[], Iterable[Sample]]]) -> None:
        self._samples = samples

    def collect(self) -> Iterable[Metric]:
        """Return the families, each once."""
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
        for sample in (sample for read in self._samples for sample in read()):
            family = families.get(sample.name)
            if family is None:
                kind = CounterMetricFamily if sample.name.endswith("_total") else GaugeMetricFamily
                family = kind(sample.name, sample.help_text, labels=list(sample.labels))
                families[sample.name] = family
            family.add_metric(list(sample.labels.values()), sample.value)
        return families.values()
