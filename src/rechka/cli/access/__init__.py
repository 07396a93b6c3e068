"""`rechka access`: who may use the server, and how much."""

import click

from rechka.cli.access.accounts import account, folder, quota, role
from rechka.cli.access.keys import api_key, authorized_key, signing_key, token
from rechka.cli.access.reports import audit, bootstrap, usage

__all__ = ["access"]


@click.group()
def access() -> None:
    """Manage who may use the server, and how much.

    The commands work on the server's database, beside a running server or
    without one; a server hears of a change within two seconds.
    """


for _command in (
    *(bootstrap, folder, account, role, quota),
    *(api_key, authorized_key, token, signing_key, usage, audit),
):
    access.add_command(_command)
