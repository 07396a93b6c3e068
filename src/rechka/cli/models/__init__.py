"""`rechka models`: install models, and see which there are."""

import click

from rechka.cli.models.installing import import_command, pull
from rechka.cli.models.keeping import remove, verify
from rechka.cli.models.listing import list_models, show

__all__ = ["models"]


@click.group()
def models() -> None:
    """Install models, and see which there are.

    Models lie in the folder `models` of the server's data folder.
    """


for _command in (list_models, show, pull, import_command, verify, remove):
    models.add_command(_command)
