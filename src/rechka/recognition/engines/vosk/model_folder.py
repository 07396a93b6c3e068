"""Reads the folder of a vosk model, and checks its files before the library sees them.

The library tells no reason when it refuses a model, and ends the process for some: what
can be told apart from outside is told here, with the file's name.
"""

import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rechka.model_toml import read_model_toml
from rechka.recognition.engine_manifest import EngineManifest
from rechka.recognition.model_folders import MANIFEST_NAME, refuse_file

__all__ = ["Manifest", "VoskFolder", "read_folder"]

_FST_MAGIC = struct.pack("<i", 2125659606)
# Kaldi writes binary files behind "\0B" and text files without anything before.
_ACOUSTIC_STARTS = (b"\0B<TransitionModel>", b"<TransitionModel>")
_PHONES = re.compile(r"[1-9]\d*(:[1-9]\d*)*")
# What Kaldi takes where a configuration says nothing.
_DEFAULT_RATE_HZ = 16_000


class Manifest(EngineManifest):
    """What `model.toml` says.

    Attributes:
        engine: Always "vosk".
    """

    engine: Literal["vosk"]


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
    manifest = read_model_toml(Manifest, folder / MANIFEST_NAME)
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
