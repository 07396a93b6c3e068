"""`rechka models pull` and `import`."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from rechka.catalog.consent import Consent, Outcome
from rechka.catalog.entries import Entry
from rechka.catalog.imports import import_model, recognize_source
from rechka.catalog.pull import pull_model
from rechka.cli.models.advice import what_is_next
from rechka.cli.models.shelf import Shelf, TerminalWatcher, open_shelf, shelf_options
from rechka.errors import ErrorCode, RequestError
from rechka.recognition.registry import check_model

__all__ = ["import_command", "pull"]

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _install_options(command: _Command) -> _Command:
    for option in reversed(
        (
            click.option(
                "--sha256",
                metavar="HEX",
                help="Sum to expect where the catalog has none.",
            ),
            click.option(
                "--allow-unverified",
                is_flag=True,
                help="Take a model whose sum nobody told; what came is recorded.",
            ),
            click.option("--yes", is_flag=True, help="Accept a licence that asks for it."),
            click.option("--replace", is_flag=True, help="Replace another model of the same name."),
            click.option(
                "--ignore-memory",
                is_flag=True,
                help="Install what this machine has too little memory to run.",
            ),
            click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
        )
    ):
        command = option(command)
    return shelf_options(command)


@click.command()
@click.argument("model", metavar="LANGUAGE|NAME")
@_install_options
def pull(
    model: str, config: Path | None, data_dir: Path | None, *, as_json: bool, **options: Any
) -> None:
    """Download a model, by its NAME or by a LANGUAGE such as ru-RU, and install it.

    It can be stopped at any time: the same command goes on where it was.
    """
    shelf = open_shelf(config, data_dir)
    entry = shelf.catalog.find(model)
    consent = _consent(options)
    _show_licence(entry, is_accepted=options["yes"] or shelf.store.path(entry.name).exists())
    with TerminalWatcher() as watcher:
        outcome = pull_model(shelf.store, shelf.catalog, entry, watcher=watcher, consent=consent)
    _tell(shelf, outcome, as_json=as_json)


@click.command(name="import")
@click.argument("path", metavar="FILE-OR-FOLDER", type=click.Path(exists=True, path_type=Path))
@_install_options
def import_command(
    path: Path, config: Path | None, data_dir: Path | None, *, as_json: bool, **options: Any
) -> None:
    """Install a model without a network, from an archive or a folder.

    It is one of the catalog, known by its sum or its name, or one of your own that has a
    model.toml.
    """
    shelf = open_shelf(config, data_dir)
    consent = _consent(options)
    with TerminalWatcher() as watcher:
        source = recognize_source(shelf.catalog, path, watcher)
    if (entry := source.entry) is not None:
        _show_licence(entry, is_accepted=options["yes"] or shelf.store.path(entry.name).exists())
    with TerminalWatcher() as watcher:
        outcome = import_model(
            shelf.store, source, watcher=watcher, consent=consent, check=check_model
        )
    _tell(shelf, outcome, as_json=as_json)


def _consent(options: dict[str, Any]) -> Consent:
    sha256 = options["sha256"]
    if sha256 is not None:
        sha256 = sha256.lower()
        if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
            raise RequestError(
                ErrorCode.INVALID_CONFIG, f"sha256: got {sha256!r}; accepted: 64 hexadecimal digits"
            )
    return Consent(
        sha256=sha256,
        allow_unverified=options["allow_unverified"],
        replace=options["replace"],
        ignore_memory=options["ignore_memory"],
    )


def _show_licence(entry: Entry, *, is_accepted: bool) -> None:
    """Show it, and ask for consent if it is none that the OSI has approved."""
    link = f" ({entry.licence_url})" if entry.licence_url else ""
    note = f". {entry.licence_note}" if entry.licence_note else ""
    click.echo(f"{entry.name}: {entry.summary}. Licence: {entry.licence}{link}{note}", err=True)
    if entry.is_open_source or is_accepted:
        return
    if not sys.stdin.isatty():
        raise RequestError(
            ErrorCode.INVALID_CONFIG,
            f"licence: {entry.licence} is none that the Open Source Initiative has approved; "
            "read it, and accept it by --yes",
        )
    click.confirm("Do you accept it?", abort=True, err=True)


def _tell(shelf: Shelf, outcome: Outcome, *, as_json: bool) -> None:
    record = outcome.record
    if as_json:
        facts = {
            "name": record.name,
            "folder": str(outcome.folder),
            "was_installed": outcome.was_installed,
            "sha256": record.archive_sha256,
            "verified": record.verified,
        }
        click.echo(json.dumps(facts))
        return
    if outcome.was_installed:
        click.echo(f"{record.name} is installed already, and whole: {outcome.folder}")
    else:
        click.echo(f"{record.name} is installed: {outcome.folder}")
        if not record.verified and record.archive_sha256:
            click.echo(f"Nobody vouched for it. sha256 of what came: {record.archive_sha256}")
    for line in what_is_next(shelf.settings, record.name):
        click.echo(line, err=True)
