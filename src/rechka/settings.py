"""All settings of a server: one frozen tree, checked once at the start.

They come, the later winning over the earlier, from the defaults below, a TOML
file, environment variables (`RECHKA_LIMITS__IDLE_S=10`) and command-line flags.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from rechka.errors import ErrorCode, RequestError
from rechka.toml_file import parse_toml

__all__ = ["EndpointingPreset", "Settings", "load_settings"]

Milliseconds = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(gt=0)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ServerSettings(_Section):
    """Where the server listens and how it stops."""

    grpc_address: str = "127.0.0.1:50051"
    """Host and port of the gRPC API; port 0 takes a free one."""
    http_address: str = "127.0.0.1:8080"
    """Host and port of /healthz and /readyz; port 0 takes a free one."""
    advertised_address: str = ""
    """Host and port that clients reach the server under, told to SDKs that ask
    for service addresses; empty: the gRPC address."""
    tls_cert: Path | None = None
    """PEM file of the server's certificate chain; with `tls_key` it turns TLS on."""
    tls_key: Path | None = None
    """PEM file of the certificate's private key."""
    tls_client_ca: Path | None = None
    """PEM file of the authorities whose client certificates are asked for; a
    client without one is refused."""
    allow_plaintext: bool = False
    """Whether ports beyond loopback may be served without TLS, such as behind a proxy."""
    drain_grace_s: Seconds = 30.0
    """Time that running sessions have to finish after SIGTERM."""
    keepalive_s: Annotated[float, Field(ge=0.1, le=86_400)] = 60.0
    """Time without a byte from a client after which its connection is asked whether it is
    still there."""
    keepalive_timeout_s: Annotated[float, Field(ge=0.1, le=86_400)] = 20.0
    """Time that it has to answer; then it is closed and its sessions end."""


class AccessSettings(_Section):
    """Who may use the server, and how much; docs/access.md tells more."""

    database_url: str = ""
    """`postgresql://user@host/name` for several servers; empty: a SQLite file in
    the data folder."""
    sessions_per_s: Annotated[int, Field(ge=0)] = 40
    """New sessions a second of a folder that sets no limit itself; 0: no limit."""
    concurrent_sessions: Annotated[int, Field(ge=0)] = 60
    """Sessions at once of a folder that sets no limit itself; 0: no limit."""
    audio_s_per_day: Annotated[int, Field(ge=0)] = 0
    """Seconds of audio a day (UTC) of a folder that sets no limit itself; 0: no limit."""
    lease_s: Annotated[float, Field(ge=1.0, le=3600.0)] = 40.0
    """Time after which the sessions of a server that died no longer count."""
    login_failures_per_minute: Annotated[int, Field(ge=0)] = 60
    """Failed log-ins of one address before it has to wait; 0: no limit."""
    token_hosts: tuple[str, ...] = ("api.cloud.yandex.net",)
    """Host names that the `aud` of a service account's JWT may name, beside those
    of the server's addresses and its certificate."""
    audit_days: Annotated[int, Field(ge=1)] = 90
    """Age at which audit events are forgotten."""


class LimitSettings(_Section):
    """Limits of one session. The defaults are the vendor's."""

    idle_s: Seconds = 5.0
    """Longest time between two messages of the client."""
    unread_s: Seconds = 20.0
    """Longest time that a result waits for a client that does not read."""
    audio_s: Seconds = 300.0
    """Longest audio of one session."""
    audio_bytes: Annotated[int, Field(gt=0)] = 10 * 1024 * 1024
    """Most bytes of audio in one session, as received."""
    folder_id_length: Annotated[int, Field(gt=0)] = 50
    """Most characters of a folder id."""


class EndpointingPreset(StrEnum):
    """Sets of values for the end of an utterance; docs/endpointing.md has the table."""

    ASSISTANT = "assistant"
    TELEPHONY = "telephony"
    DICTATION = "dictation"


class EndpointingSettings(_Section):
    """When an utterance ends. A value of None is taken from the preset."""

    preset: EndpointingPreset = EndpointingPreset.ASSISTANT
    """Where the values come from that are not given: assistant, telephony or dictation."""
    pause_ms: Annotated[int, Field(ge=100, le=10_000)] | None = None
    """Silence after speech that ends the utterance."""
    min_speech_ms: Annotated[int, Field(ge=10, le=1_000)] | None = None
    """Voiced audio that begins an utterance; shorter sounds are passed over."""
    max_utterance_ms: Annotated[int, Field(ge=1_000, le=300_000)] | None = None
    """Longest utterance; past it a final is forced at the next short gap, or at once."""


class RecognitionSettings(_Section):
    """The engine and its workers."""

    engine: str | tuple[str, ...] = "auto"
    """Registered name of the engine; a list of several in order of preference, each of
    which serves the languages of its models; or `auto`: what is installed and selected,
    see docs/reload.md."""
    engine_options: dict[str, Any] = {}
    """Options of the engine; each engine documents its own. For several engines, and for
    `auto`, a table of its own for each, such as `engine_options.ctc`. With `auto`, an
    engine that has `models` or `tags` here serves those alone."""
    workers: Annotated[int, Field(ge=0, le=256)] = 0
    """Worker processes; 0 means one for each core that this process may use."""
    streams_per_worker: Annotated[int, Field(ge=0, le=10_000)] = 0
    """Most streams that a worker takes at once; 0 means what the engine advises."""
    max_load: Annotated[float, Field(gt=0, le=1)] = 0.6
    """Share of a worker's time that its streams may need together, by what a second of
    audio is seen to cost. A session that would need more is refused at once. While one turn
    in twenty takes longer than 0.2 s, since others use the processor too, half counts."""
    hotwords: dict[str, Path] = {}
    """By the id of a folder, or `*` for all others, a file of phrases that each of its
    sessions prefers; docs/hotwords.md tells more."""
    start_timeout_s: Seconds = 300.0
    """Time that a worker has to load its models and get warm."""
    retire_timeout_s: Seconds = 600.0
    """Time that running sessions have to finish on the workers of a model that was
    replaced; docs/reload.md tells more."""


class ResultSettings(_Section):
    """How results are written."""

    max_alternatives: Annotated[int, Field(ge=1, le=20)] = 1
    """Most alternatives of a final result."""
    confidence: Literal["documented", "engine"] = "documented"
    """`documented`: always 1, as the API documents; `engine`: as measured."""
    partial_interval_ms: Milliseconds = 100
    """Shortest time between two partial results of a session."""
    profanity_mode: Literal["drop", "mask"] = "drop"
    """What the profanity filter does: `drop` leaves a word out, `mask` shows its first
    letter and asterisks."""
    profanity_file: Path | None = None
    """List of words to add to the filter's own, or, after a `!`, to exempt from it."""


class Settings(BaseSettings):
    """The whole tree."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        env_prefix="RECHKA_",
        env_nested_delimiter="__",
    )

    data_dir: Path = Path(".rechka")
    """Folder of everything that the server keeps."""
    server: ServerSettings = ServerSettings()
    """Where the server listens and how it stops."""
    access: AccessSettings = AccessSettings()
    """Who may use the server, and how much; docs/access.md tells more."""
    limits: LimitSettings = LimitSettings()
    """Limits of one session; the defaults are the vendor's."""
    endpointing: EndpointingSettings = EndpointingSettings()
    """When an utterance ends; docs/endpointing.md tells more."""
    recognition: RecognitionSettings = RecognitionSettings()
    """The engine and its workers."""
    results: ResultSettings = ResultSettings()
    """How results are written."""


def load_settings(path: Path | None = None, *, overrides: dict[str, Any] | None = None) -> Settings:
    """Read settings from a TOML file and the environment.

    Args:
        path: TOML file with the tables of `Settings`; None reads no file.
        overrides: Values that win over everything, such as command-line flags:
            a nested mapping of the same shape as the file.

    Raises:
        RequestError: The file cannot be read, or a value is not accepted; the
            message names each one.
    """
    try:
        text = path.read_text(encoding="utf-8-sig") if path else ""
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(ErrorCode.INVALID_CONFIG, f"settings file {path}: {error}") from None
    in_file = parse_toml(text, f"settings file {path}")

    class LayeredSettings(Settings):
        """Settings with the file's values below the environment's."""

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, in_file)

    try:
        return LayeredSettings(**(overrides or {}))
    except ValidationError as error:
        raise RequestError(ErrorCode.INVALID_CONFIG, _explain(error)) from None
    except SettingsError as error:
        raise RequestError(ErrorCode.INVALID_CONFIG, f"settings: {error}") from None


def _explain(error: ValidationError) -> str:
    lines = []
    for detail in error.errors():
        field = ".".join(str(part) for part in detail["loc"])
        if detail["type"] == "extra_forbidden":
            # A name with a slip in it may stand before a password.
            lines.append(f"{field}: there is no such setting")
        else:
            lines.append(f"{field}: got {detail['input']!r}: {detail['msg']}")
    return "settings: " + "; ".join(lines)
