"""`rechka access api-key|authorized-key|token|signing-key`: credentials.

A secret is shown once, or written to a file that only its owner may read. It
is never taken from the command line, where other users could see it.
"""

import json
import re
from pathlib import Path
from typing import Any, TextIO

import click

from rechka.access.tokens import LONGEST_TOKEN_LIFE_S, parse_token
from rechka.cli.access.desk import Desk, desk_command
from rechka.cli.access.files import open_private
from rechka.cli.text import time_text

__all__ = ["api_key", "authorized_key", "signing_key", "token"]

_ACCOUNT_OPTION = click.option("--account", "account_id", required=True, help="Id of the account.")
_ANY_ACCOUNT_OPTION = click.option(
    "--account", "account_id", default="", help="Only of this account."
)
_OUTPUT_OPTION = click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it to a file that only you may read, and do not print it.",
)
_UNITS_S = {"s": 1, "m": 60, "h": 3600}


@click.group("api-key")
def api_key() -> None:
    """API keys of service accounts: for `authorization: Api-Key`."""


@desk_command(api_key, "create")
@_ACCOUNT_OPTION
@click.option("--name", default="", help="What you call it.")
@_OUTPUT_OPTION
async def _create_api_key(desk: Desk, account_id: str, name: str, output: Path | None) -> None:
    """Make an API key; it is shown this once."""
    with open_private(output) as file:
        key, secret = await desk.operator.create_api_key(account_id, name=name)
        record = {"key_id": key.key_id, "account_id": account_id, "name": name}
        _hand_over(desk, file, output, record, api_key=secret)


@desk_command(api_key, "list")
@_ANY_ACCOUNT_OPTION
async def _list_api_keys(desk: Desk, account_id: str) -> None:
    """List the API keys that are not revoked."""
    rows = [
        {
            "key_id": key.key_id,
            "account_id": key.account.account_id,
            "name": key.name,
            "created_at": time_text(key.created_at_s),
        }
        for key in await desk.store.list_api_keys(account_id=account_id)
    ]
    desk.table(("key_id", "account_id", "name", "created_at"), rows)


@desk_command(api_key, "revoke")
@click.argument("key_id")
async def _revoke_api_key(desk: Desk, key_id: str) -> None:
    """Refuse an API key for good, by its id."""
    if key_id.startswith("AQVN"):
        raise click.ClickException(
            "that is an API key itself, which other users can now read; "
            "`api-key list` shows the ids"
        )
    await desk.operator.revoke_api_key(key_id)
    desk.done(f"revoked {key_id}", key_id=key_id)


@click.group("authorized-key")
def authorized_key() -> None:
    """Key pairs with which service accounts sign for IAM tokens, as SDKs do."""


@desk_command(authorized_key, "create")
@_ACCOUNT_OPTION
@_OUTPUT_OPTION
async def _create_authorized_key(desk: Desk, account_id: str, output: Path | None) -> None:
    """Make a key pair; the file has the layout that the vendor's SDKs read."""
    with open_private(output) as file:
        key, private = await desk.operator.create_authorized_key(account_id)
        content = {
            "id": key.key_id,
            "service_account_id": account_id,
            "created_at": time_text(key.created_at_s),
            "key_algorithm": "RSA_2048",
            "public_key": key.public_key,
            "private_key": private,
        }
        if file is None:
            click.echo(json.dumps(content, indent=2))
            return
        json.dump(content, file, indent=2)
        file.write("\n")
    desk.show({"key_id": key.key_id, "account_id": account_id, "output": str(output)})


@desk_command(authorized_key, "list")
@_ANY_ACCOUNT_OPTION
async def _list_authorized_keys(desk: Desk, account_id: str) -> None:
    """List the key pairs that are not revoked."""
    rows = [
        {
            "key_id": key.key_id,
            "account_id": key.account.account_id,
            "created_at": time_text(key.created_at_s),
        }
        for key in await desk.store.list_authorized_keys(account_id=account_id)
    ]
    desk.table(("key_id", "account_id", "created_at"), rows)


@desk_command(authorized_key, "revoke")
@click.argument("key_id")
async def _revoke_authorized_key(desk: Desk, key_id: str) -> None:
    """Refuse a key pair for good, and the tokens that it obtained."""
    await desk.operator.revoke_authorized_key(key_id)
    desk.done(f"revoked {key_id}", key_id=key_id)


@click.group()
def token() -> None:
    """IAM tokens: for `authorization: Bearer`."""


@desk_command(token, "create")
@_ACCOUNT_OPTION
@click.option("--ttl", default="12h", show_default=True, help="Its life, such as 30m; at most 12h.")
@_OUTPUT_OPTION
async def _create_token(desk: Desk, account_id: str, ttl: str, output: Path | None) -> None:
    """Make an IAM token; it is shown this once, and its id revokes it."""
    life_s = _seconds(ttl)
    with open_private(output) as file:
        issued = await desk.operator.create_token(desk.signer, account_id, life_s=life_s)
        record = {
            "token_id": issued.claims.token_id,
            "account_id": account_id,
            "expires_at": time_text(issued.claims.expires_at_s),
        }
        _hand_over(desk, file, output, record, iam_token=issued.secret)


@desk_command(token, "revoke")
@click.argument("token_id", required=False)
@click.option(
    "--token-file", type=click.File(), help="File with the token itself; - is standard input."
)
async def _revoke_token(desk: Desk, token_id: str | None, token_file: TextIO | None) -> None:
    """Refuse a token from now on, by its id or by itself."""
    if (token_id is None) == (token_file is None):
        raise click.UsageError("give the id of the token or --token-file")
    if token_file is not None:
        token_id = await desk.operator.revoke_token_itself(token_file.read().strip())
    elif token_id is not None and parse_token(token_id) is not None:
        # It was seen already, by whoever looked; so it had better end.
        click.echo("warning: other users can read options; give --token-file -", err=True)
        token_id = await desk.operator.revoke_token_itself(token_id)
    else:
        await desk.operator.revoke_token(token_id or "")
    desk.done(f"revoked {token_id}", token_id=token_id)


@click.group("signing-key")
def signing_key() -> None:
    """Keys with which servers sign IAM tokens, one a data folder."""


@desk_command(signing_key, "list")
async def _list_signing_keys(desk: Desk) -> None:
    """List the keys whose tokens are accepted."""
    trust = await desk.store.read_trust()
    rows = [
        {"key_id": key.key_id, "created_at": time_text(key.created_at_s)}
        for key in trust.signing_keys.values()
    ]
    desk.table(("key_id", "created_at"), rows)


@desk_command(signing_key, "revoke")
@click.argument("key_id")
async def _revoke_signing_key(desk: Desk, key_id: str) -> None:
    """Refuse all tokens that a key signed, for good: when a data folder was stolen."""
    await desk.operator.revoke_signing_key(key_id)
    desk.done(f"revoked {key_id}", key_id=key_id)


def _hand_over(
    desk: Desk, file: TextIO | None, output: Path | None, record: dict[str, Any], **secret: str
) -> None:
    """Print a secret with its record, or write it to the file alone."""
    if file is None:
        desk.show(record | secret)
        return
    file.writelines(f"{value}\n" for value in secret.values())
    desk.show(record | {"output": str(output)})


def _seconds(text: str) -> int:
    match = re.fullmatch(r"(\d{1,6})([smh])", text)
    life_s = int(match[1]) * _UNITS_S[match[2]] if match else 0
    if not 0 < life_s <= LONGEST_TOKEN_LIFE_S:
        raise click.UsageError(f"--ttl: got {text!r}; accepted: 1s to 12h, such as 90s, 30m, 1h")
    return life_s
