"""`rechka models verify` and `remove`."""

import json
from pathlib import Path

import click

from rechka.catalog.installed import find_faults
from rechka.catalog.inventory import ModelState, take_inventory
from rechka.catalog.placing import disk_errors
from rechka.catalog.selection import selected_for
from rechka.catalog.store import check_name
from rechka.cli.models.shelf import Shelf, TerminalWatcher, open_shelf, shelf_options
from rechka.errors import ErrorCode, RequestError
from rechka.recognition.registry import check_model

__all__ = ["remove", "verify"]


@click.command()
@click.argument("name", required=False)
@shelf_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify(name: str | None, config: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Read the files of the model NAME, or of all, and compare their sums.

    The exit code is 1 if a file is broken or missing.
    """
    shelf = open_shelf(config, data_dir)
    names = shelf.store.names() if name is None else [_installed_name(shelf, name)]
    faults: dict[str, list[str]] = {}
    with TerminalWatcher() as watcher:
        for item in names:
            faults[item] = find_faults(shelf.store.path(item), sums=True, watcher=watcher)
    if as_json:
        click.echo(json.dumps(faults))
    else:
        for item, lines in faults.items():
            click.echo("\n".join(f"{item}: {line}" for line in lines or ["whole"]))
        if not names:
            click.echo("No models are installed that could be verified")
    if any(faults.values()):
        click.get_current_context().exit(1)


@click.command()
@click.argument("name")
@shelf_options
@click.option("--force", is_flag=True, help="Remove it even if the server is to use it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def remove(
    name: str, config: Path | None, data_dir: Path | None, *, force: bool, as_json: bool
) -> None:
    """Remove the model NAME, and what came of a download of it."""
    shelf = open_shelf(config, data_dir)
    store = shelf.store
    with TerminalWatcher() as watcher, disk_errors(store.folder), store.locked(name, watcher):
        had_part = shelf.store.discard_part(name)
        if not had_part or shelf.store.path(name).exists():
            _installed_name(shelf, name)
            _refuse_selected(shelf, name, force=force)
            shelf.store.remove(name)
    click.echo(json.dumps({"name": name}) if as_json else f"{name} is removed")


def _installed_name(shelf: Shelf, name: str) -> str:
    """Return the name if it is that of a model that a command of ours installed.

    Raises:
        RequestError: It is not; the message says what it is.
    """
    check_name(name)
    for status in take_inventory(shelf.store, shelf.catalog, available=False, check=check_model):
        if status.name == name and status.state is ModelState.STARTER:
            raise RequestError(
                ErrorCode.INVALID_CONFIG,
                f"{name}: is a starter model, part of the package rechka-starter-models, which "
                "pip installs, checks and removes",
            )
    if name not in shelf.store.names():
        installed = ", ".join(shelf.store.names()) or "none"
        raise RequestError(ErrorCode.INVALID_CONFIG, f"model: got {name!r}; installed: {installed}")
    return name


def _refuse_selected(shelf: Shelf, name: str, *, force: bool) -> None:
    if force:
        return
    try:
        chosen = selected_for(shelf.settings.data_dir, name)
    except RequestError as error:
        raise RequestError(
            ErrorCode.INVALID_CONFIG,
            f"{error.message}, so it is not known whether {name} is in use; --force removes it",
        ) from None
    if chosen:
        raise RequestError(
            ErrorCode.INVALID_CONFIG,
            f"{name} is in use for {', '.join(chosen)}; choose another one by `rechka models use`, "
            "or remove it by --force",
        )
