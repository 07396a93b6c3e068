"""The two seams of recognition.

`Engine` and `EngineStream` are what an engine's author writes: plain, blocking
code without a thread or a loop. `Recognizer` and `RecognizerStream` are what a
session talks to: asynchronous, and silent about where the engine runs (in this
process, in a worker process or on another machine).
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from rechka.audio.samples import Samples
from rechka.hotwords import Hotword
from rechka.results import Hypothesis

__all__ = [
    "Engine",
    "EngineStream",
    "Finished",
    "Heard",
    "Hotword",
    "ModelInfo",
    "Observation",
    "Recognizer",
    "RecognizerStream",
    "StreamOptions",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """One model that an engine serves, and what it is capable of.

    Attributes:
        name: Name of the model's files or package.
        engine: Registered name of the engine.
        language: BCP 47 tag, such as "en-US".
        tags: Values of the request's `model` that select it, such as "general".
        sample_rates_hz: Rates that the engine eats, the native one first.
        max_alternatives: Most readings that it can give of one utterance.
        has_confidences: Whether word and text confidences are measured.
        has_word_times: Whether words carry times.
        has_trailing_silence: Whether observations tell the silence at the end.
        max_streams: Most streams of one worker, however little they cost; what they cost
            is measured.
        device: Where it computes, such as "cpu" or "cuda:0".
    """

    name: str
    engine: str
    language: str
    tags: tuple[str, ...]
    sample_rates_hz: tuple[int, ...]
    max_alternatives: int = 1
    has_confidences: bool = False
    has_word_times: bool = False
    has_trailing_silence: bool = False
    max_streams: int = 4
    device: str = "cpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOptions:
    """What one stream asks of an engine.

    Attributes:
        language: Language of a model that the engine serves.
        model: Tag of that model.
        sample_rate_hz: Rate of the samples to come, one of the model's rates.
        max_alternatives: Most readings wanted for a final; at least 1.
        hotwords: Phrases to prefer, where the engine can; words that its model does
            not know are passed over.
    """

    language: str
    model: str
    sample_rate_hz: int
    max_alternatives: int = 1
    hotwords: tuple[Hotword, ...] = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """What a stream has heard of the running utterance.

    Attributes:
        hypothesis: Best reading so far; times count from the utterance's first
            sample.
        trailing_silence_ms: Length of the non-speech at the end of what was
            decoded, by the engine's own judgement; None if it has none.
    """

    hypothesis: Hypothesis
    trailing_silence_ms: int | None = None


class EngineStream(Protocol):
    """One engine state. It decodes one utterance after another.

    A stream whose model decodes pieces of a fixed length may also have an attribute
    `missing_samples`: how many more samples bring something new, at least 1. It then gets
    them together, unless somebody waits for what was heard so far.

    Threading: used by one thread at a time.
    """

    def observe(self) -> Observation:
        """Return what was heard of the running utterance. Changes nothing."""
        ...

    def finish(self) -> tuple[Hypothesis, ...]:
        """End the utterance and begin the next one.

        The engine pads the end with as much silence as its model needs, so
        that the last word is not lost.

        Returns:
            Readings with text, best first, at most the stream's
            `max_alternatives`; empty if nothing was heard.
        """
        ...

    def close(self) -> None:
        """Free what the stream holds. May be called more than once."""
        ...


class Engine(Protocol):
    """A loaded model or several, and the code that runs them.

    Threading: all methods are called by one thread, that of the worker.
    """

    @property
    def models(self) -> Sequence[ModelInfo]:
        """What the engine serves; never empty, and constant."""
        ...

    @property
    def max_batch(self) -> int:
        """Most streams that `accept` takes at once; 1 for an engine that decodes one by one."""
        ...

    def warm_up(self) -> None:
        """Run once through the whole code, so that the first user does not wait."""
        ...

    def open(self, options: StreamOptions) -> EngineStream:
        """Return a fresh stream.

        Raises:
            RequestError: No model of this engine fits the options.
        """
        ...

    def accept(self, batch: Sequence[tuple[EngineStream, Samples]]) -> None:
        """Decode audio of one or more streams, together where the engine can.

        Args:
            batch: From one to `max_batch` streams, each once; any number of samples,
                at least one. If this raises, none of the streams was advanced.
        """
        ...

    def close(self) -> None:
        """Free the models. Every stream was closed before."""
        ...


@dataclass(frozen=True, slots=True)
class Heard:
    """The running utterance has a new observation.

    Attributes:
        utterance: Number of the utterance in the stream, from 0.
        observation: What was heard of it so far.
        decoded_ms: Audio of this utterance decoded up to here.
        news_at: With so many samples of this utterance there will be something new
            to hear, 0 if that is not known.
    """

    utterance: int
    observation: Observation
    decoded_ms: int
    news_at: int = 0


@dataclass(frozen=True, slots=True)
class Finished:
    """An utterance is settled.

    Attributes:
        utterance: Number of the utterance in the stream, from 0.
        alternatives: Readings with text, best first; empty if nothing was heard.
        news_at: As of `Heard`, of the next utterance.
    """

    utterance: int
    alternatives: tuple[Hypothesis, ...]
    news_at: int = 0


class RecognizerStream(Protocol):
    """A stream that may run elsewhere. One task sends, one task reads events."""

    async def send(self, samples: Samples) -> None:
        """Hand over audio of the running utterance; waits while the engine is behind.

        Raises:
            UnavailableError: The worker went away.
            InternalError: The engine failed.

        Cancellation: afterwards the stream is only good for closing.
        """
        ...

    async def hurry(self, *, finish_at_silence_ms: int | None = None) -> None:
        """Have what was sent decoded at once, and told by an event. Raises as `send`.

        Args:
            finish_at_silence_ms: With so much silence behind the last word, or without any
                word, the utterance is finished at once, and the event is its `Finished`.
                None: it goes on.
        """
        ...

    async def finish(self) -> None:
        """End the utterance; its `Finished` comes as an event. Raises as `send`.

        One that `hurry` has finished is left as it is; this belongs to it all the same.
        """
        ...

    def events(self) -> AsyncIterator[Heard | Finished]:
        """Yield events in the order of the audio; ends after `close`. Raises as `send`.

        An observation that nobody has read yet is replaced by the next one; a
        `Finished` is never dropped.
        """
        ...

    async def close(self) -> None:
        """Give the stream back at once. May be called more than once."""
        ...


class Recognizer(Protocol):
    """Where sessions get their streams."""

    @property
    def models(self) -> Sequence[ModelInfo]:
        """What is served; empty while nothing is ready."""
        ...

    async def open(self, options: StreamOptions) -> RecognizerStream:
        """Return a fresh stream.

        Raises:
            RequestError: Nothing that is served fits the options.
            CapacityError: Every worker is full.
            UnavailableError: No worker runs.
        """
        ...
