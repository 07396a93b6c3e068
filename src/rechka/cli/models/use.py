"""`rechka models use`: which model serves a language and a model tag."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from rechka.catalog.assignment import assign, spell
from rechka.catalog.candidates import Candidate, find_candidates
from rechka.catalog.selection import TAGS, Selection, change_selection, read_selection
from rechka.cli.text import plain_text
from rechka.errors import RequestError
from rechka.recognition.registry import check_model, installed_engines
from rechka.serving.plan import require_selectable
from rechka.settings import Settings, load_settings

__all__ = ["use"]

_TAGS: Mapping[str, str] = {tag.rpartition(":")[2]: tag for tag in TAGS}


@click.command()
@click.argument("name", required=False)
@click.option("--language", help="Language, such as ru-RU [the model's, if it has one only].")
@click.option(
    "--tag", type=click.Choice(list(_TAGS)), help="What clients ask for as `model` [general]."
)
@click.option("--default", is_flag=True, help="Take the selection of the language and tag back.")
@click.option("--show", is_flag=True, help="Only show which model serves what.")
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Data folder of the server [.rechka].",
)
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="TOML file with the server's settings.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def use(
    name: str | None,
    language: str | None,
    tag: str | None,
    data_dir: Path | None,
    config: Path | None,
    *,
    default: bool,
    show: bool,
    as_json: bool,
) -> None:
    """Let the model NAME serve a language and a tag.

    A running server takes it over without a restart: new sessions get the model as
    soon as it is loaded, running ones finish with the old one.
    """
    if sum((name is not None, default, show)) != 1:
        raise click.UsageError("give either NAME, --default or --show")
    if show and (language or tag):
        raise click.UsageError("--show takes no --language and no --tag")
    overrides = {} if data_dir is None else {"data_dir": data_dir}
    settings = load_settings(config, overrides=overrides)
    found = find_candidates(settings.data_dir, check=check_model)
    candidates = found.models
    for reason in found.broken.values():
        click.echo(plain_text(f"note: passed over: {reason}"), err=True)
    if settings.recognition.engine != "auto":
        note = f"the setting recognition.engine is {settings.recognition.engine!r}, not 'auto'"
        click.echo(f"note: {note}: the server does not look at the selection", err=True)
    usable = [candidate for candidate in candidates if candidate.engine in installed_engines()]
    if show:
        _show(usable, read_selection(settings.data_dir), as_json=as_json)
        return
    if name is not None:
        language = _language(candidates, name, language)
        for candidate in candidates:
            if candidate.name == name:
                require_selectable(candidate, settings.recognition)
    elif language is None:
        raise click.UsageError("--default needs --language")
    _change(settings, usable, name, language=language, tag=_TAGS[tag or TAGS[0]], json_=as_json)


def _language(candidates: Sequence[Candidate], name: str, language: str | None) -> str:
    """Return the language that is meant, as the model writes it."""
    if language is not None:
        return spell(candidates, name, language)
    languages = [own for model in candidates if model.name == name for own in model.languages]
    if len(languages) > 1:
        raise click.UsageError(f"{name} has several languages, give one by --language: {languages}")
    return spell(candidates, name, languages[0] if languages else "")


def _change(
    settings: Settings,
    candidates: Sequence[Candidate],
    name: str | None,
    *,
    language: str,
    tag: str,
    json_: bool,
) -> None:
    before = read_selection(settings.data_dir)
    change_selection(settings.data_dir, language=language, tag=tag, name=name)
    after = read_selection(settings.data_dir)
    served = [_serving(candidates, selection, language, tag) for selection in (before, after)]
    facts: dict[str, Any] = {
        "language": language,
        "tag": tag,
        "model": served[1],
        "before": served[0],
        "changed": before != after,
    }
    if json_:
        click.echo(json.dumps(facts))
    elif before == after:
        click.echo(f"{language} {tag}: {served[1] or 'no model'}, as before")
    else:
        click.echo(
            f"{language} {tag}: {served[1] or 'no model'} (before: {served[0] or 'no model'})"
        )


def _show(candidates: Sequence[Candidate], selection: Selection, *, as_json: bool) -> None:
    rows = [
        {
            "language": language,
            "tag": tag,
            "model": candidate.name,
            "selected": tag in selection.get(language.lower(), {}),
        }
        for language, serving in sorted(assign(candidates, selection).items())
        for tag, candidate in serving.items()
    ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        why = "selected" if row["selected"] else "by default"
        click.echo(f"{row['language']}\t{row['tag']}\t{row['model']}\t{why}")


def _serving(
    candidates: Sequence[Candidate], selection: Selection, language: str, tag: str
) -> str | None:
    """Return the model that serves, or that was selected though it is not there."""
    chosen = selection.get(language.lower(), {})
    try:
        # Another language's selection may name a model that is gone.
        serving = assign(candidates, {language.lower(): chosen})
    except RequestError:
        return chosen.get(tag)
    for own, models in serving.items():
        if own.lower() == language.lower() and tag in models:
            return models[tag].name
    return None
