"""The audio that may have to be heard again."""

from collections import deque

from rechka.client.chunks import AudioChunk

__all__ = ["AudioBuffer"]


class AudioBuffer:
    """Audio from the commit position on, and how much of it the session has had.

    It holds no more than one session may carry, because chunks are added only
    when all others were sent.

    Attributes:
        commit_ms: Audio before this position is settled and forgotten.
    """

    def __init__(self) -> None:
        self.commit_ms = 0.0
        self._sent: deque[AudioChunk] = deque()
        self._unsent: deque[AudioChunk] = deque()

    @property
    def next(self) -> AudioChunk | None:
        """The chunk to send next, None if all were sent."""
        return self._unsent[0] if self._unsent else None

    def add(self, chunk: AudioChunk) -> None:
        """Take the next chunk of the source."""
        self._unsent.append(chunk)

    def take(self) -> AudioChunk:
        """Return `next`, and count it as sent."""
        chunk = self._unsent.popleft()
        self._sent.append(chunk)
        return chunk

    def commit(self, position_ms: float) -> None:
        """Forget audio before a position; one before `commit_ms` changes nothing."""
        self.commit_ms = max(self.commit_ms, position_ms)
        while self._sent and self._sent[0].end_ms <= self.commit_ms:
            self._sent.popleft()

    def rewind(self) -> None:
        """Begin again at the commit position: nothing counts as sent."""
        self._unsent.extendleft(reversed(self._sent))
        self._sent.clear()
        while self._unsent and self._unsent[0].end_ms <= self.commit_ms:
            self._unsent.popleft()
        if self._unsent:
            self._unsent[0] = self._unsent[0].since(self.commit_ms)
