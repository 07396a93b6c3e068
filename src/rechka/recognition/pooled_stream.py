"""A worker's stream that takes a share of the worker until it is closed."""

import contextlib
from collections.abc import AsyncIterator, Callable

from rechka.audio.samples import Samples
from rechka.errors import ErrorCode, RechkaError, UnavailableError
from rechka.recognition.port import Finished, Heard, RecognizerStream

__all__ = ["PooledStream"]


class PooledStream:
    """A worker's stream that is counted until it is closed.

    Args:
        stream: The worker's own.
        give_back: Gives its share of the worker back.
        is_cut: Returns whether workers were ended on purpose, because others took their
            place long ago.
    """

    def __init__(
        self,
        stream: RecognizerStream,
        give_back: Callable[[], None],
        is_cut: Callable[[], bool],
    ) -> None:
        self._stream = stream
        self._give_back: Callable[[], None] | None = give_back
        self._is_cut = is_cut

    async def send(self, samples: Samples) -> None:
        """Hand over audio. As `RecognizerStream.send`."""
        try:
            await self._stream.send(samples)
        except UnavailableError as error:
            raise self._why(error) from None

    async def hurry(self, *, finish_at_silence_ms: int | None = None) -> None:
        """Have all decoded at once. As `RecognizerStream.hurry`."""
        try:
            await self._stream.hurry(finish_at_silence_ms=finish_at_silence_ms)
        except UnavailableError as error:
            raise self._why(error) from None

    async def finish(self) -> None:
        """End the utterance. As `RecognizerStream.finish`."""
        try:
            await self._stream.finish()
        except UnavailableError as error:
            raise self._why(error) from None

    async def events(self) -> AsyncIterator[Heard | Finished]:
        """Yield events. As `RecognizerStream.events`."""
        try:
            async for event in self._stream.events():
                yield event
        except UnavailableError as error:
            raise self._why(error) from None

    async def close(self) -> None:
        """Give the stream and its place back. May be called more than once."""
        give_back, self._give_back = self._give_back, None
        if give_back is None:
            return
        try:
            with contextlib.suppress(RechkaError):
                await self._stream.close()
        finally:
            # Only now: a worker without streams may be ended.
            give_back()

    def _why(self, error: UnavailableError) -> UnavailableError:
        """Return why the worker is gone: that it was ended, if that was on purpose."""
        if not self._is_cut():
            return error
        return UnavailableError(
            ErrorCode.UNAVAILABLE,
            "The model of this session was replaced, and the time that running "
            "sessions have to finish is over; connect again",
            retry_after_s=0.5,
        )
