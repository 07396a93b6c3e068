"""TOML that no reader of it may fail on."""

from pathlib import Path

import pytest

from rechka.errors import RequestError
from rechka.toml_file import read_toml


@pytest.mark.parametrize(
    "text",
    ["a = [", "a = " + "[" * 5_000, "a = " + "{b = " * 5_000, "a = " + "9" * 5_000],
    ids=["cut", "deep-list", "deep-table", "long-number"],
)
def test_what_is_no_toml_is_refused_with_its_file(tmp_path: Path, text: str) -> None:
    path = tmp_path / "model.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RequestError, match=r"model\.toml: "):
        read_toml(path)


def test_a_mark_of_the_encoding_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "model.toml"
    path.write_text("a = 1", encoding="utf-8-sig")
    assert read_toml(path) == {"a": 1}


def test_a_file_that_is_not_there_or_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.toml"
    with pytest.raises(RequestError, match=r"model\.toml: .*No such file"):
        read_toml(path)
    path.write_bytes(b"\xff")
    with pytest.raises(RequestError, match=r"model\.toml: .*utf-8"):
        read_toml(path)
