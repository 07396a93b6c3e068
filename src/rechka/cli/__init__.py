"""The `rechka` command.

Commands are known by a table and loaded when they are called, so that those of the
client work where the server is not installed.
"""

import importlib
import os
import sys
from dataclasses import dataclass
from typing import Any

import click

from rechka import __version__
from rechka.cli.extras import missing_package
from rechka.errors import RechkaError
from rechka.telemetry import refuse_telemetry

__all__ = ["cli", "main"]

_INTERRUPTED = 130
_BROKEN_PIPE = 141


@dataclass(frozen=True, slots=True)
class _Entry:
    """A command.

    Attributes:
        target: Module and attribute.
        help: Its line in the list of commands.
        extra: What to install if a package is missing; "" for commands that need
            nothing beyond the base.
    """

    target: str
    help: str
    extra: str = ""


_COMMANDS = {
    "recognize": _Entry("rechka.cli.recognize:recognize", "Recognize a file or a pipe."),
    "mic": _Entry("rechka.cli.mic:mic", "Recognize what a microphone hears.", "microphone"),
    "proto": _Entry("rechka.cli.proto:proto", "Make clients of your own from the API's files."),
    "serve": _Entry("rechka.cli.serve:serve", "Run a server.", "server"),
    "access": _Entry("rechka.cli.access:access", "Manage who may use the server.", "server"),
    "models": _Entry(
        "rechka.cli.models:models", "Install models, and see which there are.", "server"
    ),
    "tls": _Entry("rechka.cli.tls:tls", "Make certificates for trying TLS.", "server"),
    "bench": _Entry(
        "rechka.cli.bench:bench",
        "Measure delays and capacity with many sessions at once.",
        "server,evaluate",
    ),
    "evaluate": _Entry(
        "rechka.cli.evaluate:evaluate",
        "Measure accuracy and speed on recorded speech.",
        "server,evaluate",
    ),
}


class _LazyGroup(click.Group):
    """Loads a command when it is called, and turns every failure into one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = _COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, attribute = entry.target.split(":")
        try:
            command: click.Command = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as missing:
            if not entry.extra or str(missing.name).split(".")[0] == "rechka":
                raise
            raise missing_package(cmd_name, missing.name, entry.extra) from None
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in _COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except RechkaError as error:
            request = f" (request id {error.request_id})" if error.request_id else ""
            _complain(f"{error.message}{request}")
            ctx.exit(1)
        except click.UsageError:
            raise
        except click.ClickException as error:
            _complain(error.format_message())
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            ctx.exit(_INTERRUPTED)
        except BrokenPipeError:
            # Whoever read our output has enough. The interpreter would complain
            # when it flushes what is left.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(_BROKEN_PIPE)
        except (click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if os.environ.get("RECHKA_DEBUG"):
                raise
            _complain(
                f"unexpected {type(error).__name__}: {error}; "
                "this is a fault of rechka's own, RECHKA_DEBUG=1 shows where"
            )
            ctx.exit(1)


def _complain(message: str) -> None:
    click.echo(f"rechka: error: {message}", err=True)


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="rechka")
def cli() -> None:
    """Streaming speech recognition: a server of your own and its client."""


def main() -> None:
    """Run the command line; the exit code is 0, 1 for an error, 2 for wrong usage."""
    # The gRPC library writes its own view of a failed connection to the terminal.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    # Its own threads for sockets would hand every message on to the one that waits for it,
    # which takes a seventh of the server's time; without them that one reads the sockets.
    os.environ.setdefault("GRPC_EXPERIMENTS", "-event_engine_client,-event_engine_listener")
    refuse_telemetry()
    cli(prog_name="rechka")
