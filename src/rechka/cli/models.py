"""`rechka models`: which models are installed, and what is known of each."""

import json
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from rechka.catalog.local import find_model, find_models
from rechka.catalog.manifest import ModelManifest
from rechka.cli.models_use import use

__all__ = ["models"]


@click.group()
def models() -> None:
    """See which models are installed, and say which one serves what."""


models.add_command(use)


@models.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
def list_models(*, as_json: bool) -> None:
    """List the installed models."""
    found = find_models()
    if as_json:
        click.echo(json.dumps([_facts(model) for model in found], ensure_ascii=False))
        return
    if not found:
        click.echo("No models are installed: pip install rechka-starter-models")
        return
    table = Table("name", "language", "engine", "rate", "size", "licence", "summary")
    for model in found:
        table.add_row(
            model.name,
            ", ".join(model.languages),
            model.engine,
            f"{model.sample_rate_hz} Hz",
            f"{model.size_bytes / 1e6:.1f} MB",
            model.licence,
            model.summary,
        )
    Console().print(table)


@models.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(name: str, *, as_json: bool) -> None:
    """Show the card of the model NAME: data, recipe, size, errors on speech."""
    model = find_model(name)
    if as_json:
        click.echo(json.dumps(_facts(model), ensure_ascii=False))
        return
    console = Console(highlight=False, soft_wrap=True)
    card = model.card
    console.print(f"[bold]{model.name}[/bold] {model.version}: {model.summary}")
    if card.purpose:
        console.print(card.purpose)
    facts = {
        "language": ", ".join(model.languages),
        "selected by": ", ".join(model.tags),
        "engine": f"{model.engine}, {model.sample_rate_hz} Hz",
        "size": f"{model.size_bytes / 1e6:.1f} MB",
        "parameters": f"{card.parameters / 1e6:.1f} million" if card.parameters else "",
        "licence": model.licence,
        "data": card.data,
        "recipe": card.recipe,
        "limits": card.limits,
        "files": str(model.folder),
    }
    for label, value in facts.items():
        if value:
            console.print(f"{label + ':':13}{value}")
    if card.figures:
        table = Table("speech", "word errors", "character errors")
        for figure in card.figures:
            table.add_row(figure.of, f"{figure.wer:.1%}", f"{figure.cer:.1%}")
        console.print(table)


def _facts(model: ModelManifest) -> dict[str, Any]:
    return {**model.model_dump(mode="json", by_alias=True), "size_bytes": model.size_bytes}
