"""A network between a client and a server that can disappear."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["BlackHole", "network_to"]

_READ_BYTES = 65_536


class BlackHole:
    """Carries bytes both ways until it is told to swallow them.

    Whoever sends then gets neither an answer nor an end of the connection, as behind a
    cable that was pulled or an address translation that was forgotten.

    Args:
        address: Host and port of the server.
    """

    def __init__(self, address: str) -> None:
        self._host, _, port = address.rpartition(":")
        self._port = int(port)
        self._is_gone = False
        self._writers: list[asyncio.StreamWriter] = []
        self.closed_by_server = asyncio.Event()
        """Set once the server has closed its end of a connection."""

    def disappear(self) -> None:
        """Swallow all bytes from here on, and say of no end that it has come."""
        self._is_gone = True

    async def join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry the bytes of one client."""
        from_server, to_server = await asyncio.open_connection(self._host, self._port)
        self._writers += [writer, to_server]
        await asyncio.gather(self._carry(reader, to_server), self._carry(from_server, writer))

    async def close(self) -> None:
        """Close all connections."""
        for writer in self._writers:
            writer.close()
        await asyncio.gather(
            *(item.wait_closed() for item in self._writers), return_exceptions=True
        )

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_from_server = writer is self._writers[0]
        try:
            while received := await reader.read(_READ_BYTES):
                if not self._is_gone:
                    writer.write(received)
                    await writer.drain()
        except ConnectionError:
            # A reset is an end as well.
            pass
        if is_from_server:
            self.closed_by_server.set()
        if not self._is_gone:
            writer.close()


@asynccontextmanager
async def network_to(address: str) -> AsyncIterator[tuple[BlackHole, str]]:
    """Yield a network to a server, and the address that it is to be reached under."""
    hole = BlackHole(address)
    listener = await asyncio.start_server(hole.join, "127.0.0.1", 0)
    try:
        host, port = listener.sockets[0].getsockname()
        yield hole, f"{host}:{port}"
    finally:
        listener.close()
        await hole.close()
