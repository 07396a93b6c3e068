"""A database's URL on the command line."""

import click
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

__all__ = ["warn_of_password"]


def warn_of_password(url: str) -> None:
    """Warn if the URL of an option holds a password."""
    try:
        has_password = make_url(url).password is not None
    except (ArgumentError, ValueError):
        return
    if has_password:
        click.echo(
            "warning: other users of this machine can read the password in --database-url; "
            "use RECHKA_ACCESS__DATABASE_URL or ~/.pgpass",
            err=True,
        )
