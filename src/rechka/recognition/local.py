"""A recognizer of this process, as it is used out of the event loop's callbacks.

A `RecognizerStream` is used by two tasks, which are woken for every block of audio and for
every event. Whoever passes both on only, for many streams, spends most of its time with that.
"""

from typing import Protocol

from rechka.audio.samples import Samples
from rechka.recognition.measures import MeasuredRecognizer
from rechka.recognition.port import Finished, Heard, RecognizerStream, StreamOptions

__all__ = ["LocalRecognizer", "LocalStream", "StreamUser"]


class StreamUser(Protocol):
    """Whom a stream calls when something changed. The calls come in the event loop.

    None may raise.
    """

    def stream_has_room(self) -> None:
        """Learn that audio is taken again which was refused before."""
        ...

    def stream_has_events(self) -> None:
        """Learn that there is an event, or an error behind the last one."""
        ...


class LocalStream(RecognizerStream, Protocol):
    """A stream that never waits for its user, nor makes it wait."""

    def attach(self, user: StreamUser) -> None:
        """Call this user from now on; it must not use `events` too."""
        ...

    def offer(self, samples: Samples) -> bool:
        """Take audio of the running utterance, or return False while the engine is behind.

        The user hears when there is room. Raises as `send`.
        """
        ...

    def hurry_now(self, *, finish_at_silence_ms: int | None = None) -> None:
        """Do as `hurry`. Raises as `send`."""
        ...

    def finish_now(self, utterance: int | None = None) -> None:
        """Do as `finish`. Raises as `send`.

        Args:
            utterance: Number of the one that ends; None: the one behind that of the last time.
        """
        ...

    def next_event(self) -> Heard | Finished | None:
        """Return the next of `events`, None if there is none yet. Raises as `send`."""
        ...


class LocalRecognizer(MeasuredRecognizer, Protocol):
    """A recognizer of such streams."""

    async def open(self, options: StreamOptions) -> LocalStream:
        """Return a fresh stream. Raises as `Recognizer.open`."""
        ...
