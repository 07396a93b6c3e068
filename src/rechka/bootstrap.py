"""Puts a server together: the only place that knows every concrete class."""

import asyncio
from contextlib import AsyncExitStack
from types import TracebackType

from rechka.access.authority import Authority
from rechka.access.port import AccessStore
from rechka.gateway.app import create_app
from rechka.gateway.server import HttpServer
from rechka.recognition.port import Recognizer
from rechka.session.clock import AsyncioClock, Clock
from rechka.settings import Settings
from rechka.storage.access_file import FileAccessStore
from rechka.transport.server import GrpcServer
from rechka.worker import start_pool

__all__ = ["Server", "open_access_store"]

# How late, at most, health and readiness tell a change of the workers.
_READINESS_INTERVAL_S = 0.2


def open_access_store(settings: Settings) -> AccessStore:
    """Return the store of accounts and credentials that the settings name."""
    return FileAccessStore(settings.data_dir)


class Server:
    """A whole server: use it as an asynchronous context.

    Inside the context the ports are bound; `wait_ready` waits for the engine.

    Args:
        settings: The settings.
        recognizer: Where engine streams come from; None starts the worker
            processes of the settings.
        store: Accounts and credentials; None opens the one of the settings.
        clock: Time of the sessions; None is the event loop's.

    Raises:
        RequestError: On entering: a setting does not fit this machine.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        recognizer: Recognizer | None = None,
        store: AccessStore | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._settings = settings
        self._given_recognizer = recognizer
        self.store = store or open_access_store(settings)
        self._clock = clock or AsyncioClock()
        self._stack = AsyncExitStack()
        self._ready = asyncio.Event()

    async def __aenter__(self) -> "Server":
        """Start everything; what was started is stopped again if a later part fails."""
        async with AsyncExitStack() as stack:
            if self._given_recognizer is None:
                pool = await start_pool(self._settings.recognition)
                stack.push_async_callback(pool.close)
                self._recognizer: Recognizer = pool
            else:
                self._recognizer = self._given_recognizer
            self._grpc = GrpcServer(
                self._settings,
                recognizer=self._recognizer,
                authority=Authority(self.store),
                clock=self._clock,
            )
            stack.push_async_callback(self._grpc.stop, grace_s=0)
            app = create_app(unready_reason=self._unready_reason)
            self._http = HttpServer(app, address=self._settings.server.http_address)
            stack.push_async_callback(self._http.stop)
            await self._grpc.start()
            await self._http.start()
            watcher = asyncio.create_task(self._watch_readiness())
            stack.callback(watcher.cancel)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop everything; sessions that still run are ended at once."""
        await self._stack.aclose()

    @property
    def grpc_address(self) -> str:
        """Host and port of the gRPC API."""
        return self._grpc.address

    @property
    def http_address(self) -> str:
        """Host and port of the HTTP side."""
        return self._http.address

    @property
    def recognizer(self) -> Recognizer:
        """Where the sessions get their streams."""
        return self._recognizer

    async def wait_ready(self) -> None:
        """Wait until a session can be opened."""
        await self._ready.wait()

    async def drain(self) -> int:
        """Take no more sessions and wait for the running ones.

        Returns:
            How many were cut because the grace of the settings was over.
        """
        return await self._grpc.stop(grace_s=self._settings.server.drain_grace_s)

    def _unready_reason(self) -> str | None:
        if self._grpc.drain.is_draining:
            return "the server is shutting down"
        if not self._recognizer.models:
            return "no recognizer is warm yet"
        return None

    async def _watch_readiness(self) -> None:
        while not self._grpc.drain.is_draining:
            is_ready = self._unready_reason() is None
            await self._grpc.set_ready(is_ready=is_ready)
            if is_ready:
                self._ready.set()
            await asyncio.sleep(_READINESS_INTERVAL_S)
