"""Serves the HTTP application in the running event loop."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette

from rechka.address import parse_address
from rechka.errors import refused_setting
from rechka.ticks import next_tick, wait_unless_set

__all__ = ["HttpServer"]

_TICK_S = 1.0
# A client that does not read would keep its answer, and the server, waiting for ever.
_GRACE_S = 3.0


class _Server(uvicorn.Server):
    """Leaves the signals to whoever runs the process, and wakes it once a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._is_told = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        while not self.should_exit:
            # At a tick of this number the date of the responses is set.
            await self.on_tick(0)
            await wait_unless_set(next_tick(_TICK_S), self._is_told)

    def end(self) -> None:
        """Let `serve` return once the requests that run are answered."""
        self.should_exit = True
        self._is_told.set()

    def abandon(self) -> None:
        """Drop the connections whose answers nobody takes."""
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()


class HttpServer:
    """The HTTP side of a server.

    Args:
        app: What is served.
        address: Host and port, as the settings accept it; port 0 takes a free one.
    """

    def __init__(self, app: Starlette, *, address: str) -> None:
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
        self._server = _Server(config)
        self._serving: asyncio.Task[None] | None = None
        self._asked = address
        self.address = ""

    async def start(self) -> None:
        """Bind and serve; `address` then holds host and port.

        Raises:
            RequestError: The address cannot be bound.
        """
        address = parse_address(self._asked)
        try:
            family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
            listener = socket.create_server((address.bare_host, address.port), family=family)
        except (OSError, ValueError) as error:
            problem = f"cannot listen on {self._asked!r}: {error}"
            raise refused_setting("server.http_address", problem) from error
        self.address = f"{address.host}:{listener.getsockname()[1]}"
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))

    async def stop(self) -> None:
        """Close the port; requests that run are answered first, if their clients read."""
        if self._serving is not None:
            self._server.end()
            done, _ = await asyncio.wait((self._serving,), timeout=_GRACE_S)
            if not done:
                self._server.abandon()
            await self._serving
