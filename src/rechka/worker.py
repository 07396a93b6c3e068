"""A worker: a process that runs one engine for a server.

`python -m rechka.worker` is the process; `create_pool` keeps several. A worker
serves on a Unix socket in a folder that only its user may enter. It writes one
JSON line to its standard output when it is warm or could not start, and ends
when its standard input does: that is how it notices that its server is gone,
however that came about.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NoReturn

import uvloop

from rechka.errors import ErrorCode, RechkaError, RequestError, UnavailableError
from rechka.memory import collect_until, keep_loaded
from rechka.observability.logs import configure_logging, flush_lines
from rechka.recognition.generation import WorkerLauncher
from rechka.recognition.measures import Measures
from rechka.recognition.pool import WorkerPool
from rechka.recognition.port import ModelInfo, StreamOptions
from rechka.recognition.registry import create_engine
from rechka.recognition.scheduler import Scheduler
from rechka.settings import RecognitionSettings
from rechka.telemetry import refuse_telemetry
from rechka.transport.recognizer_client import RemoteRecognizer, RemoteStream
from rechka.transport.recognizer_service import RecognizerService

__all__ = ["ProcessLauncher", "ProcessWorker", "create_pool", "start_pool"]

_STOP_GRACE_S = 3.0
# What the system takes as the path of a Unix socket; what of it is the folder of all others'.
_LONGEST_SOCKET_PATH = 107
_LONGEST_FOLDER = _LONGEST_SOCKET_PATH - len("/rechka-12345678/worker.sock")
# Of a worker whose engine hangs; no signal's, and no other of Python's.
_HUNG = 75


def create_pool(
    settings: RecognitionSettings,
    *,
    launcher: WorkerLauncher | None = None,
    sleep: Callable[[float], Awaitable[object]] | None = None,
) -> WorkerPool:
    """Return a pool of as many workers as the settings say, not started.

    Args:
        settings: Which engine, how many workers, how long they may take.
        launcher: Starts the workers; None starts processes on this machine.
        sleep: Waits so many seconds; None is the event loop's time.
    """
    return WorkerPool(
        launcher or ProcessLauncher(settings),
        workers=settings.workers or len(os.sched_getaffinity(0)),
        streams_per_worker=settings.streams_per_worker,
        retire_timeout_s=settings.retire_timeout_s,
        sleep=sleep,
    )


async def start_pool(settings: RecognitionSettings) -> WorkerPool:
    """Start the workers of the settings; return when the first one is warm.

    Raises:
        RequestError: The settings do not fit this machine.
    """
    pool = create_pool(settings)
    await pool.start()
    return pool


class ProcessLauncher:
    """A `WorkerLauncher` that starts processes on this machine.

    Args:
        settings: Which engine, with what options.
    """

    def __init__(self, settings: RecognitionSettings) -> None:
        self._settings = settings

    async def launch(self) -> "ProcessWorker":
        """Return a new worker once it is warm. Raises as `WorkerLauncher.launch`."""
        try:
            folder = tempfile.TemporaryDirectory(prefix="rechka-", ignore_cleanup_errors=True)
        except OSError as error:
            # There may be no space just now.
            raise _cannot_start(error) from None
        socket = Path(folder.name) / "worker.sock"
        if len(os.fsencode(socket)) > _LONGEST_SOCKET_PATH:
            folder.cleanup()
            problem = f"accepted: a folder whose path has at most {_LONGEST_FOLDER} bytes"
            raise RequestError.about("TMPDIR", problem, got=tempfile.gettempdir())
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "rechka.worker",
                f"--socket={socket}",
                f"--engine={json.dumps(self._settings.engine)}",
                f"--options={json.dumps(self._settings.engine_options)}",
                f"--max-streams={self._settings.streams_per_worker}",
                f"--max-load={self._settings.max_load}",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
        except BaseException as error:
            _remove(folder, socket)
            if not isinstance(error, OSError):
                raise
            # There may be no memory for one more process just now.
            raise _cannot_start(error) from None
        worker = ProcessWorker(process, folder, socket)
        try:
            async with asyncio.timeout(self._settings.start_timeout_s):
                await worker.connect()
        except TimeoutError:
            await worker.stop()
            raise UnavailableError(
                ErrorCode.UNAVAILABLE,
                f"a worker was not warm within {self._settings.start_timeout_s:g} s",
            ) from None
        except BaseException:
            await worker.stop()
            raise
        return worker


class ProcessWorker:
    """A `Worker` in a process of this machine.

    Args:
        process: Just started.
        folder: Holds the socket; removed when the worker stops.
        socket: Where it will serve.
    """

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        folder: "tempfile.TemporaryDirectory[str]",
        socket: Path,
    ) -> None:
        self._process = process
        self._folder = folder
        self._socket = socket
        self._recognizer = RemoteRecognizer(socket)

    @property
    def pid(self) -> int:
        """Id of the process."""
        return self._process.pid

    @property
    def models(self) -> tuple[ModelInfo, ...]:
        """What it serves."""
        return tuple(self._recognizer.models)

    async def connect(self) -> None:
        """Wait until it is warm.

        Raises:
            RequestError: It refuses its settings.
            UnavailableError: It ended instead.
        """
        line = await self._process.stdout.readline() if self._process.stdout else b""
        if not line.endswith(b"\n"):
            code = await self._process.wait()
            raise UnavailableError(
                ErrorCode.UNAVAILABLE, f"a worker ended with exit code {code} while it started"
            )
        refusal = json.loads(line).get("refused")
        if refusal is not None:
            raise RequestError(ErrorCode.INVALID_CONFIG, refusal)
        await self._recognizer.connect()

    async def open(self, options: StreamOptions) -> RemoteStream:
        """Return a fresh stream. Raises as `Recognizer.open`."""
        return await self._recognizer.open(options)

    async def measure(self) -> Measures:
        """Ask what was done and what is held. Raises as `MeasuredRecognizer.measure`."""
        return await self._recognizer.measure()

    async def wait(self) -> int:
        """Wait for the end of the process; return its exit code, negative for a signal."""
        return await self._process.wait()

    async def stop(self) -> None:
        """End the process, by force if it does not listen; may be called again.

        Cancellation: takes effect only after the process has ended.
        """
        ending = asyncio.ensure_future(self._end())
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            await ending
            raise

    async def _end(self) -> None:
        self._recognizer.close()
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_GRACE_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        _remove(self._folder, self._socket)


def _cannot_start(error: OSError) -> UnavailableError:
    # The event loop has no errno for what keeps it from making a pipe.
    is_known = error.errno is not None and error.errno > 0
    reason = error.strerror if is_known else "it may be that no descriptor is left (ulimit -n)"
    return UnavailableError(ErrorCode.UNAVAILABLE, f"no worker can be started: {reason}")


def _remove(folder: "tempfile.TemporaryDirectory[str]", socket: Path) -> None:
    # By hand, because the folder's own way opens it, and a server that has no descriptor
    # left must find its way back too.
    with contextlib.suppress(OSError):
        socket.unlink(missing_ok=True)
        Path(folder.name).rmdir()
    folder.cleanup()


def main() -> None:
    """Run the worker process."""
    parser = argparse.ArgumentParser(description="Run an engine for a server.")
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--engine", type=json.loads, required=True)
    parser.add_argument("--options", type=json.loads, default={})
    parser.add_argument("--max-streams", type=int, default=0)
    parser.add_argument("--max-load", type=float, default=1.0)
    # A terminal sends Ctrl-C and its own end to the whole group; the server decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    configure_logging()
    # Also of engines of other distributions, which are loaded later.
    refuse_telemetry()
    uvloop.run(_run(parser.parse_args()))


async def _run(arguments: argparse.Namespace) -> None:
    report = _take_standard_output()
    try:
        engine = create_engine(arguments.engine, arguments.options)
        scheduler = Scheduler(
            engine,
            max_streams=arguments.max_streams,
            max_load=arguments.max_load,
            on_hang=_end_hung,
        )
        await scheduler.start()
    except RechkaError as error:
        _write(report, {"refused": error.message})
        sys.exit(1)
    keep_loaded()
    service = RecognizerService(scheduler)
    await service.start(arguments.socket)
    _write(report, {"pid": os.getpid()})
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_reader(sys.stdin.fileno(), stop.set)
    await collect_until(stop)
    await service.stop()
    await scheduler.close()


def _end_hung() -> NoReturn:
    """End the process without its engine's thread, which would keep it for ever."""
    flush_lines()
    os._exit(_HUNG)


def _take_standard_output() -> int:
    """Return standard output for our own use; whatever a library prints goes to the log."""
    report = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return report


def _write(report: int, message: dict[str, Any]) -> None:
    os.write(report, json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    main()
