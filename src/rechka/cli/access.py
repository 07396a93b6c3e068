"""`rechka access`: accounts and credentials."""

import asyncio
import json
from dataclasses import asdict
from pathlib import Path

import click

from rechka.access.bootstrap import create_development_access
from rechka.bootstrap import open_access_store
from rechka.settings import load_settings

__all__ = ["access"]


@click.group()
def access() -> None:
    """Manage who may use the server."""


@access.command()
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Data folder of the server [.rechka].",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def bootstrap(data_dir: Path | None, *, as_json: bool) -> None:
    """Make a development folder and credentials for it.

    The secrets are shown this once; the server keeps their hashes. Run again,
    it issues new credentials beside the old ones. A running server takes them
    at once.
    """
    overrides = {} if data_dir is None else {"data_dir": data_dir}
    store = open_access_store(load_settings(overrides=overrides))
    made = asyncio.run(create_development_access(store))
    if as_json:
        click.echo(json.dumps(asdict(made)))
        return
    click.echo(f"folder id  {made.folder_id}")
    click.echo(f"IAM token  {made.iam_token}   (for 12 hours)")
    click.echo(f"API key    {made.api_key}")
