import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from fakes.model_folders import onnx_like
from rechka.catalog.local import find_models
from rechka.cli.models import models
from rechka.errors import RequestError

MANIFEST = """
name = "small-ru"
version = "0.2.0"
engine = "ctc"
contract = "nemo"
languages = ["ru-RU"]
tags = ["general"]
sample_rate_hz = 16000
licence = "Apache-2.0"
summary = "Russian for trying"

[decoder]
lm_weight = 0.6

[card]
purpose = "For trying and testing."
parameters = 5400000
[[card.figures]]
set = "telephone"
wer = 0.5
cer = 0.25
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "small-ru").mkdir()
    (tmp_path / "small-ru" / "model.toml").write_text(MANIFEST, encoding="utf-8")
    (tmp_path / "small-ru" / "model.onnx").write_bytes(onnx_like(bytes(1000)))
    (tmp_path / "small-ru" / "tokens.txt").write_bytes(b"")
    for module in ("local", "inventory"):
        monkeypatch.setattr(f"rechka.catalog.{module}.starter_models", lambda: tmp_path)
    return tmp_path


def run(*arguments: str) -> str:
    command = [*arguments, "--data-dir", "absent"]
    result = CliRunner().invoke(models, command, catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


@pytest.mark.usefixtures("folder")
def test_a_card_tells_purpose_size_licence_and_errors() -> None:
    output = run("show", "small-ru")
    for part in ("small-ru 0.2.0", "For trying and testing.", "5.4 million", "Apache-2.0"):
        assert part in output
    assert "50.00%" in output
    assert "25.0%" in output


def test_json_has_the_facts_and_the_bytes_on_disk(folder: Path) -> None:
    (model,) = json.loads(run("list", "--json"))
    assert model == json.loads(run("show", "small-ru", "--json"))
    assert model["name"] == "small-ru"
    assert model["size_bytes"] == len(onnx_like(bytes(1000))) + len(MANIFEST.encode())
    assert model["folder"] == str(folder / "small-ru")
    assert model["card"]["figures"] == [{"set": "telephone", "wer": 0.5, "cer": 0.25}]


@pytest.mark.usefixtures("folder")
def test_the_list_has_a_row_a_model() -> None:
    output = run("list")
    assert "small-ru" in output
    assert "ru-RU" in output


def test_the_list_says_what_is_wrong_with_a_broken_model(folder: Path) -> None:
    path = folder / "small-ru" / "model.toml"
    path.write_text("name = ", encoding="utf-8")
    result = CliRunner().invoke(models, ["list", "--data-dir", "absent"])
    assert f"small-ru is broken: {path}: Invalid value" in result.stderr
    assert "broken" in result.stdout


@pytest.mark.usefixtures("folder")
def test_an_unknown_model_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(RequestError, match="got 'large'; installed: small-ru; available: "):
        run("show", "large")


def test_without_models_the_list_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("local", "inventory"):
        monkeypatch.setattr(f"rechka.catalog.{module}.starter_models", lambda: None)
    assert "pip install" in run("list")
    assert find_models() == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("sample_rate_hz = 'fast'", "sample_rate_hz: got 'fast'"),
        ("sample_rate_hz = ", "Invalid value"),
    ],
)
def test_a_manifest_that_is_no_good_is_refused_by_file_and_field(
    folder: Path, line: str, problem: str
) -> None:
    path = folder / "small-ru" / "model.toml"
    path.write_text(MANIFEST.replace("sample_rate_hz = 16000", line), encoding="utf-8")
    with pytest.raises(RequestError) as refused:
        find_models()
    assert str(path) in refused.value.message
    assert problem in refused.value.message
