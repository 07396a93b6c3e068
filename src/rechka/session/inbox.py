"""The messages of one client, judged as they come."""

from collections.abc import AsyncIterator
from enum import Enum

from rechka.session.clock import Clock, Deadline
from rechka.session.machine import SessionMachine
from rechka.spec import RecognitionSpec

__all__ = ["HalfClose", "Inbox", "Message"]

Message = RecognitionSpec | bytes | None
"""What a client sends: settings, a chunk of audio, or a message with nothing in it."""


class HalfClose(Enum):
    """The client has ended its side."""

    HALF_CLOSE = "half-close"


class Inbox:
    """Reads messages in order and lets the machine judge each.

    Args:
        messages: What the client sends; ends with its half-close.
        machine: The session's.
        clock: Time of the idle limit.
    """

    def __init__(
        self, messages: AsyncIterator[Message], *, machine: SessionMachine, clock: Clock
    ) -> None:
        self._messages = messages
        self._machine = machine
        self._clock = clock

    async def receive(self, deadline: Deadline) -> RecognitionSpec | bytes | HalfClose:
        """Return the next message that is allowed at this point.

        Args:
            deadline: Of the calling task.

        Raises:
            RequestError: The message is wrong, or comes at the wrong time.
            LimitError: None came in time, or there are too many bytes.
        """
        self._machine.wait(now_s=self._clock.time())
        try:
            message = await deadline.wait(
                anext(self._messages, HalfClose.HALF_CLOSE), until_s=self._machine.idle_at_s
            )
        except TimeoutError:
            raise self._machine.idle_error() from None
        match message:
            case HalfClose():
                self._machine.receive_half_close()
            case RecognitionSpec():
                self._machine.receive_spec(message)
            case bytes():
                self._machine.receive_audio(len(message))
            case None:
                self._machine.receive_nothing()
        return message
