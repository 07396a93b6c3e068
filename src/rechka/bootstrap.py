"""Puts a server together: the only place that knows every concrete class."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType
from typing import Any

import structlog

from rechka.access.audit import Actor
from rechka.access.bootstrap import DevelopmentAccess, create_development_access
from rechka.access.port import AccessStore
from rechka.access.quota import Quota
from rechka.access.service import Access
from rechka.access.tokens import TokenSigner
from rechka.address import parse_address
from rechka.errors import RechkaError
from rechka.gateway.app import create_app
from rechka.gateway.server import HttpServer
from rechka.observability.busy import Busy
from rechka.observability.metrics import Metrics, Sample
from rechka.observability.workers import Workers
from rechka.recognition.pool import WorkerPool
from rechka.recognition.port import ModelInfo, Recognizer
from rechka.serving.live import LiveModels
from rechka.session.clock import AsyncioClock, Clock
from rechka.session.conversation import profanity_rules
from rechka.session.hotwords import folder_hotwords
from rechka.settings import Settings
from rechka.storage.access_sql import open_access_store
from rechka.storage.database import database_trouble
from rechka.storage.signing_key import load_signer
from rechka.text.pipeline import warm_up
from rechka.ticks import next_tick
from rechka.transport.server import GrpcServer
from rechka.transport.tls import certificate_hosts

__all__ = ["Server"]

_log = structlog.get_logger()
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})

# How late, at most, health and readiness tell a change of the workers.
_READY_INTERVAL_S, _UNREADY_INTERVAL_S = 1.0, 0.2
# How old, at most, the load and the metrics of the workers are.
_MEASURING_INTERVAL_S = 1.0
# When a watch that failed is tried again.
_RETRY_INTERVAL_S = 1.0


def _create_access(settings: Settings, store: AccessStore, signer: TokenSigner) -> Access:
    limits = settings.access
    server = settings.server
    hosts = {*limits.token_hosts, *certificate_hosts(server.tls_cert)}
    for text in filter(None, (server.grpc_address, server.advertised_address)):
        host = parse_address(text, may_be_unix=True).host
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
        cause = database_trouble(error.__cause__)
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
        self.metrics = Metrics()
        self._workers = Workers({}, 0, ())
        self.metrics.add_samples(self._worker_samples)
        self._busy = Busy(lambda: self._grpc.drain.running)
        self.metrics.add_samples(self._busy.samples)
        self._stack = AsyncExitStack()
        self._ready = asyncio.Event()
        self._warm_languages: set[str] = set()
        self._live: LiveModels | None = None

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
                live = LiveModels(self._settings, prepare=self._warm_text)
                pool = await live.prepare_pool()
                self._recognizer: Recognizer = pool
                stack.push_async_callback(live.close)
                self._live = live
                measuring = asyncio.create_task(
                    _repeat(partial(self._measure_workers, pool), failure="measuring_failed")
                )
                stack.callback(measuring.cancel)
            else:
                self._recognizer = self._given_recognizer
            self._grpc = GrpcServer(
                self._settings,
                recognizer=self._recognizer,
                access=access,
                clock=self._clock,
                observe=self.metrics.session,
                count=self.metrics.call_ended,
                load=self._load,
                check=self._busy.check,
            )
            stack.push_async_callback(self._grpc.stop, grace_s=0)
            app = create_app(
                unready_reason=self._unready_reason,
                details=self._details,
                render_metrics=self.metrics.render,
            )
            self._http = HttpServer(app, address=self._settings.server.http_address)
            stack.push_async_callback(self._http.stop)
            await self._grpc.start()
            await self._http.start()
            readiness = _repeat(self._watch_readiness, failure="readiness_failed")
            for watching in (readiness, self._busy.watch()):
                stack.callback(asyncio.create_task(watching).cancel)
            # Only now: models may take minutes to load, and a port that is in use is told
            # at once. Whoever asks meanwhile hears that the server is not ready.
            if self._live is not None:
                await self._live.start()
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

    def reload(self) -> None:
        """Start new workers with what is to be served now, in the place of the present ones."""
        if self._live is not None:
            self._live.reload()

    async def drain(self) -> int:
        """Take no more sessions and wait for the running ones.

        Returns:
            How many were cut because the grace of the settings was over.
        """
        if self._live is not None:
            await self._live.freeze()
        return await self._grpc.stop(grace_s=self._settings.server.drain_grace_s)

    def _unready_reason(self) -> str | None:
        if self._grpc.drain.is_draining:
            return "the server is shutting down"
        if not self._recognizer.models:
            return "no recognizer is warm yet"
        languages = {model.language for model in self._recognizer.models}
        if not self._warm_languages.issuperset(languages):
            return "the text rules of a language are not loaded yet"
        return None

    def _details(self) -> dict[str, Any]:
        """Return what is served, and how the last change of it went."""
        models = [
            {
                "name": model.name,
                "engine": model.engine,
                "language": model.language,
                "tags": list(model.tags),
                "device": model.device,
            }
            for model in self._recognizer.models
        ]
        if self._live is None:
            return {"models": models}
        reload = {"is_running": self._live.is_reloading, "failure": self._live.failure}
        return {"models": models, "reload": reload}

    async def _warm_text(self, models: Sequence[ModelInfo]) -> None:
        """Load the text rules and models of the languages of these models."""
        results = self._settings.results
        languages = {model.language for model in models}
        for language in sorted(languages - self._warm_languages):
            # A thread, because sessions of other languages may run meanwhile.
            await asyncio.to_thread(
                warm_up,
                language,
                profanity_mode=results.profanity_mode,
                profanity_rules=profanity_rules(results.profanity_file),
            )
            self._warm_languages.add(language)

    def _load(self) -> float | None:
        """Return the load of what is the most loaded, the workers or this process."""
        load = self._workers.load
        return None if load is None else max(load, self._busy.share)

    def _worker_samples(self) -> Iterable[Sample]:
        return self._workers.samples()

    async def _measure_workers(self, pool: WorkerPool) -> float:
        self._workers = Workers(await pool.measure(), pool.restarts, pool.models)
        return _MEASURING_INTERVAL_S

    async def _watch_readiness(self) -> float:
        await self._warm_text(self._recognizer.models)
        is_ready = self._unready_reason() is None
        await self._grpc.set_ready(is_ready=is_ready)
        if is_ready:
            self._ready.set()
        return _READY_INTERVAL_S if is_ready else _UNREADY_INTERVAL_S


async def _repeat(turn: Callable[[], Awaitable[float]], *, failure: str) -> None:
    """Do something at every tick of as many seconds as it returns.

    Args:
        turn: What is done.
        failure: Event of the log that tells that it failed: once, until it did well again.
    """
    told = None
    while True:
        try:
            interval_s = await turn()
            told = None
        except Exception as error:
            # A descriptor or memory that lacks for a moment must not end a watch.
            if told is not type(error):
                _log.exception(failure)
            told, interval_s = type(error), _RETRY_INTERVAL_S
        await next_tick(interval_s)
