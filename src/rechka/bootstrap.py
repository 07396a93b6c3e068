"""Puts a server together: the only place that knows every concrete class."""

import asyncio
from contextlib import AsyncExitStack
from types import TracebackType

import structlog

from rechka.access.audit import Actor
from rechka.access.bootstrap import DevelopmentAccess, create_development_access
from rechka.access.port import AccessStore
from rechka.access.quota import Quota
from rechka.access.service import Access
from rechka.access.tokens import TokenSigner
from rechka.catalog.local import starter_models
from rechka.errors import RechkaError
from rechka.gateway.app import create_app
from rechka.gateway.server import HttpServer
from rechka.recognition.port import Recognizer
from rechka.session.clock import AsyncioClock, Clock
from rechka.session.conversation import profanity_rules
from rechka.session.hotwords import folder_hotwords
from rechka.settings import RecognitionSettings, Settings
from rechka.storage.access_sql import open_access_store
from rechka.storage.signing_key import load_signer
from rechka.text.pipeline import warm_up
from rechka.transport.server import GrpcServer
from rechka.transport.tls import certificate_hosts
from rechka.worker import start_pool

__all__ = ["Server"]

_log = structlog.get_logger()
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})

# How late, at most, health and readiness tell a change of the workers.
_READINESS_INTERVAL_S = 0.2


def _with_starter_models(settings: RecognitionSettings) -> RecognitionSettings:
    """Give the starter models, where they are installed, to an engine that got none."""
    folder = starter_models()
    if settings.engine != "auto" or "ctc" in settings.engine_options or folder is None:
        return settings
    options = {**settings.engine_options, "ctc": {"models": [str(folder)]}}
    return settings.model_copy(update={"engine_options": options})


def _create_access(settings: Settings, store: AccessStore, signer: TokenSigner) -> Access:
    limits = settings.access
    server = settings.server
    hosts = {*limits.token_hosts, *certificate_hosts(server.tls_cert)}
    for address in (server.grpc_address, server.advertised_address):
        host = address.rpartition(":")[0] or address
        hosts |= _LOOPBACK if host in _LOOPBACK else {host}
    return Access(
        store,
        signer,
        hosts={host.lower() for host in hosts if host},
        default_quota=Quota(
            sessions_per_s=limits.sessions_per_s,
            concurrent_sessions=limits.concurrent_sessions,
            audio_s_per_day=limits.audio_s_per_day,
        ),
        lease_s=limits.lease_s,
        audit_days=limits.audit_days,
        login_failures_per_minute=limits.login_failures_per_minute,
        on_trouble=_tell_trouble,
    )


def _tell_trouble(error: Exception) -> None:
    if isinstance(error, RechkaError):
        cause = type(error.__cause__).__name__ if error.__cause__ else None
        _log.warning("access_trouble", code=error.code.value, reason=error.message, cause=cause)
    else:
        _log.error("access_failed", exc_info=error)


class Server:
    """A whole server: use it as an asynchronous context.

    Inside the context the ports are bound; `wait_ready` waits for the engine.

    Args:
        settings: The settings.
        recognizer: Where engine streams come from; None starts the worker
            processes of the settings.
        store: Accounts and credentials, closed with the server; None opens the
            one of the settings.
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
        self._given_store = store
        self._clock = clock or AsyncioClock()
        self._stack = AsyncExitStack()
        self._ready = asyncio.Event()
        self._warm_languages: set[str] = set()

    async def __aenter__(self) -> "Server":
        """Start everything; what was started is stopped again if a later part fails."""
        # A list of words that is no good is refused now, not in the first session.
        profanity_rules(self._settings.results.profanity_file)
        for folder_id in self._settings.recognition.hotwords:
            folder_hotwords(self._settings.recognition.hotwords, folder_id)
        async with AsyncExitStack() as stack:
            self.signer = load_signer(self._settings.data_dir)
            self.store = self._given_store or await open_access_store(
                self._settings.access.database_url, data_dir=self._settings.data_dir
            )
            access = _create_access(self._settings, self.store, self.signer)
            stack.push_async_callback(access.close)
            await access.start()
            if self._given_recognizer is None:
                pool = await start_pool(_with_starter_models(self._settings.recognition))
                stack.push_async_callback(pool.close)
                self._recognizer: Recognizer = pool
            else:
                self._recognizer = self._given_recognizer
            self._grpc = GrpcServer(
                self._settings,
                recognizer=self._recognizer,
                access=access,
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

    async def create_development_access(self) -> DevelopmentAccess:
        """Return credentials of the development folder, which is made when missing."""
        return await create_development_access(self.store, self.signer, actor=Actor("server"))

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
        if not self._warm_languages.issuperset(self._served_languages()):
            return "the text rules of a language are not loaded yet"
        return None

    def _served_languages(self) -> set[str]:
        return {model.language for model in self._recognizer.models}

    async def _warm_text(self) -> None:
        """Load the text rules and models of every language that is served now."""
        results = self._settings.results
        for language in sorted(self._served_languages() - self._warm_languages):
            # A thread, because sessions of other languages may run meanwhile.
            await asyncio.to_thread(
                warm_up,
                language,
                profanity_mode=results.profanity_mode,
                profanity_rules=profanity_rules(results.profanity_file),
            )
            self._warm_languages.add(language)

    async def _watch_readiness(self) -> None:
        while not self._grpc.drain.is_draining:
            await self._warm_text()
            is_ready = self._unready_reason() is None
            await self._grpc.set_ready(is_ready=is_ready)
            if is_ready:
                self._ready.set()
            await asyncio.sleep(_READINESS_INTERVAL_S)
