"""The models in service, replaced while sessions run whenever others are to serve."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from rechka.errors import RechkaError
from rechka.recognition.generation import WorkerLauncher
from rechka.recognition.pool import WorkerPool
from rechka.recognition.port import ModelInfo
from rechka.recognition.registry import how_to_install
from rechka.serving.plan import Plan, Stamp, look, read_plan
from rechka.settings import RecognitionSettings, Settings
from rechka.ticks import next_tick, wait_unless_set
from rechka.worker import ProcessLauncher, create_pool

__all__ = ["LiveModels"]

_log = structlog.get_logger()
_POLL_INTERVAL_S = 1.0


class LiveModels:
    """The pool of a server, and a watch over what it should serve.

    A change of the selection or of the installed models is noticed within seconds, once
    nothing has changed for one look. New workers then take the place of the old ones; if
    they cannot be started the old ones stay, and `failure` says why.

    Args:
        settings: The server's.
        prepare: Called with models before sessions get them.
        launcher: Makes what starts workers of some settings.
        sleep: Waits so many seconds; None is the event loop's time.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        prepare: Callable[[Sequence[ModelInfo]], Awaitable[None]],
        launcher: Callable[[RecognitionSettings], WorkerLauncher] = ProcessLauncher,
        sleep: Callable[[float], Awaitable[object]] | None = None,
    ) -> None:
        self._settings = settings
        self._prepare = prepare
        self._launcher = launcher
        self._sleep, self._tick = sleep or asyncio.sleep, sleep or next_tick
        self._asked = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        self._reloading: asyncio.Task[None] | None = None
        self._seen: Stamp = ()
        self._acted: Stamp | None = None
        # Models that are passed over and why, as that was told last.
        self._told: dict[str, str] = {}
        self.failure: str | None = None
        """Why the last change is not in service; None if it is."""

    async def prepare_pool(self) -> WorkerPool:
        """Find out what is to be served; return the pool, none of whose workers is started.

        Raises:
            RequestError: There is nothing to serve.
        """
        self._acted = self._seen = await asyncio.to_thread(look, self._settings)
        plan = await asyncio.to_thread(read_plan, self._settings)
        self._tell_passed_over(plan)
        self._served: Plan = plan
        self._goal: Plan | None = plan
        self._pool = create_pool(
            plan.recognition, launcher=self._launcher(plan.recognition), sleep=self._sleep
        )
        return self._pool

    async def start(self) -> None:
        """Start the workers and the watch; return when a worker is warm.

        Raises:
            RequestError: What is to be served does not fit this machine.
        """
        await self._pool.start()
        self._watching = asyncio.create_task(self._watch())

    @property
    def is_reloading(self) -> bool:
        """Whether new workers are being started to take the place of the present ones."""
        return self._reloading is not None and not self._reloading.done()

    def reload(self) -> None:
        """Put new workers in the place of the present ones, whether anything changed or not."""
        self._asked.set()

    async def freeze(self) -> None:
        """Change nothing any more; what is in service stays."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        await self._drop_reload()

    async def close(self) -> None:
        """End the watch and all workers."""
        await self.freeze()
        await self._pool.close()

    async def _watch(self) -> None:
        while True:
            await wait_unless_set(self._tick(_POLL_INTERVAL_S), self._asked)
            is_asked = self._asked.is_set()
            self._asked.clear()
            try:
                await self._poll(is_asked=is_asked)
            except Exception as error:
                # A disk that fails for a moment must not end the watch.
                reason = f"unexpected {type(error).__name__}"
                if self.failure != reason:
                    _log.exception("watch_failed")
                self.failure = reason
                self._acted = self._goal = None

    async def _poll(self, *, is_asked: bool) -> None:
        stamp = await asyncio.to_thread(look, self._settings)
        # Files that are being copied change from look to look.
        is_settled = stamp == self._seen
        self._seen = stamp
        if not is_asked and (not is_settled or stamp == self._acted):
            return
        self._acted = stamp
        try:
            plan = await asyncio.to_thread(read_plan, self._settings)
            self._tell_passed_over(plan)
        except RechkaError as error:
            await self._drop_reload()
            self._goal = None
            self._fail(error.message)
            return
        lost = [reason for folder, reason in plan.broken.items() if self._served.loads(folder)]
        if lost:
            # What serves is better than what would serve instead.
            await self._drop_reload()
            self._goal = None
            self._fail("; ".join(lost))
            return
        if plan == self._goal and not is_asked:
            return
        await self._drop_reload()
        self._goal = plan
        if plan == self._served and not is_asked:
            self.failure = None
            return
        self.failure = None
        self._reloading = asyncio.create_task(self._reload(plan))

    async def _reload(self, plan: Plan) -> None:
        _log.info("reload_began")
        try:
            await self._pool.replace(self._launcher(plan.recognition), prepare=self._prepare)
        except RechkaError as error:
            self._fail(error.message)
        except Exception as error:
            _log.exception("reload_failed_unexpectedly")
            self._fail(f"unexpected {type(error).__name__}")
        else:
            self._served = plan
            self.failure = None
            names = sorted({model.name for model in self._pool.models})
            _log.info("reloaded", models=names)

    async def _drop_reload(self) -> None:
        reloading, self._reloading = self._reloading, None
        if reloading is not None:
            reloading.cancel()
            await asyncio.gather(reloading, return_exceptions=True)

    def _fail(self, reason: str) -> None:
        self.failure = reason
        _log.error("reload_failed", reason=reason)

    def _tell_passed_over(self, plan: Plan) -> None:
        """Log which models are not served and why, those that were not told last time."""
        told = {}
        for name, engine in plan.passed_over:
            advice = how_to_install(engine)
            told[name] = f"its engine {engine} is not installed" + (f": {advice}" if advice else "")
        for name, reason in told.items() - self._told.items():
            _log.warning("model_passed_over", model=name, reason=reason)
        broken = {folder.name: reason for folder, reason in plan.broken.items()}
        for name, reason in broken.items() - self._told.items():
            _log.error("model_passed_over", model=name, reason=reason)
        self._told = told | broken
