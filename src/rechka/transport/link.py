"""A connection that carries messages, each behind its length.

Between a server and a worker pass twenty messages a second and session. gRPC between them
costs more than all else that a server does, so their messages go over plain sockets. What
is written in one turn of the event loop is sent at its end, for all connections one after
another: the first message wakes the peer, which costs more than the rest, and the others
find it awake.
"""

import asyncio
from collections import deque
from typing import cast

__all__ = ["Link"]

_LENGTH_BYTES = 4
# No message of ours is longer; more is not from a peer of ours.
_MOST_BYTES = 16 * 2**20
# Bytes that nobody has read, with the lengths; beyond it the peer has to wait.
_MOST_UNREAD = 128 * 2**10
# Bytes that wait for the end of the turn; more are sent at once.
_MOST_UNSENT = 64 * 2**10


class Link(asyncio.Protocol):
    """One end of a connection. One task reads, any may write; within one event loop.

    Both directions are bounded: who does not read makes the other end's `drain` wait.
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
        message = self._messages.popleft()
        self._unread -= _LENGTH_BYTES + len(message)
        if self._is_paused and self._unread < _MOST_UNREAD and self._transport is not None:
            self._is_paused = False
            self._transport.resume_reading()
        return message

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

    def pause_writing(self) -> None:
        """Note that the peer is behind; called by the event loop."""
        self._can_write.clear()

    def resume_writing(self) -> None:
        """Note that it is not any more; called by the event loop."""
        self._can_write.set()

    def data_received(self, data: bytes) -> None:
        """Take what came; called by the event loop."""
        partial = self._partial
        partial += data
        start = 0
        while len(partial) - start >= _LENGTH_BYTES:
            begin = start + _LENGTH_BYTES
            size = int.from_bytes(partial[start:begin], "little")
            if size > _MOST_BYTES:
                self.abort()
                break
            if len(partial) < begin + size:
                break
            start = begin + size
            self._messages.append(bytes(partial[begin:start]))
            self._unread += _LENGTH_BYTES + size
        del partial[:start]
        if self._messages:
            self._changed.set()
        if self._unread >= _MOST_UNREAD and not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()
