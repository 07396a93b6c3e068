"""The option `tags` of engines: which models they load, and what selects them."""

import re
from pathlib import Path
from typing import Any

import pytest

from fakes.tone_models import tones, write_model
from rechka.errors import RequestError
from rechka.recognition.port import Engine, StreamOptions
from rechka.recognition.registry import create_engine
from rechka.recognition.tags import ModelTags


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    write_model(root / "one", name="one", words=("ab",))
    write_model(root / "two", name="two", words=("kl",), letters="klmn")
    path = root / "two" / "model.toml"
    text = path.read_text().replace('languages = ["ru-RU"]', 'languages = ["ru-RU", "tr-TR"]')
    path.write_text(text)
    return root


def engine_of(models: Path, **tags: Any) -> Engine:
    return create_engine("ctc", {"models": [str(models)], "tags": tags})


def served(engine: Engine) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(model.name, model.language, model.tags) for model in engine.models]


def hear(engine: Engine, language: str, tag: str) -> str:
    options = StreamOptions(language=language, model=tag, sample_rate_hz=16_000)
    stream = engine.open(options)
    engine.accept([(stream, tones("ab", rate_hz=16_000))])
    return stream.finish()[0].text


def test_a_model_that_the_option_does_not_name_keeps_its_own_tags(models: Path) -> None:
    own = ("general", "general:rc")
    assert served(engine_of(models, one=["general:deprecated"])) == [
        ("one", "ru-RU", ("general:deprecated",)),
        ("two", "ru-RU", own),
        ("two", "tr-TR", own),
    ]


def test_a_tag_selects_the_model_that_the_option_says(models: Path) -> None:
    engine = engine_of(models, one=["general:rc"], two=["general"])
    assert hear(engine, "ru-RU", "general") == "kl"
    assert hear(engine, "ru-RU", "general:rc") == "ab"


def test_tags_may_differ_by_language(models: Path) -> None:
    engine = engine_of(models, two={"TR-tr": ["general"]})
    assert [(name, language) for name, language, _ in served(engine)] == [
        ("one", "ru-RU"),
        ("two", "tr-TR"),
    ]
    assert hear(engine, "ru-RU", "general") == "ab"
    assert hear(engine, "tr-TR", "general") == "kl"


def test_a_model_without_tags_is_not_loaded(models: Path, tmp_path: Path) -> None:
    broken = write_model(tmp_path / "broken", name="broken")
    (broken / "model.onnx").write_bytes(b"nothing that could be loaded")
    options = {"models": [str(models), str(broken)], "tags": {"broken": [], "two": {}}}
    assert [name for name, _, _ in served(create_engine("ctc", options))] == ["one"]


def test_pocketsphinx_takes_tags_too() -> None:
    tags = {"pocketsphinx-en-us": ["general:rc"]}
    (model,) = create_engine("pocketsphinx", {"tags": tags}).models
    assert model.tags == ("general:rc",)
    with pytest.raises(RequestError, match=r"tags: got no tag for pocketsphinx-en-us"):
        create_engine("pocketsphinx", {"tags": {"pocketsphinx-en-us": []}})
    with pytest.raises(RequestError, match="named 'english'; accepted: pocketsphinx-en-us"):
        create_engine("pocketsphinx", {"tags": {"english": ["general"]}})


def test_names_of_no_model_are_refused(models: Path) -> None:
    with pytest.raises(RequestError, match="a model named 'three'; accepted: one, two"):
        engine_of(models, three=["general"])
    with pytest.raises(RequestError, match="no tag selects any model"):
        engine_of(models, one=[], two=[])


@pytest.mark.parametrize("tags", ["general", [1], [""], {"ru-RU": "general"}, None])
def test_tags_that_are_no_list_are_refused_by_name_and_value(tags: object) -> None:
    with pytest.raises(RequestError, match=rf"options\.tags\.one: got {re.escape(repr(tags))}"):
        ModelTags({"one": tags})
