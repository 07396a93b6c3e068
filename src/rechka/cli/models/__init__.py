"""`rechka models`: install models, see which there are, say which one serves what."""

import click

from rechka.cli.models.installing import import_command, pull
from rechka.cli.models.keeping import remove, verify
from rechka.cli.models.listing import list_models, show
from rechka.cli.models.use import use

__all__ = ["models"]


@click.group()
def models() -> None:
    """Install models, see which there are, and say which one serves what.

    Models lie in the folder `models` of the server's data folder.
    """


for _command in (list_models, show, pull, import_command, verify, remove, use):
    models.add_command(_command)
