"""Audio of a source, brought when it is asked for."""

import asyncio
from collections.abc import AsyncGenerator, Callable

from rechka.client.chunks import AudioChunk

__all__ = ["Supply"]


class Supply:
    """Waits for a source while its user does other things. One task does it for all chunks.

    Args:
        chunks: The audio; owned by the supply.
        on_arrival: Called when something can be taken.
    """

    def __init__(
        self, chunks: AsyncGenerator[AudioChunk, None], on_arrival: Callable[[], None]
    ) -> None:
        self._chunks = chunks
        self._on_arrival = on_arrival
        self._task: asyncio.Task[None] | None = None
        self._asked = asyncio.Event()
        self._is_asked = False
        self._chunk: AudioChunk | None = None
        self._error: BaseException | None = None
        self.has_arrived = False
        """Whether `take` has something to return or to raise."""

    def ask(self) -> None:
        """Have the next chunk brought, unless it is being brought or was not taken yet."""
        if self._is_asked:
            return
        self._is_asked = True
        self._asked.set()
        if self._task is None:
            self._task = asyncio.create_task(self._bring())

    def take(self) -> AudioChunk | None:
        """Return what has arrived; None is the end of the audio.

        Raises:
            RechkaError: The source failed; from now on this is all that arrives.
        """
        if self._error is not None:
            raise self._error
        self._is_asked = self.has_arrived = False
        return self._chunk

    async def close(self) -> None:
        """Stop reading the source, and close it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
        await self._chunks.aclose()

    async def _bring(self) -> None:
        while self._error is None:
            await self._asked.wait()
            self._asked.clear()
            try:
                self._chunk = await anext(self._chunks, None)
            except (Exception, asyncio.CancelledError) as error:
                self._error = error
            self.has_arrived = True
            self._on_arrival()
