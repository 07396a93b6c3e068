"""What all commands of `rechka access` share: options, the open store, the output."""

import asyncio
import functools
import getpass
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import rich.box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rechka.access.administration import Administration
from rechka.access.audit import Actor
from rechka.access.port import AccessStore
from rechka.access.tokens import TokenSigner
from rechka.cli.database_url import warn_of_password
from rechka.cli.text import plain_text
from rechka.settings import Settings, load_settings
from rechka.storage.access_sql import open_access_store
from rechka.storage.signing_key import load_signer

__all__ = ["Desk", "desk_command"]


_WIDE = Console(width=10_000)


class Desk:
    """What a command works with.

    Args:
        settings: Of the server.
        store: Its open store.
        as_json: Whether to print JSON.
    """

    def __init__(self, settings: Settings, store: AccessStore, *, as_json: bool) -> None:
        self.settings = settings
        self.store = store
        self.as_json = as_json
        self.actor = Actor(f"os:{_user()}")
        self.operator = Administration(store, self.actor)

    @property
    def signer(self) -> TokenSigner:
        """The signer of the server's data folder."""
        return load_signer(self.settings.data_dir)

    def show(self, record: Mapping[str, Any]) -> None:
        """Print one record."""
        if self.as_json:
            click.echo(json.dumps(record))
            return
        width = max(map(len, record))
        for name, value in record.items():
            click.echo(f"{name.replace('_', ' '):<{width}}  {plain_text(value)}")

    def done(self, message: str, **record: Any) -> None:
        """Say what was done."""
        if self.as_json:
            click.echo(json.dumps(record))
        else:
            click.echo(message)

    def table(self, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
        """Print a list: a table on a terminal, tab-separated lines elsewhere."""
        if self.as_json:
            click.echo(json.dumps(list(rows), indent=2))
        elif sys.stdout.isatty():
            table = Table(*(name.replace("_", " ") for name in columns), box=rich.box.SIMPLE_HEAD)
            for row in rows:
                table.add_row(*(Text(plain_text(row[name])) for name in columns))
            _print_whole(table)
        else:
            click.echo("\t".join(columns))
            for row in rows:
                click.echo("\t".join(plain_text(row[name]) for name in columns))


def _print_whole(table: Table) -> None:
    """Print a table as wide as it is: an id that is cut to fit is of no use."""
    console = Console()
    width = max(console.width, console.measure(table, options=_WIDE.options).maximum)
    Console(width=width).print(table)


def desk_command(
    group: click.Group | None, name: str
) -> Callable[[Callable[..., Awaitable[None]]], click.Command]:
    """Make a command of a coroutine function that takes a `Desk` and its own parameters.

    Args:
        group: Where the command belongs; None makes it one of its own.
        name: How it is called.
    """

    def decorate(work: Callable[..., Awaitable[None]]) -> click.Command:
        @click.option(
            "--config",
            type=click.Path(dir_okay=False, path_type=Path),
            help="TOML file with the server's settings.",
        )
        @click.option(
            "--data-dir",
            type=click.Path(file_okay=False, path_type=Path),
            help="Data folder of the server [.rechka].",
        )
        @click.option("--database-url", help="As given to the server [a file in the data folder].")
        @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
        @functools.wraps(work)
        def run(
            config: Path | None,
            data_dir: Path | None,
            database_url: str | None,
            *,
            as_json: bool,
            **parameters: Any,
        ) -> None:
            overrides: dict[str, Any] = {}
            if data_dir is not None:
                overrides["data_dir"] = data_dir
            if database_url is not None:
                warn_of_password(database_url)
                overrides["access"] = {"database_url": database_url}
            settings = load_settings(config, overrides=overrides)
            asyncio.run(_work(work, settings, as_json=as_json, parameters=parameters))

        make = click.command(name) if group is None else group.command(name)
        return make(run)

    return decorate


async def _work(
    work: Callable[..., Awaitable[None]],
    settings: Settings,
    *,
    as_json: bool,
    parameters: Mapping[str, Any],
) -> None:
    url = settings.access.database_url
    store = await open_access_store(url, data_dir=settings.data_dir)
    try:
        await work(Desk(settings, store, as_json=as_json), **parameters)
    finally:
        await store.close()


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())
