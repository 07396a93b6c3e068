from pathlib import Path
from typing import Any

import pytest

from fakes.model_folders import onnx_like, write_folder
from rechka.catalog.local import models_folder
from rechka.catalog.selection import TAGS, change_selection
from rechka.errors import RequestError
from rechka.serving.plan import look, read_plan
from rechka.settings import Settings, load_settings


@pytest.fixture
def starters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "starters"
    monkeypatch.setattr("rechka.catalog.candidates.starter_models", lambda: folder)
    write_folder(folder, "starter-ru", tags=TAGS)
    write_folder(folder, "starter-tr", tags=TAGS, languages=["tr-TR"])
    return folder


def settings_of(data_dir: Path, **recognition: Any) -> Settings:
    return load_settings(overrides={"data_dir": data_dir, "recognition": recognition})


def test_starters_serve_where_nothing_is_installed(tmp_path: Path, starters: Path) -> None:
    recognition = read_plan(settings_of(tmp_path, workers=3)).recognition
    assert recognition.workers == 3
    assert recognition.engine == ("ctc", "pocketsphinx")
    assert recognition.engine_options == {
        "ctc": {
            "models": [str(starters / "starter-ru"), str(starters / "starter-tr")],
            "tags": {"starter-ru": list(TAGS), "starter-tr": list(TAGS)},
        },
        "pocketsphinx": {"tags": {"pocketsphinx-en-us": list(TAGS)}},
    }


@pytest.mark.usefixtures("starters")
def test_only_what_some_tag_selects_is_loaded(tmp_path: Path) -> None:
    installed = models_folder(tmp_path)
    write_folder(installed, "better", languages=["ru-RU", "tr-TR", "en-US"])
    write_folder(installed, "spare")
    change_selection(tmp_path, language="tr-TR", tag="general:rc", name="starter-tr")
    recognition = read_plan(settings_of(tmp_path)).recognition
    assert recognition.engine == ("ctc",)
    options = recognition.engine_options["ctc"]
    assert [Path(path).name for path in options["models"]] == ["better", "starter-tr"]
    assert options["tags"] == {
        "better": {
            "ru-RU": list(TAGS),
            "tr-TR": ["general", "general:deprecated"],
            "en-US": list(TAGS),
        },
        "starter-tr": ["general:rc"],
    }


@pytest.mark.usefixtures("starters")
def test_other_options_of_an_engine_are_kept(tmp_path: Path) -> None:
    options = {"ctc": {"threads": 2}, "pocketsphinx": {"max_streams": 1}}
    found = read_plan(settings_of(tmp_path, engine_options=options)).recognition.engine_options
    assert found["ctc"]["threads"] == 2
    assert len(found["ctc"]["models"]) == 2
    assert found["pocketsphinx"]["max_streams"] == 1
    assert options == {"ctc": {"threads": 2}, "pocketsphinx": {"max_streams": 1}}


@pytest.mark.usefixtures("starters")
def test_models_of_the_settings_are_served_alone_by_their_engine(tmp_path: Path) -> None:
    write_folder(models_folder(tmp_path), "installed")
    options = {"ctc": {"models": ["/srv/mine"]}}
    settings = settings_of(tmp_path, engine_options=options)
    recognition = read_plan(settings).recognition
    assert recognition.engine == ("ctc", "pocketsphinx")
    assert recognition.engine_options["ctc"] == options["ctc"]
    change_selection(tmp_path, language="ru-RU", tag="general", name="installed")
    with pytest.raises(RequestError, match=r"options\.ctc: .*'installed' cannot be selected"):
        read_plan(settings)


@pytest.mark.usefixtures("starters")
def test_an_engine_that_is_named_is_taken_as_it_is(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, engine="scripted", engine_options={"lines": ["x"]})
    assert read_plan(settings).recognition == settings.recognition
    write_folder(models_folder(tmp_path), "installed")
    assert look(settings) == ()


@pytest.mark.usefixtures("starters")
def test_a_model_without_its_engine_is_passed_over_unless_it_is_selected(tmp_path: Path) -> None:
    write_folder(models_folder(tmp_path), "strange", engine="unheard-of")
    plan = read_plan(settings_of(tmp_path))
    assert plan.passed_over == (("strange", "unheard-of"),)
    assert plan.recognition.engine == ("ctc", "pocketsphinx")
    change_selection(tmp_path, language="ru-RU", tag="general", name="strange")
    with pytest.raises(RequestError, match="'strange' of the engine 'unheard-of', which is not"):
        read_plan(settings_of(tmp_path))


def break_model(data_dir: Path, name: str) -> Path:
    """Cut the manifest of an installed model; return its folder."""
    folder = write_folder(models_folder(data_dir), name)
    (folder / "model.toml").write_text('name = "')
    return folder


@pytest.mark.usefixtures("starters")
def test_a_broken_model_is_passed_over_unless_it_is_selected(tmp_path: Path) -> None:
    folder = break_model(tmp_path, "cut")
    plan = read_plan(settings_of(tmp_path))
    assert plan.recognition.engine == ("ctc", "pocketsphinx")
    assert list(plan.broken) == [folder]
    assert not plan.loads(folder)
    change_selection(tmp_path, language="ru-RU", tag="general", name="cut")
    with pytest.raises(RequestError, match=r"ru-RU general: got 'cut'.*broken: .*cut/model\.toml"):
        read_plan(settings_of(tmp_path))


@pytest.mark.usefixtures("starters")
@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("model.onnx", None, "model.onnx: there is no such file"),
        ("model.onnx", onnx_like(b"weights")[:-1], "model.onnx: is cut"),
        ("model.onnx", b"PK", "model.onnx: is cut, or no ONNX file"),
        ("tokens.txt", None, "tokens.txt: there is no such file"),
        ("model.toml", b"\n[decoder]\nbeem = 3\n", "decoder.beem"),
    ],
)
def test_a_model_that_its_engine_would_not_load_is_passed_over_unless_it_is_selected(
    tmp_path: Path, file: str, content: bytes | None, problem: str
) -> None:
    folder = write_folder(models_folder(tmp_path), "half")
    path = folder / file
    if content is None:
        path.unlink()
    else:
        before = path.read_bytes() if file == "model.toml" else b""
        path.write_bytes(before + content)
    plan = read_plan(settings_of(tmp_path))
    assert plan.recognition.engine == ("ctc", "pocketsphinx")
    assert problem in plan.broken[folder]
    assert not plan.loads(folder)
    change_selection(tmp_path, language="ru-RU", tag="general", name="half")
    with pytest.raises(RequestError, match=r"ru-RU general: got 'half'.*broken: "):
        read_plan(settings_of(tmp_path))


def test_where_nothing_else_can_serve_the_broken_model_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rechka.catalog.candidates.starter_models", lambda: None)
    monkeypatch.setattr("rechka.serving.plan.installed_engines", lambda: ("ctc",))
    break_model(tmp_path, "cut")
    with pytest.raises(RequestError, match=r"no model is installed; broken: .*cut/model\.toml"):
        read_plan(settings_of(tmp_path))


@pytest.mark.usefixtures("starters")
@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (
            {"ctcc": {}},
            "engine_options.ctcc: there is no such engine; accepted: ctc, (?!.*scripted)",
        ),
        ({"ctc": 1}, "engine_options.ctc: got 1; accepted: a table"),
    ],
)
def test_options_of_no_engine_are_refused(
    tmp_path: Path, options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(RequestError, match=problem):
        read_plan(settings_of(tmp_path, engine_options=options))


def test_nothing_to_serve_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rechka.catalog.candidates.starter_models", lambda: None)
    monkeypatch.setattr("rechka.serving.plan.installed_engines", lambda: ("ctc",))
    with pytest.raises(RequestError, match="got 'auto', and no model is installed"):
        read_plan(settings_of(tmp_path))


@pytest.mark.usefixtures("starters")
def test_changed_files_of_a_served_model_make_another_plan(tmp_path: Path) -> None:
    served = write_folder(models_folder(tmp_path), "first")
    spare = write_folder(models_folder(tmp_path), "second")
    before = read_plan(settings_of(tmp_path))
    (spare / "model.onnx").write_bytes(onnx_like(b"1"))
    assert read_plan(settings_of(tmp_path)) == before
    (served / "model.onnx").write_bytes(onnx_like(b"1"))
    assert read_plan(settings_of(tmp_path)) != before


@pytest.mark.usefixtures("starters")
def test_what_is_being_written_is_not_looked_at(tmp_path: Path) -> None:
    installed = models_folder(tmp_path)
    write_folder(installed, "first")
    settings = settings_of(tmp_path)
    before = look(settings)
    write_folder(installed / ".work", "half")
    (installed / ".selection.toml.x").write_text("x")
    (installed / "first" / "installed.json").write_text("{}")
    assert look(settings) == before
    change_selection(tmp_path, language="ru-RU", tag="general", name="first")
    assert look(settings) != before
