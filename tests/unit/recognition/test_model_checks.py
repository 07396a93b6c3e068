"""What is told of a model's folder without loading the model."""

from pathlib import Path

import pytest

from fakes.model_folders import onnx_like, write_folder
from rechka.errors import RequestError
from rechka.recognition.onnx_file import check_onnx
from rechka.recognition.registry import check_model


@pytest.mark.parametrize("graph", [b"", b"x" * 127, b"x" * 20_000])
def test_a_file_of_the_form_of_onnx_is_taken_and_one_that_is_cut_is_not(
    graph: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "model.onnx"
    whole = onnx_like(graph)
    path.write_bytes(whole)
    check_onnx(path)
    for size in {0, 1, 2, 3, len(whole) // 2, len(whole) - 1}:
        path.write_bytes(whole[:size])
        with pytest.raises(RequestError, match=r"model\.onnx: is "):
            check_onnx(path)


@pytest.mark.parametrize(
    "content",
    [
        bytes(1000),
        b"\xff" * 1000,
        b"version https://git-lfs.github.com/spec/v1\n",
        b"PK\x03\x04",
        b"<html>",
        b"\x08\x08",
        # A field that is said to be longer than any file.
        b"\x3a" + b"\xff" * 8 + b"\x7f",
        b"\x3a" + b"\xff" * 9 + b"\x01",
    ],
)
def test_a_file_of_another_form_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(RequestError, match=r"model\.onnx: is "):
        check_onnx(path)


@pytest.mark.parametrize(
    ("engine", "file"),
    [("ctc", "model.onnx"), ("ctc", "tokens.txt"), ("sherpa", "joiner.onnx")],
)
def test_a_model_without_a_file_that_its_engine_needs_is_refused(
    engine: str, file: str, tmp_path: Path
) -> None:
    folder = write_folder(tmp_path, "own", engine=engine)
    check_model(engine, folder)
    (folder / file).unlink()
    with pytest.raises(RequestError, match=file.partition(".")[0]):
        check_model(engine, folder)


def test_a_model_of_vosk_is_looked_at_without_the_library(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, "own", engine="vosk")
    with pytest.raises(RequestError, match="accepted: the files of one model of vosk"):
        check_model("vosk", folder)


@pytest.mark.parametrize("engine", ["unheard-of", "pocketsphinx"])
def test_of_other_engines_nothing_is_looked_at(engine: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError):
        check_model("ctc", tmp_path)
    check_model(engine, tmp_path)
