"""The catalog: what can be installed, from where, and what it must add up to.

The package carries one (`catalog.toml`); a file of the same form among the models of the
data folder adds models to it and replaces values of those that are in it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from rechka.catalog.manifest import Card
from rechka.errors import ErrorCode, RequestError
from rechka.model_toml import Languages, Rate, Tags
from rechka.toml_file import parse_toml

__all__ = ["OWN_CATALOG", "Catalog", "Entry", "load_catalog"]

OWN_CATALOG = "catalog.toml"

# Of the licences of models those that the Open Source Initiative has approved.
_OPEN_SOURCE = frozenset({"Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC"})
# What is taken to be needed where the catalog does not say.
_UNPACKED_TO_ARCHIVE = 2
_LIMIT_TO_ARCHIVE = 4
_UNKNOWN_ARCHIVE_BYTES = 1024**3
_SMALLEST_LIMIT_BYTES = 64 * 1024**2


def _no_toml(name: str) -> str:
    if name.lower().endswith(".toml"):
        raise ValueError("a name that ends in '.toml' is that of a file beside the models")
    return name


_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
_ModelName = Annotated[_Name, AfterValidator(_no_toml)]
_Url = Annotated[str, Field(pattern=r"^https?://[^\s/]+(/\S*)?$")]
_Bytes = Annotated[int, Field(gt=0)]


class Entry(BaseModel):
    """A model that can be installed.

    Attributes:
        name: Of the model, and of its folder.
        version: Of the model.
        engine: Registered name of the engine that runs it.
        languages: BCP 47 tags of what it recognizes.
        default_for: Languages whose name alone means this model.
        tags: Values of a request's `model` that select it.
        sample_rate_hz: Native rate.
        chunk_ms: Audio that one step of the model takes, None: not published.
        summary: One line for a person.
        licence: SPDX expression.
        licence_url: Where it can be read.
        licence_note: What else to know of it.
        archive: File name; without its ending the name of the folder in it.
        urls: Mirrors, in order of preference.
        archive_bytes: Exact size, None: not published.
        about_bytes: Size to expect where the exact one is not published.
        sha256: Of the archive in hexadecimal, None: not published.
        files: Installed name to the pattern of its name in the archive; empty: the whole
            folder in the archive is the model.
        optional: Of these files those that an archive may lack.
        unpacked_bytes: Most bytes that the archive holds, None: four times its size.
        memory_bytes: Of one worker with the model loaded, None: not known.
        engine_table: What the engine finds in `model.toml` beside what all engines share.
        card: For people.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: _ModelName
    version: Annotated[str, Field(min_length=1)]
    engine: Annotated[str, Field(min_length=1)]
    languages: Languages
    default_for: tuple[str, ...] = ()
    tags: Tags = ("general", "general:rc", "general:deprecated")
    sample_rate_hz: Rate
    chunk_ms: Annotated[int, Field(gt=0)] | None = None
    summary: str = ""
    licence: Annotated[str, Field(min_length=1)]
    licence_url: _Url | None = None
    licence_note: str = ""
    archive: _Name
    urls: Annotated[tuple[_Url, ...], Field(min_length=1)]
    archive_bytes: _Bytes | None = None
    about_bytes: _Bytes | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    files: Mapping[_Name, str] = {}
    optional: tuple[str, ...] = ()
    unpacked_bytes: _Bytes | None = None
    memory_bytes: _Bytes | None = None
    engine_table: Mapping[str, Any] = {}
    card: Card = Card()

    @property
    def is_open_source(self) -> bool:
        """Whether the licence needs nobody's consent: the OSI has approved it."""
        return self.licence in _OPEN_SOURCE

    @property
    def upstream_name(self) -> str:
        """Name of the archive without its ending."""
        for ending in (".tar.bz2", ".tar.gz", ".tgz", ".tar", ".zip"):
            if self.archive.endswith(ending):
                return self.archive.removesuffix(ending)
        return self.archive

    @property
    def expected_bytes(self) -> int | None:
        """Size of the archive, exact or not; None: not known."""
        return self.archive_bytes or self.about_bytes

    @property
    def needed_bytes(self) -> int:
        """Bytes to be free for what is unpacked, an estimate if none is stated."""
        return self.unpacked_bytes or _UNPACKED_TO_ARCHIVE * (self.expected_bytes or 0)

    @property
    def limit_bytes(self) -> int:
        """Most bytes that are unpacked: an archive that holds more is not this model."""
        known = self.expected_bytes or _UNKNOWN_ARCHIVE_BYTES
        return self.unpacked_bytes or max(_LIMIT_TO_ARCHIVE * known, _SMALLEST_LIMIT_BYTES)


@dataclass(frozen=True, slots=True)
class Catalog:
    """All entries.

    Attributes:
        entries: By name.
        mirrors: Prefixes of urls of own servers, tried before an entry's own: each with
            the name of the archive behind it.
    """

    entries: Mapping[str, Entry]
    mirrors: tuple[str, ...] = ()

    def urls(self, entry: Entry) -> list[str]:
        """Return where to fetch an entry from, in order."""
        own = [f"{mirror.rstrip('/')}/{entry.archive}" for mirror in self.mirrors]
        return list(dict.fromkeys([*own, *entry.urls]))

    def default(self, language: str) -> Entry | None:
        """Return the entry that a language alone means, "tr" as "tr-TR"; None without one."""
        wanted = language.lower()
        for entry in self.entries.values():
            for tag in (item.lower() for item in entry.default_for):
                if wanted in (tag, tag.partition("-")[0]):
                    return entry
        return None

    def find(self, wanted: str) -> Entry:
        """Return the entry of a name, of an archive's name, or of a language.

        Raises:
            RequestError: There is none; the message names those that there are.
        """
        for entry in self.entries.values():
            if wanted in (entry.name, entry.upstream_name, entry.archive):
                return entry
        if found := self.default(wanted):
            return found
        names = ", ".join(sorted(self.entries))
        languages = ", ".join(
            sorted({tag for item in self.entries.values() for tag in item.default_for})
        )
        raise RequestError(
            ErrorCode.INVALID_CONFIG,
            f"model: got {wanted!r}; accepted: a model ({names}) or a language ({languages})",
        )


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    mirrors: tuple[_Url, ...] = ()
    models: tuple[dict[str, Any], ...] = ()


def load_catalog(own: Path | None = None) -> Catalog:
    """Return the package's catalog with a file of one's own laid over it.

    Args:
        own: File whose models are added; keys of a model that is known replace its values.
            None, or a path where nothing is: the package's catalog alone.

    Raises:
        RequestError: A file cannot be read, or a value is not accepted; the message names
            the file and each field.
    """
    packaged = files("rechka.catalog") / "catalog.toml"
    base = _read(packaged.read_text(encoding="utf-8"), str(packaged))
    tables = {table["name"]: table for table in base.models}
    entries = {name: _entry(table, str(packaged)) for name, table in tables.items()}
    if own is None or not own.exists():
        return Catalog(entries)
    try:
        text = own.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(ErrorCode.INVALID_CONFIG, f"{own}: {error}") from None
    added = _read(text, str(own))
    for table in added.models:
        name = table.get("name")
        entry = _entry({**tables.get(str(name), {}), **table}, str(own))
        entries[entry.name] = entry
    # A language that the own file gives to a model is no longer the packaged one's.
    givers = [str(table["name"]) for table in added.models if "default_for" in table]
    ordered = {name: entries[name] for name in givers} | entries
    return Catalog(ordered, added.mirrors)


def _read(text: str, place: str) -> _File:
    try:
        return _File(**parse_toml(text, place))
    except ValidationError as error:
        raise _explain(error, place) from None


def _entry(table: Mapping[str, Any], place: str) -> Entry:
    try:
        entry = Entry(**table)
    except ValidationError as error:
        raise _explain(error, f"{place}: models: {table.get('name')!r}") from None
    strangers: Sequence[str] = [
        *(f"optional: {name!r}" for name in entry.optional if name not in entry.files),
        *(f"default_for: {tag!r}" for tag in entry.default_for if tag not in entry.languages),
    ]
    if strangers:
        raise RequestError(
            ErrorCode.INVALID_CONFIG,
            f"{place}: models: {entry.name!r}: {'; '.join(strangers)}: accepted: "
            "optional: names in files; default_for: names in languages",
        )
    return entry


def _explain(error: ValidationError, place: str) -> RequestError:
    problems = "; ".join(
        f"{'.'.join(str(part) for part in detail['loc'])}: got {detail['input']!r}: {detail['msg']}"
        for detail in error.errors()
    )
    return RequestError(ErrorCode.INVALID_CONFIG, f"{place}: {problems}")
