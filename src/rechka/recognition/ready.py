"""Which streams go to the engine next."""

from collections import deque
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from rechka.recognition.port import ModelInfo

__all__ = ["ReadyQueue"]

# Streams that are ahead of real time get a turn in this many, however many live ones wait.
_TURNS = 4


class _Waiting(Protocol):
    @property
    def model(self) -> ModelInfo: ...

    @property
    def is_ahead(self) -> bool: ...


_Stream = TypeVar("_Stream", bound=_Waiting)


class ReadyQueue(Generic[_Stream]):
    """Streams that have something to do, each at most once.

    Somebody waits for the words of a stream that is as fast as speech; one that brings
    audio faster than it was spoken, as from a file, can wait. So the former go first, and
    the latter have a turn of their own now and then.
    """

    def __init__(self) -> None:
        self._live: deque[_Stream] = deque()
        self._ahead: deque[_Stream] = deque()
        self._turn = 0

    def __len__(self) -> int:
        return len(self._live) + len(self._ahead)

    def put(self, stream: _Stream) -> None:
        """Put a stream at the end of its queue."""
        (self._ahead if stream.is_ahead else self._live).append(stream)

    def take(self, most: Callable[[ModelInfo], int]) -> list[_Stream]:
        """Take streams of one model, that of the first in turn.

        Args:
            most: Returns how many of a model make a batch; at least 1.
        """
        self._turn = (self._turn + 1) % _TURNS
        queues = [self._live, self._ahead]
        if not self._turn:
            queues.reverse()
        taken: list[_Stream] = []
        for queue in queues:
            left: list[_Stream] = []
            while queue and (not taken or len(taken) < most(taken[0].model)):
                stream = queue.popleft()
                is_other = bool(taken) and stream.model != taken[0].model
                (left if is_other else taken).append(stream)
            queue.extendleft(reversed(left))
        return taken
