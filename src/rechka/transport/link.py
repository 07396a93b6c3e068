"""A connection that carries messages, each behind its length.

Between a server and a worker pass twenty messages a second and session. gRPC between them
costs more than all else that a server does, so their messages go over plain sockets. What
is written in one turn of the event loop is sent at its end, for all connections one after
another: the first message wakes the peer, which costs more than the rest, and the others
find it awake.
"""

import asyncio
from collections import deque
from typing import Protocol, cast

__all__ = ["Link", "Receiver"]

_LENGTH_BYTES = 4
# No message of ours is longer; more is not from a peer of ours.
_MOST_BYTES = 16 * 2**20
# Bytes that nobody has read, with the lengths; beyond it the peer has to wait.
_MOST_UNREAD = 128 * 2**10
# Bytes that wait for the end of the turn; more are sent at once.
_MOST_UNSENT = 64 * 2**10


class Receiver(Protocol):
    """Who is called with a link's messages, so that no task need be woken for each.

    The calls come out of the event loop. None may raise, or call the link's `deliver`.
    """

    def take(self, message: bytes) -> bool:
        """Take the next message, or return False to be offered it again by `deliver`."""
        ...

    def link_can_write(self) -> None:
        """Learn that the peer has caught up with what was written."""
        ...

    def link_ended(self) -> None:
        """Learn that the connection is over; messages that were refused may be left."""
        ...


class Link(asyncio.Protocol):
    """One end of a connection. One task reads, any may write; within one event loop.

    In place of the reading task there may be a receiver. Both directions are bounded: who
    does not read, or take, makes the other end's `drain` wait.
    """

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._partial = bytearray()
        self._messages: deque[bytes] = deque()
        # What is sent at the end of this turn.
        self._outgoing: list[bytes] = []
        self._unsent = 0
        self._unread = 0
        self._is_paused = False
        self._is_over = False
        self._changed = asyncio.Event()
        self._can_write = asyncio.Event()
        self._can_write.set()
        self._receiver: Receiver | None = None

    @property
    def is_ending(self) -> bool:
        """Whether the connection has ended or is about to; what came can still be read."""
        return self._is_over or (self._transport is not None and self._transport.is_closing())

    async def read(self) -> bytes | None:
        """Return the next message; None at the end. Cancellation: safe."""
        while not self._messages:
            if self._is_over:
                return None
            self._changed.clear()
            await self._changed.wait()
        return self._pop()

    def attach(self, receiver: Receiver) -> None:
        """Hand messages to a receiver from now on, those that nobody has read first."""
        self._receiver = receiver
        self.deliver()
        if self._is_over:
            receiver.link_ended()

    def detach(self) -> None:
        """Keep messages for `read` again."""
        self._receiver = None

    def deliver(self) -> None:
        """Offer the receiver what came, until it refuses a message."""
        while self._messages and self._receiver is not None:
            if not self._receiver.take(self._messages[0]):
                break
            self._pop()

    def write(self, message: bytes) -> None:
        """Send a message. Nothing happens if the connection has ended."""
        if self._transport is None or self.is_ending:
            return
        if not self._outgoing:
            asyncio.get_running_loop().call_soon(self._send)
        self._outgoing += (len(message).to_bytes(_LENGTH_BYTES, "little"), message)
        self._unsent += _LENGTH_BYTES + len(message)
        if self._unsent >= _MOST_UNSENT:
            self._send()

    @property
    def can_write(self) -> bool:
        """Whether the peer has taken most of what was written, or is gone."""
        return self._can_write.is_set()

    async def drain(self) -> None:
        """Wait until the peer has taken most of what was written, or is gone."""
        if not self._can_write.is_set():
            await self._can_write.wait()

    def close(self) -> None:
        """End the connection after what was written has been sent."""
        if self._transport is not None:
            self._send()
            self._transport.close()

    def abort(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def _send(self) -> None:
        outgoing, self._outgoing, self._unsent = self._outgoing, [], 0
        if outgoing and self._transport is not None and not self.is_ending:
            self._transport.write(b"".join(outgoing))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; called by the event loop."""
        # A stream's transport is one of these, though not of this class in every loop.
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """End; called by the event loop."""
        self._is_over = True
        self._changed.set()
        self._can_write.set()
        if self._receiver is not None:
            self._receiver.link_ended()

    def pause_writing(self) -> None:
        """Note that the peer is behind; called by the event loop."""
        self._can_write.clear()

    def resume_writing(self) -> None:
        """Note that it is not any more; called by the event loop."""
        self._can_write.set()
        if self._receiver is not None:
            self._receiver.link_can_write()

    def data_received(self, data: bytes) -> None:
        """Take what came; called by the event loop."""
        # Nearly always whole messages come, and need not be copied together.
        came: bytes | bytearray = data
        if self._partial:
            self._partial += data
            came = self._partial
        start = 0
        while len(came) - start >= _LENGTH_BYTES:
            begin = start + _LENGTH_BYTES
            size = int.from_bytes(came[start:begin], "little")
            if size > _MOST_BYTES:
                self.abort()
                break
            if len(came) < begin + size:
                break
            start = begin + size
            self._messages.append(bytes(came[begin:start]))
            self._unread += _LENGTH_BYTES + size
        if came is data:
            self._partial += data[start:]
        else:
            del self._partial[:start]
        if self._receiver is not None:
            self.deliver()
        elif self._messages:
            self._changed.set()
        if self._unread >= _MOST_UNREAD and not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()

    def _pop(self) -> bytes:
        message = self._messages.popleft()
        self._unread -= _LENGTH_BYTES + len(message)
        if self._is_paused and self._unread < _MOST_UNREAD and self._transport is not None:
            self._is_paused = False
            self._transport.resume_reading()
        return message
