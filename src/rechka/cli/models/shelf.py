"""What the commands of `rechka models` share: where models lie, and who is told."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from rechka.catalog.entries import OWN_CATALOG, Catalog, load_catalog
from rechka.catalog.local import models_folder
from rechka.catalog.store import ModelStore
from rechka.settings import Settings, load_settings

__all__ = ["Shelf", "TerminalWatcher", "open_shelf", "shelf_options"]

_Command = TypeVar("_Command", bound=Callable[..., Any])

_STEPS = {"download": "downloading", "check": "checking", "unpack": "unpacking"}
_TENTHS = 10


@dataclass(frozen=True, slots=True)
class Shelf:
    """What a command works with.

    Attributes:
        store: Of the installed models.
        catalog: Of those to be had.
        settings: The server's.
    """

    store: ModelStore
    catalog: Catalog
    settings: Settings


def shelf_options(command: _Command) -> _Command:
    """Add the options of `open_shelf` to a command."""
    for option in (
        click.option(
            "--data-dir",
            type=click.Path(file_okay=False, path_type=Path),
            help="Data folder of the server [.rechka].",
        ),
        click.option(
            "--config",
            type=click.Path(dir_okay=False, path_type=Path),
            help="TOML file with the server's settings.",
        ),
    ):
        command = option(command)
    return command


def open_shelf(config: Path | None, data_dir: Path | None) -> Shelf:
    """Return what the options mean.

    Raises:
        RequestError: A setting, or the own catalog, is not accepted.
    """
    overrides = {} if data_dir is None else {"data_dir": data_dir}
    settings = load_settings(config, overrides=overrides)
    folder = models_folder(settings.data_dir)
    return Shelf(ModelStore(folder), load_catalog(folder / OWN_CATALOG), settings)


class TerminalWatcher:
    """Shows progress on standard error: a bar on a terminal, a line a tenth elsewhere.

    Use it as a context.
    """

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, markup=False)
        self._is_live = sys.stderr.isatty()
        self._bar = Progress(
            TextColumn("{task.description:12}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._is_live,
        )
        self._step = ""
        self._task: TaskID | None = None
        self._tenth = 0

    def __enter__(self) -> Self:
        """Begin."""
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the terminal in order."""
        self._bar.stop()

    def note(self, text: str) -> None:
        """Print a line."""
        self._console.print(text, soft_wrap=True)

    def progress(self, step: str, done: int, total: int | None) -> None:
        """Move the bar."""
        if step != self._step:
            self._step, self._tenth = step, 0
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(_STEPS[step], total=total)
        if self._task is not None:
            self._bar.update(self._task, completed=done, total=total)
        tenth = _TENTHS * done // total if total else 0
        if step == "download" and not self._is_live and tenth > self._tenth:
            self._tenth = tenth
            click.echo(f"{_STEPS[step]}: {tenth}0 % of {(total or 0) / 1e6:.1f} MB", err=True)
