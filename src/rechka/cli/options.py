"""Options that the commands of the client share, and what is made of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from rechka.client import AsyncClient, SessionLimits, TlsConfig
from rechka.errors import ErrorCode, RequestError
from rechka.hotwords import parse_hotwords
from rechka.spec import DEFAULT_LANGUAGE, DEFAULT_MODEL, RecognitionSpec

__all__ = ["connection_options", "make_client", "make_spec", "recognition_options"]

_Command = TypeVar("_Command", bound=Callable[..., Any])
_FILE = click.Path(dir_okay=False, path_type=Path)

_CONNECTION = (
    click.option(
        "--endpoint",
        envvar="RECHKA_ENDPOINT",
        default="localhost:50051",
        show_default=True,
        show_envvar=True,
        metavar="HOST:PORT",
        help="The server's gRPC API.",
    ),
    click.option("--token", envvar="RECHKA_TOKEN", show_envvar=True, help="IAM token."),
    click.option(
        "--api-key",
        envvar="RECHKA_API_KEY",
        show_envvar=True,
        help="API key, instead of a token. Prefer the variables: other users see options.",
    ),
    click.option(
        "--folder-id",
        envvar="RECHKA_FOLDER_ID",
        default="",
        show_envvar=True,
        help="Folder; a service account has its own.",
    ),
    click.option("--tls", is_flag=True, help="Connect with TLS."),
    click.option("--root-cert", type=_FILE, help="Authority to trust, PEM; it also turns TLS on."),
    click.option("--client-cert", type=_FILE, help="Own certificate, PEM, if the server asks."),
    click.option("--client-key", type=_FILE, help="Its private key, PEM."),
    click.option(
        "--session-s",
        type=click.FloatRange(min=1),
        default=300.0,
        show_default=True,
        help="Seconds of audio that the server allows a session; longer audio takes several.",
    ),
)

_RECOGNITION = (
    click.option("--lang", default=DEFAULT_LANGUAGE, show_default=True, help="Language."),
    click.option("--model", default=DEFAULT_MODEL, show_default=True, help="Model, with its tag."),
    click.option(
        "--partial/--no-partial",
        default=None,
        help="Print what was heard so far while it is spoken; on a terminal the default.",
    ),
    click.option("--raw", is_flag=True, help="Leave the text as the model says it."),
    click.option("--profanity-filter", is_flag=True, help="Keep profanity out of the text."),
    click.option("--literature", is_flag=True, help="Add punctuation and capitals."),
    click.option(
        "--hotword",
        "hotwords",
        multiple=True,
        metavar="PHRASE[:BOOST]",
        help="Phrase to prefer, and how much: 2 is a hint, 4 the default, 8 a strong wish; "
        "may be given again.",
    ),
    click.option("--single-utterance", is_flag=True, help="Stop after the first utterance."),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line."),
)


def connection_options(command: _Command) -> _Command:
    """Add the options of `make_client` to a command."""
    return _add(_CONNECTION, command)


def recognition_options(command: _Command) -> _Command:
    """Add the options of `make_spec`, and `--json`, to a command."""
    return _add(_RECOGNITION, command)


def _add(options: tuple[Callable[[Any], Any], ...], command: _Command) -> _Command:
    for option in reversed(options):
        command = option(command)
    return command


def make_client(options: dict[str, Any]) -> AsyncClient:
    """Return the client that the options ask for.

    A secret on the command line wins over one in the environment.

    Raises:
        UsageError: Both secrets are given in the same place.
        RequestError: A file cannot be read.
    """
    token, api_key = _secrets(options["token"], options["api_key"])
    tls: bool | TlsConfig = options["tls"]
    if options["root_cert"] or options["client_cert"] or options["client_key"]:
        tls = TlsConfig(
            root_certificates=_read(options["root_cert"]),
            certificate=_read(options["client_cert"]),
            private_key=_read(options["client_key"]),
        )
    return AsyncClient(
        options["endpoint"],
        token=token,
        api_key=api_key,
        folder_id=options["folder_id"],
        tls=tls,
        limits=SessionLimits(audio_s=options["session_s"]),
    )


def make_spec(options: dict[str, Any], *, partial_default: bool) -> RecognitionSpec:
    """Return the settings; the source brings encoding and rate along.

    Args:
        options: As parsed.
        partial_default: Whether to ask for partials if nothing is said.

    Raises:
        RequestError: A hotword is not accepted.
    """
    partial = options["partial"]
    return RecognitionSpec(
        language=options["lang"],
        model=options["model"],
        partial_results=partial_default if partial is None else partial,
        raw_results=options["raw"],
        profanity_filter=options["profanity_filter"],
        literature_text=options["literature"],
        single_utterance=options["single_utterance"],
        hotwords=parse_hotwords(";".join(options["hotwords"]), field="--hotword"),
    )


def _secrets(token: str | None, api_key: str | None) -> tuple[str | None, str | None]:
    if token is None or api_key is None:
        return token, api_key
    context = click.get_current_context()
    source = click.core.ParameterSource.COMMANDLINE
    is_token_typed = context.get_parameter_source("token") is source
    is_key_typed = context.get_parameter_source("api_key") is source
    if is_token_typed == is_key_typed:
        raise click.UsageError("give a token or an API key, not both")
    return (token, None) if is_token_typed else (None, api_key)


def _read(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        problem = f"{path}: {(error.strerror or str(error)).lower()}"
        raise RequestError(ErrorCode.INVALID_CONFIG, problem) from None
