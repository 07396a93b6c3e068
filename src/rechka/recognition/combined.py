"""Several engines as one: each stream goes to the first that serves its language and model."""

from collections.abc import Sequence

from rechka.audio.samples import Samples
from rechka.recognition.port import Engine, EngineStream, ModelInfo, Observation, StreamOptions
from rechka.recognition.selection import select_model
from rechka.results import Hypothesis

__all__ = ["CombinedEngine"]


class CombinedEngine:
    """An `Engine` over others.

    Args:
        engines: In order of preference, at least one; owned from now on. Where several
            serve the same language and tag the first one does.
    """

    def __init__(self, engines: Sequence[Engine]) -> None:
        self._engines = tuple(engines)
        # Of models that compare equal the first engine's is served.
        self._owners: dict[ModelInfo, Engine] = {}
        for engine in self._engines:
            for model in engine.models:
                self._owners.setdefault(model, engine)
        self.models: Sequence[ModelInfo] = tuple(self._owners)
        self.max_batch = max(engine.max_batch for engine in self._engines)

    def warm_up(self) -> None:
        """Warm all engines up."""
        for engine in self._engines:
            engine.warm_up()

    def open(self, options: StreamOptions) -> "CombinedStream":
        """Return a fresh stream of the first engine that serves the language and the tag.

        Raises:
            RequestError: No engine does.
            CapacityError: That engine is full.
        """
        model = select_model(self.models, language=options.language, model=options.model)
        engine = self._owners[model]
        return CombinedStream(engine, engine.open(options))

    def accept(self, batch: Sequence[tuple[EngineStream, Samples]]) -> None:
        """Decode audio of streams of any engines, those of one engine together.

        One engine's failure must not undo what another has done: where more than one
        engine has streams in the batch, those that fail alone too raise their error when
        they are asked for what they heard.
        """
        groups = self._grouped(batch)
        if len(groups) == 1:
            for engine, part in groups:
                _accept(engine, part)
            return
        for engine, part in groups:
            try:
                _accept(engine, part)
            except Exception:
                for stream, samples in part:
                    stream.try_alone(samples)

    def close(self) -> None:
        """Free all engines."""
        for engine in self._engines:
            engine.close()

    def _grouped(
        self, batch: Sequence[tuple[EngineStream, Samples]]
    ) -> list[tuple[Engine, list[tuple["CombinedStream", Samples]]]]:
        """Return parts of the batch, none larger than its engine takes at once."""
        groups = []
        for engine in self._engines:
            own = [
                (stream, samples)
                for stream, samples in batch
                if isinstance(stream, CombinedStream) and stream.engine is engine
            ]
            size = engine.max_batch
            groups += [(engine, own[at : at + size]) for at in range(0, len(own), size)]
        return groups


class CombinedStream:
    """A stream of one of the engines.

    Args:
        engine: Whose it is.
        stream: The engine's own.
    """

    def __init__(self, engine: Engine, stream: EngineStream) -> None:
        self.engine = engine
        self.stream = stream
        self._failure: Exception | None = None

    def try_alone(self, samples: Samples) -> None:
        """Decode audio of this stream only, and keep the error if there is one."""
        try:
            self.engine.accept([(self.stream, samples)])
        except Exception as error:
            self._failure = error

    @property
    def missing_samples(self) -> int:
        """As of the engine's own stream."""
        missing: int = getattr(self.stream, "missing_samples", 1)
        return missing

    def observe(self) -> Observation:
        """Return what was heard. Raises what `try_alone` kept."""
        self._raise_failure()
        return self.stream.observe()

    def finish(self) -> tuple[Hypothesis, ...]:
        """End the utterance. Raises what `try_alone` kept."""
        self._raise_failure()
        return self.stream.finish()

    def close(self) -> None:
        """Free the stream. May be called more than once."""
        self.stream.close()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure


def _accept(engine: Engine, part: Sequence[tuple[CombinedStream, Samples]]) -> None:
    engine.accept([(stream.stream, samples) for stream, samples in part])
