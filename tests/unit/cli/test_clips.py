"""Manifests of recorded clips, and what is said of those that cannot be used."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
import structlog
from click.testing import CliRunner

from rechka.cli import cli
from rechka.cli.clips import read_clip, read_manifest
from rechka.errors import RequestError
from wire_client import AUDIO

HEADER = "file\ttranscript\tsource\n"


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """Take back how the command sets up the log of its process."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a clip, and with files that are none."""
    shutil.copy(AUDIO / "speech-16k.wav", tmp_path / "clip.wav")
    (tmp_path / "text.wav").write_text("no audio at all")
    soundfile.write(tmp_path / "empty.wav", [], 16_000)
    return tmp_path


def manifest(folder: Path, text: str | bytes) -> Path:
    path = folder / "manifest.tsv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_clips_are_listed_also_those_without_speech(folder: Path) -> None:
    path = manifest(folder, HEADER + "clip.wav\tone two\tstreet\n\nclip.wav\t\t\nclip.wav\tsix\n")
    clips = read_manifest(path)
    assert [(clip.transcript, clip.source) for clip in clips] == [
        ("one two", "street"),
        ("", ""),
        ("six", ""),
    ]
    assert {clip.path for clip in clips} == {folder / "clip.wav"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (HEADER, "a manifest needs a header and rows with the columns file, transcript"),
        ("", "a manifest needs a header and rows"),
        ("path\ttext\nclip.wav\tone\n", "a manifest needs a header and rows"),
        (HEADER + "clip.wav\tone\nclip.wav\n", "line 3: a row needs a file and a transcript"),
        (HEADER + "\tone\n", "line 2: a row needs a file and a transcript"),
        (HEADER + "clip.wav\tone\nno.wav\ttwo\n", r"line 3: .*no\.wav: no such file"),
        (HEADER + "text.wav\tone\n", r"line 2: .*text\.wav: it cannot be read as audio: Format "),
        (HEADER + "empty.wav\tone\n", r"line 2: .*empty\.wav: there is no audio in it"),
        (b"file\ttranscript\nclip.wav\t\xff\n", "a manifest is a table in UTF-8: "),
    ],
)
def test_a_manifest_that_cannot_be_used_is_refused_with_its_line(
    folder: Path, text: str | bytes, problem: str
) -> None:
    with pytest.raises(RequestError, match=problem):
        read_manifest(manifest(folder, text))


def test_a_clip_that_breaks_off_later_is_refused_too(folder: Path) -> None:
    with pytest.raises(RequestError, match=r"text\.wav: it cannot be read as audio"):
        read_clip(folder / "text.wav", None)


def test_a_missing_clip_is_told_as_the_users_mistake(folder: Path) -> None:
    path = manifest(folder, HEADER + "no.wav\tone\n")
    result = CliRunner().invoke(cli, ["evaluate", str(path)])
    assert result.exit_code == 1
    assert result.stderr == (f"rechka: error: {path}, line 2: {folder / 'no.wav'}: no such file\n")


@pytest.mark.parametrize("option", [("--sessions", "0"), ("--sessions", "-1"), ("--rate", "11")])
def test_numbers_that_cannot_be_are_wrong_usage(folder: Path, option: tuple[str, str]) -> None:
    path = manifest(folder, HEADER + "clip.wav\tone\n")
    result = CliRunner().invoke(cli, ["evaluate", str(path), *option])
    assert result.exit_code == 2
    assert f"Invalid value for '{option[0]}'" in result.stderr
