"""Recorded clips, and the manifest that lists them with what was said."""

import csv
from dataclasses import dataclass
from pathlib import Path

import soxr

from rechka.audio.samples import to_pcm16
from rechka.errors import ErrorCode, RequestError
from rechka.spec import SAMPLE_RATES_HZ

__all__ = ["Clip", "read_clip", "read_manifest"]

_COLUMNS = ("file", "transcript")


@dataclass(frozen=True, slots=True)
class Clip:
    """One line of the manifest.

    Attributes:
        path: The recording.
        transcript: What was said; empty for a clip without speech.
        source: The set that it belongs to.
    """

    path: Path
    transcript: str
    source: str


def read_manifest(path: Path) -> list[Clip]:
    """Return the clips of a manifest, at least one.

    Raises:
        RequestError: It is none, or a clip cannot be read; the message names the line.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            rows = [(reader.line_num, row) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise _refused(f"{path}: a manifest is a table in UTF-8: {error}") from None
    if not rows or any(column not in rows[0][1] for column in _COLUMNS):
        raise _refused(
            f"{path}: a manifest needs a header and rows with the columns {', '.join(_COLUMNS)}, "
            "separated by tabs"
        )
    clips = []
    for line, row in rows:
        where = f"{path}, line {line}"
        if not row["file"] or row["transcript"] is None:
            raise _refused(f"{where}: a row needs a file and a transcript, separated by a tab")
        clip = Clip(path.parent / row["file"], row["transcript"].strip(), row.get("source") or "")
        _check(clip.path, where)
        clips.append(clip)
    return clips


def read_clip(path: Path, asked_hz: int | None) -> tuple[bytes, int]:
    """Return a clip as 16-bit mono PCM at a rate that the API takes, and that rate.

    Args:
        path: The recording.
        asked_hz: That rate; None for its own if the API takes it, otherwise 16 kHz.

    Raises:
        RequestError: It cannot be read.
    """
    import soundfile  # noqa: PLC0415 - Of an extra; the help of the command needs none of it.

    try:
        samples, own_hz = soundfile.read(str(path), dtype="float32", always_2d=True)
    except soundfile.SoundFileError as error:
        raise _refused(f"{path}: {_reason(error)}") from None
    mono = samples.mean(axis=1)
    target_hz = asked_hz or (own_hz if own_hz in SAMPLE_RATES_HZ else 16_000)
    return to_pcm16(soxr.resample(mono, own_hz, target_hz)), target_hz


def _check(path: Path, where: str) -> None:
    import soundfile  # noqa: PLC0415 - As above.

    if not path.is_file():
        raise _refused(f"{where}: {path}: no such file")
    try:
        has_audio = soundfile.info(str(path)).frames > 0
    except soundfile.SoundFileError as error:
        raise _refused(f"{where}: {path}: {_reason(error)}") from None
    if not has_audio:
        raise _refused(f"{where}: {path}: there is no audio in it")


def _reason(error: Exception) -> str:
    said = getattr(error, "error_string", str(error)).rstrip(".")
    return f"it cannot be read as audio: {said}"


def _refused(message: str) -> RequestError:
    return RequestError(ErrorCode.INVALID_CONFIG, message)
