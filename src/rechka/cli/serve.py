"""`rechka serve`: runs a server until it is told to stop."""

import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import click
import uvloop

from rechka.bootstrap import Server
from rechka.cli.database_url import warn_of_password
from rechka.memory import collect_until, keep_loaded, share_heaps
from rechka.observability.logs import configure_logging, write_line
from rechka.settings import Settings, load_settings

__all__ = ["serve"]

_FORCED_EXIT = 130


@click.command()
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="TOML file with settings; docs/settings.md lists them.",
)
@click.option(
    "--grpc-address",
    help="Host and port of the gRPC API, or unix:PATH [127.0.0.1:50051].",
)
@click.option("--http-address", help="Host and port of /healthz and /readyz [127.0.0.1:8080].")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of everything that the server keeps [.rechka].",
)
@click.option("--tls-cert", type=click.Path(path_type=Path), help="PEM certificate chain.")
@click.option("--tls-key", type=click.Path(path_type=Path), help="PEM private key.")
@click.option(
    "--tls-client-ca",
    type=click.Path(path_type=Path),
    help="PEM authorities; clients without a certificate of theirs are refused.",
)
@click.option(
    "--allow-plaintext", is_flag=True, default=None, help="Serve beyond loopback without TLS."
)
@click.option(
    "--database-url",
    envvar="RECHKA_ACCESS__DATABASE_URL",
    help="postgresql://user@host/name [a SQLite file in the data folder].",
)
@click.option("--engine", help="Engine to recognize with [auto].")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
)
def serve(
    config: Path | None,
    data_dir: Path | None,
    database_url: str | None,
    engine: str | None,
    log_level: str,
    **flags: Any,
) -> None:
    """Run a server.

    It stops on SIGTERM or Ctrl-C: new sessions are refused, running ones may
    finish within the grace time, and the exit code is 0. A second signal ends
    it at once with exit code 130. It exits with 1 if it cannot start.

    SIGHUP starts new workers with the models that are installed and selected now;
    running sessions finish on the old ones.
    """
    overrides: dict[str, Any] = {
        "server": {name: value for name, value in flags.items() if value is not None}
    }
    if data_dir is not None:
        overrides["data_dir"] = data_dir
    if database_url is not None:
        source = click.get_current_context().get_parameter_source("database_url")
        if source is click.core.ParameterSource.COMMANDLINE:
            warn_of_password(database_url)
        overrides["access"] = {"database_url": database_url}
    if engine is not None:
        overrides["recognition"] = {"engine": engine}
    settings = load_settings(config, overrides=overrides)
    configure_logging(level=log_level)
    share_heaps()
    try:
        uvloop.run(_serve(settings))
    except asyncio.CancelledError:
        sys.exit(_FORCED_EXIT)


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    is_forced = False
    serving = asyncio.current_task(loop)

    def on_signal() -> None:
        nonlocal is_forced
        if is_forced:
            # Not even what has begun to end in order does so.
            os._exit(_FORCED_EXIT)
        if stop.is_set() and serving is not None:
            is_forced = True
            serving.cancel()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    server = Server(settings)
    had_terminal = _has_terminal()

    def on_hangup() -> None:
        # The signal also says that the terminal is gone, and with it who ran the server.
        if had_terminal and not _has_terminal():
            on_signal()
        else:
            server.reload()

    loop.add_signal_handler(signal.SIGHUP, on_hangup)
    async with AsyncExitStack() as stack:
        stopped = asyncio.create_task(stop.wait())
        # Models may take minutes to load, or never get warm: it must not keep a stop waiting.
        entering = asyncio.create_task(stack.enter_async_context(server))
        await asyncio.wait((entering, stopped), return_when=asyncio.FIRST_COMPLETED)
        if not entering.done():
            write_line("stopping: the server has not started yet")
            entering.cancel()
            await asyncio.gather(entering, return_exceptions=True)
            return
        await entering
        ready = asyncio.create_task(server.wait_ready())
        write_line(f"gRPC on {server.grpc_address}, HTTP on {server.http_address}")
        await asyncio.wait((ready, stopped), return_when=asyncio.FIRST_COMPLETED)
        if ready.done():
            keep_loaded()
            languages = sorted({model.language for model in server.recognizer.models})
            write_line(f"ready: {', '.join(languages)}")
        await collect_until(stop)
        ready.cancel()
        write_line("stopping: new sessions are refused, running ones may finish")
        cut = await server.drain()
        if cut:
            write_line(f"stopped; {cut} sessions did not finish in time and were ended")
