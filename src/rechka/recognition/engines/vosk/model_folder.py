"""Reads the folder of a vosk model, and checks its files before the library sees them.

The library tells no reason when it refuses a model, and ends the process for some: what
can be told apart from outside is told here, with the file's name.
"""

import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rechka.recognition.model_folders import MANIFEST_NAME, refuse_file
from rechka.toml_file import read_toml

__all__ = ["Manifest", "VoskFolder", "read_folder"]

_FST_MAGIC = struct.pack("<i", 2125659606)
# Kaldi writes binary files behind "\0B" and text files without anything before.
_ACOUSTIC_STARTS = (b"\0B<TransitionModel>", b"<TransitionModel>")
_PHONES = re.compile(r"[1-9]\d*(:[1-9]\d*)*")
# What Kaldi takes where a configuration says nothing.
_DEFAULT_RATE_HZ = 16_000


class Manifest(BaseModel):
    """What `model.toml` says.

    Attributes:
        name: Of the model.
        version: Of the model.
        engine: Always "vosk".
        languages: BCP 47 tags of what it recognizes.
        tags: Values of a request's `model` that select it.
        sample_rate_hz: Rate of the audio that it was trained on.
        licence: Of the model's files.
        summary: One line for a person.
        max_streams: Most streams of one worker, however little they cost.
        card: Data, recipe and figures; for people.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1)]
    version: Annotated[str, Field(min_length=1)]
    engine: Literal["vosk"]
    languages: Annotated[tuple[Annotated[str, Field(min_length=2)], ...], Field(min_length=1)]
    tags: Annotated[tuple[str, ...], Field(min_length=1)] = ("general",)
    sample_rate_hz: Annotated[int, Field(gt=0)]
    licence: str
    summary: str
    max_streams: Annotated[int, Field(ge=1, le=1_000)] = 128
    card: dict[str, Any] = {}


@dataclass(frozen=True, slots=True, eq=False)
class VoskFolder:
    """A model that was checked and not yet loaded.

    Attributes:
        manifest: What its folder says.
        kaldi: Where the library's files lie.
    """

    manifest: Manifest
    kaldi: Path


def read_folder(folder: Path) -> VoskFolder:
    """Read a model's manifest and check its files.

    Args:
        folder: With `model.toml`, and beside it what the model's archive holds, or the
            one folder that the archive unpacks to.

    Raises:
        RequestError: A file is missing or no good, or they do not fit together.
    """
    manifest = _read_manifest(folder / MANIFEST_NAME)
    kaldi = _find_kaldi(folder)
    is_old = not (kaldi / "am").is_dir()
    acoustic, conf, graph = (kaldi / ("" if is_old else name) for name in ("am", "conf", "graph"))
    _require_start(acoustic / "final.mdl", _ACOUSTIC_STARTS, "a model of Kaldi")
    if not is_old:
        _check_silence(conf / "model.conf")
    _check_rate(conf, manifest.sample_rate_hz)
    if (graph / "HCLG.fst").exists():
        names = ["HCLG.fst"]
    else:
        names = ["HCLr.fst", "Gr.fst"]
        _require_start(graph / "disambig_tid.int", (b"",), "numbers")
    for name in names:
        _require_start(graph / name, (_FST_MAGIC,), "a graph of OpenFst")
    if (graph / "words.txt").exists():
        _require_start(graph / "words.txt", (b"",), "words and their numbers")
    return VoskFolder(manifest, kaldi)


def _read_manifest(path: Path) -> Manifest:
    try:
        return Manifest(**read_toml(path))
    except ValidationError as error:
        problems = [
            f"{'.'.join(str(part) for part in detail['loc'])}: got {detail['input']!r}: "
            f"{detail['msg']}"
            for detail in error.errors()
        ]
        raise refuse_file(path, "; ".join(problems)) from None


def _find_kaldi(folder: Path) -> Path:
    below = sorted(item for item in folder.iterdir() if item.is_dir())
    found = [path for path in (folder, *below) if _is_kaldi(path)]
    # The folder `am` of a model holds a file of the same name as an old model does.
    if folder in found:
        return folder
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise refuse_file(
            folder,
            f"got {names}; accepted: the files of one model of vosk (am/final.mdl, or "
            "final.mdl in old ones), here or in one folder",
        )
    return found[0]


def _is_kaldi(path: Path) -> bool:
    return (path / "am" / "final.mdl").is_file() or (path / "final.mdl").is_file()


def _require_start(path: Path, starts: tuple[bytes, ...], kind: str) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(max(1, *map(len, starts)))
    except OSError as error:
        raise refuse_file(path, error.strerror or "it cannot be read") from None
    if not head or not head.startswith(starts):
        raise refuse_file(path, f"got {head!r}; accepted: {kind}")


def _check_silence(path: Path) -> None:
    """Check the phones of silence: without any the library ends the process."""
    phones = _settings(path).get("endpoint.silence-phones", "")
    if _PHONES.fullmatch(phones) is None:
        raise refuse_file(
            path,
            f"--endpoint.silence-phones: got {phones!r}; accepted: numbers with colons between",
        )


def _check_rate(conf: Path, rate_hz: int) -> None:
    found = [conf / name for name in ("mfcc.conf", "fbank.conf") if (conf / name).exists()]
    path = found[0] if found else conf / "mfcc.conf"
    text = _settings(path).get("sample-frequency", str(_DEFAULT_RATE_HZ))
    try:
        model_rate_hz = float(text)
    except ValueError:
        raise refuse_file(path, f"--sample-frequency: got {text!r}; accepted: a number") from None
    if model_rate_hz != rate_hz:
        raise refuse_file(
            path,
            f"--sample-frequency: got {model_rate_hz:g}; accepted: {rate_hz}, which "
            f"{MANIFEST_NAME} says",
        )


def _settings(path: Path) -> dict[str, str]:
    """Return what a configuration of Kaldi sets: lines of `--name=value`, `#` for comments."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise refuse_file(path, str(error)) from None
    settings = {}
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if text and not text.startswith("--"):
            raise refuse_file(path, f"line {number}: got {text!r}; accepted: --name=value")
        name, _, value = text.removeprefix("--").partition("=")
        settings[name.strip()] = value.strip()
    return settings
