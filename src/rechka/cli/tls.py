"""`rechka tls`: certificates for trying TLS."""

import json
import os
from pathlib import Path

import click

from rechka.access.certificates import Identity, create_authority, issue_certificate

__all__ = ["tls"]


@click.group()
def tls() -> None:
    """Make certificates for networks of your own."""


@tls.command("dev-cert")
@click.option(
    "--host", "hosts", multiple=True, required=True, help="Host name or address; may be repeated."
)
@click.option(
    "--output",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the files; an authority that is there already is used again.",
)
@click.option("--client", "is_client", is_flag=True, help="For a client instead of a server.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def dev_cert(hosts: tuple[str, ...], output: Path, *, is_client: bool, as_json: bool) -> None:
    """Make a private certificate authority and a certificate of it.

    Clients must trust the authority's file, and no other secret is needed
    there. Keep the key of the authority to yourself.
    """
    kind = "client" if is_client else "server"
    try:
        output.mkdir(parents=True, exist_ok=True)
        authority = _authority(output)
    except OSError as error:
        raise click.ClickException(f"cannot use {output}: {error.strerror}") from None
    try:
        identity = issue_certificate(authority, hosts, is_client=is_client)
    except (ValueError, UnicodeError) as error:
        raise click.ClickException(f"no certificate for {', '.join(hosts)}: {error}") from None
    files = {"ca": output / "ca.pem", "cert": output / f"{kind}.pem", "key": output / f"{kind}.key"}
    _write(files["cert"], identity.certificate + authority.certificate, mode=0o644)
    _write(files["key"], identity.private_key, mode=0o600)
    if as_json:
        record = {name: str(path) for name, path in files.items()}
        click.echo(json.dumps(record | {"hosts": list(hosts)}))
        return
    ca = files["ca"]
    click.echo(f"certificate for {', '.join(hosts)}: {files['cert']}, key {files['key']}")
    if is_client:
        click.echo(f"serve with:         --tls-client-ca {ca}")
        return
    click.echo(f"serve with:         --tls-cert {files['cert']} --tls-key {files['key']}")
    click.echo(f"clients must trust: {ca}")
    click.echo(f'  Python, gRPC      grpc.ssl_channel_credentials(open("{ca}", "rb").read())')
    click.echo(f'  vendor SDK        yandexcloud.SDK(root_certificates=open("{ca}", "rb").read())')
    click.echo(f"  gRPC without code GRPC_DEFAULT_SSL_ROOTS_FILE_PATH={ca}")
    click.echo(f"  Debian, as root   cp {ca} /usr/local/share/ca-certificates/rechka.crt &&")
    click.echo("                    update-ca-certificates")


def _authority(folder: Path) -> Identity:
    certificate, key = folder / "ca.pem", folder / "ca.key"
    if certificate.exists() and key.exists():
        return Identity(certificate.read_bytes(), key.read_bytes())
    if certificate.exists() or key.exists():
        there, missing = (certificate, key) if certificate.exists() else (key, certificate)
        raise click.ClickException(
            f"{there} is there without {missing.name}; bring that back, or move {there.name} "
            "away for a new authority, which clients must trust anew"
        )
    made = create_authority()
    _write(key, made.private_key, mode=0o600)
    _write(certificate, made.certificate, mode=0o644)
    return made


def _write(path: Path, content: bytes, *, mode: int) -> None:
    """Put a file into its place whole, so that a running server never reads half of it."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
        new.replace(path)
    except OSError as error:
        raise click.ClickException(f"cannot write {path}: {error.strerror}") from None
