"""`rechka models list` and `show`."""

import json
import sys
from pathlib import Path
from typing import Any

import click
import rich.box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rechka.catalog.entries import Catalog
from rechka.catalog.inventory import ModelState, ModelStatus, find_status, take_inventory
from rechka.catalog.manifest import Card
from rechka.cli.models.shelf import open_shelf, shelf_options
from rechka.cli.text import plain_text
from rechka.recognition.registry import check_model

__all__ = ["list_models", "show"]

_COLUMNS = (
    *("name", "languages", "tags", "engine", "rate", "size", "memory"),
    *("licence", "published WER", "state"),
)


@click.command(name="list")
@shelf_options
@click.option("--available", is_flag=True, help="Also those that can be pulled.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
def list_models(
    config: Path | None, data_dir: Path | None, *, available: bool, as_json: bool
) -> None:
    """List the installed models: a table on a terminal, tab-separated lines elsewhere."""
    shelf = open_shelf(config, data_dir)
    found = take_inventory(shelf.store, shelf.catalog, available=available, check=check_model)
    if as_json:
        click.echo(json.dumps([_facts(model) for model in found], ensure_ascii=False))
        return
    if not found:
        click.echo(
            "No models are installed: `rechka models pull ru-RU` installs one for production, "
            "`pip install rechka-starter-models` small ones for trying"
        )
        return
    for model in found:
        for fault in model.faults:
            click.echo(plain_text(f"{model.name} is broken: {fault}"), err=True)
    rows = [_row(model) for model in found]
    if not sys.stdout.isatty():
        click.echo("\n".join("\t".join(row) for row in [_COLUMNS, *rows]))
        return
    table = Table(*_COLUMNS, box=rich.box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


@click.command()
@click.argument("name")
@shelf_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(name: str, config: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Show the card of the model NAME: data, recipe, size, errors on speech."""
    shelf = open_shelf(config, data_dir)
    model = find_status(shelf.store, shelf.catalog, name, check=check_model)
    if as_json:
        click.echo(json.dumps(_facts(model), ensure_ascii=False))
        return
    click.echo(plain_text(f"{model.name} {model.version}: {model.summary}"))
    for line in _purpose(model, shelf.catalog):
        click.echo(plain_text(line))
    for label, value in _details(model).items():
        if value:
            click.echo(f"{label + ':':13}{plain_text(value)}")
    for fault in model.faults:
        click.echo(f"{'broken:':13}{plain_text(fault)}")
    if model.card.figures:
        table = Table("speech", "word errors", "character errors")
        for figure in model.card.figures:
            cer = "-" if figure.cer is None else f"{figure.cer:.1%}"
            table.add_row(Text(plain_text(figure.of)), f"{figure.wer:.2%}", cer)
        Console().print(table)


def _purpose(model: ModelStatus, catalog: Catalog) -> list[str]:
    lines = [model.card.purpose] if model.card.purpose else []
    better = [language for language in model.languages if catalog.default(language)]
    if model.state is ModelState.STARTER and better:
        advice = f"For trying and testing; for production: rechka models pull {better[0]}"
        lines.insert(0, advice)
    return lines


def _details(model: ModelStatus) -> dict[str, str]:
    card = model.card
    link = f" ({model.licence_url})" if model.licence_url else ""
    return {
        "state": model.state.value,
        "language": ", ".join(model.languages),
        "pulled as": ", ".join(model.default_for),
        "selected by": ", ".join(model.tags),
        "engine": f"{model.engine}, {model.sample_rate_hz} Hz" if model.engine else "",
        "size": _size(model.size_bytes, unknown=""),
        "memory": _size(model.memory_bytes, unknown=""),
        "parameters": f"{card.parameters / 1e6:.1f} million" if card.parameters else "",
        "licence": f"{model.licence}{link}" if model.licence else "",
        "data": card.data,
        "recipe": card.recipe,
        "limits": card.limits,
        "measured by": card.source,
        "files": str(model.folder) if model.folder else "",
    }


def _row(model: ModelStatus) -> list[str]:
    cells = (
        model.name,
        ", ".join(model.languages),
        ", ".join(model.tags),
        model.engine,
        f"{model.sample_rate_hz} Hz" if model.sample_rate_hz else "",
        _size(model.size_bytes),
        _size(model.memory_bytes),
        model.licence,
        _errors(model.card),
        model.state.value,
    )
    return [plain_text(cell) for cell in cells]


def _errors(card: Card) -> str:
    return "; ".join(f"{figure.of}: {figure.wer:.2%}" for figure in card.figures)


def _size(size_bytes: int | None, *, unknown: str = "-") -> str:
    return unknown if size_bytes is None else f"{size_bytes / 1e6:.1f} MB"


def _facts(model: ModelStatus) -> dict[str, Any]:
    return {
        "name": model.name,
        "state": model.state.value,
        "version": model.version,
        "engine": model.engine,
        "languages": list(model.languages),
        "tags": list(model.tags),
        "default_for": list(model.default_for),
        "sample_rate_hz": model.sample_rate_hz,
        "size_bytes": model.size_bytes,
        "memory_bytes": model.memory_bytes,
        "licence": model.licence,
        "licence_url": model.licence_url,
        "summary": model.summary,
        "card": model.card.model_dump(mode="json", by_alias=True),
        "folder": str(model.folder) if model.folder else None,
        "faults": list(model.faults),
    }
