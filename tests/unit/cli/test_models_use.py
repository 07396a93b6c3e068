import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fakes.model_folders import write_folder
from rechka.catalog.local import models_folder
from rechka.catalog.selection import change_selection, read_selection
from rechka.cli.models.advice import what_is_next
from rechka.cli.models.use import use
from rechka.errors import RequestError
from rechka.settings import load_settings


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("rechka.catalog.candidates.starter_models", lambda: tmp_path / "starters")
    write_folder(tmp_path / "starters", "starter-ru", tags=("general", "general:rc"))
    write_folder(models_folder(tmp_path), "big", languages=("ru-RU", "tr-TR"))
    write_folder(models_folder(tmp_path), "strange", engine="unheard-of")
    return tmp_path


def invoke(data_dir: Path, *arguments: str) -> Result:
    return CliRunner().invoke(use, [*arguments, "--data-dir", str(data_dir)])


def say(data_dir: Path, *arguments: str) -> str:
    result = invoke(data_dir, *arguments)
    assert result.exit_code == 0, result.output
    return result.output


def refusal(data_dir: Path, *arguments: str) -> str:
    result = invoke(data_dir, *arguments)
    assert isinstance(result.exception, RequestError)
    return result.exception.message


def test_a_choice_tells_what_served_before(data_dir: Path) -> None:
    chosen = ("starter-ru", "--language", "ru-RU", "--tag", "rc")
    assert say(data_dir, *chosen) == "ru-RU general:rc: starter-ru (before: big)\n"
    assert read_selection(data_dir) == {"ru-ru": {"general:rc": "starter-ru"}}
    back = ("--default", "--language", "RU-ru", "--tag", "rc")
    assert say(data_dir, *back) == "RU-ru general:rc: big (before: starter-ru)\n"
    assert read_selection(data_dir) == {}


def test_the_same_choice_again_changes_nothing_and_says_so(data_dir: Path) -> None:
    say(data_dir, "starter-ru")
    assert say(data_dir, "starter-ru") == "ru-RU general: starter-ru, as before\n"
    assert json.loads(say(data_dir, "starter-ru", "--json")) == {
        "language": "ru-RU",
        "tag": "general",
        "model": "starter-ru",
        "before": "starter-ru",
        "changed": False,
    }


def test_the_selection_is_shown_with_the_defaults(data_dir: Path) -> None:
    say(data_dir, "starter-ru")
    lines = [line.split("\t") for line in say(data_dir, "--show").splitlines()]
    assert ["ru-RU", "general", "starter-ru", "selected"] in lines
    assert ["tr-TR", "general", "big", "by default"] in lines
    rows = json.loads(say(data_dir, "--show", "--json"))
    assert [list(row.values())[:3] for row in rows] == [line[:3] for line in lines]


def test_what_cannot_be_served_is_refused_and_not_written(data_dir: Path) -> None:
    assert "got 'none'; installed: big, strange, starter-ru" in refusal(data_dir, "none")
    assert "got 'tr-TR'; accepted: ru-RU" in refusal(data_dir, "starter-ru", "--language", "tr-TR")
    assert "'unheard-of', which is not installed" in refusal(data_dir, "strange")
    config = data_dir / "rechka.toml"
    config.write_text("[recognition.engine_options.ctc]\nmodels = ['x']\n")
    told = refusal(data_dir, "starter-ru", "--config", str(config))
    assert "recognition.engine_options.ctc" in told
    assert read_selection(data_dir) == {}


def test_how_to_install_an_engine_of_ours_is_told(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(models_folder(data_dir), "transducer", engine="sherpa")
    monkeypatch.setattr(
        "rechka.recognition.registry.find_spec", lambda name: None if "sherpa" in name else name
    )
    assert "pip install 'rechka[sherpa]'" in refusal(data_dir, "transducer")


@pytest.mark.parametrize(
    ("name", "settings", "told"),
    [
        ("big", "", ["ru-RU is served by starter-ru", "It serves tr-TR; a running server"]),
        ("big", "engine = 'ctc'", ["recognition.engine is 'ctc', not 'auto'"]),
        ("big", "engine_options.ctc.models = ['x']", ["'big' cannot be selected beside it"]),
        ("strange", "", ["unheard-of is not installed: install the package that has it"]),
        ("transducer", "", ["sherpa is not installed: pip install 'rechka[sherpa]', then"]),
        ("gone", "", ["selection of ru-ru general"]),
    ],
)
def test_what_is_next_after_an_installation_is_told(
    name: str, settings: str, told: list[str], data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "rechka.recognition.registry.find_spec", lambda name: None if "sherpa" in name else name
    )
    write_folder(models_folder(data_dir), "transducer", engine="sherpa")
    config = data_dir / "rechka.toml"
    config.write_text(f"[recognition]\n{settings}\n")
    chosen = "gone" if name == "gone" else "starter-ru"
    change_selection(data_dir, language="ru-RU", tag="general", name=chosen)
    lines = what_is_next(
        load_settings(config, overrides={"data_dir": data_dir}), "big" if name == "gone" else name
    )
    assert len(lines) == len(told)
    for line, part in zip(lines, told, strict=True):
        assert part.lower() in line.lower()


def test_a_language_is_needed_where_a_model_has_several(data_dir: Path) -> None:
    for arguments in (["big"], ["--default"], [], ["big", "--show"], ["--show", "--tag", "rc"]):
        assert invoke(data_dir, *arguments).exit_code == 2
    assert say(data_dir, "big", "--language", "tr-tr").startswith("tr-TR general: big")


def test_a_selection_of_a_model_that_is_gone_can_be_put_right(data_dir: Path) -> None:
    say(data_dir, "big", "--language", "tr-TR")
    say(data_dir, "big", "--language", "ru-RU")
    (models_folder(data_dir) / "big" / "model.toml").unlink()
    assert say(data_dir, "starter-ru") == "ru-RU general: starter-ru (before: big)\n"
    told = say(data_dir, "--default", "--language", "tr-TR")
    assert told == "tr-TR general: no model (before: big)\n"


def test_settings_that_do_not_look_at_the_selection_are_told_of(data_dir: Path) -> None:
    config = data_dir / "rechka.toml"
    config.write_text("[recognition]\nengine = 'ctc'\n")
    assert "recognition.engine is 'ctc'" in say(data_dir, "starter-ru", "--config", str(config))
