"""Engines of other distributions: found by entry points, and refused with what is wrong."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pytest

from rechka.errors import RequestError
from rechka.recognition import plugins
from rechka.recognition.engines.scripted import ScriptedEngine
from rechka.recognition.registry import create_engine

Declare = Callable[..., None]


class OtherEngine(ScriptedEngine):
    """An engine that only tests know."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__({"lines": ["from elsewhere"], **options})


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Declare:
    """Declare engines of a distribution each, as names and what they lead to."""

    def declare(**engines: str) -> None:
        found = [EntryPoint(name, value, plugins.GROUP) for name, value in engines.items()]
        monkeypatch.setattr(
            plugins, "entry_points", lambda **wanted: EntryPoints(found).select(**wanted)
        )

    return declare


def test_an_engine_of_another_distribution_is_made_with_its_options(declare: Declare) -> None:
    declare(other=f"{__name__}:OtherEngine")
    engine = create_engine("other", {"languages": ["tr-TR"]})
    assert isinstance(engine, OtherEngine)
    assert engine.models[0].language == "tr-TR"


def test_it_serves_beside_our_own(declare: Declare) -> None:
    declare(other=f"{__name__}:OtherEngine")
    options = {"other": {"languages": ["tr-TR"]}, "scripted": {"languages": ["ru-RU"]}}
    engine = create_engine(["other", "scripted"], options)
    assert [model.language for model in engine.models] == ["tr-TR", "ru-RU"]


def test_an_unknown_name_is_refused_with_all_that_there_are(declare: Declare) -> None:
    declare(other=f"{__name__}:OtherEngine")
    with pytest.raises(RequestError, match=r"got 'mine'; accepted: ctc, .*vosk, other$"):
        create_engine("mine", {})


def test_a_name_of_our_own_cannot_be_taken(declare: Declare) -> None:
    declare(scripted=f"{__name__}:OtherEngine")
    assert type(create_engine("scripted", {})) is ScriptedEngine


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("nowhere.engine:Engine", "engine 'other' needs the package 'nowhere', which is not inst"),
        (f"{__name__}:Missing", "engine 'other' cannot be imported: .*'Missing'"),
    ],
)
def test_code_that_cannot_be_imported_is_told(declare: Declare, value: str, problem: str) -> None:
    declare(other=value)
    with pytest.raises(RequestError, match=problem):
        create_engine("other", {})


class OddEngine(ScriptedEngine):
    """Says of its models what it is told to say."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__({})
        facts = dict(options)
        self.max_batch = facts.pop("max_batch", 8)
        models = facts.pop("models", self.models)
        self.models = [dataclasses.replace(model, **facts) for model in models]


RATES = "a tuple of at least one multiple of 50 from 8000"


@pytest.mark.parametrize(
    ("facts", "problem"),
    [
        ({"models": ()}, "models: got []; accepted: at least one ModelInfo"),
        ({"sample_rates_hz": ()}, f"models[0].sample_rates_hz: got (); accepted: {RATES}"),
        ({"sample_rates_hz": (16_000, 11_025)}, f"_hz: got (16000, 11025); accepted: {RATES}"),
        ({"sample_rates_hz": (4_000,)}, "models[0].sample_rates_hz: got (4000,);"),
        ({"sample_rates_hz": [16_000]}, "models[0].sample_rates_hz: got [16000];"),
        ({"sample_rates_hz": 16_000}, "models[0].sample_rates_hz: got 16000;"),
        ({"tags": ()}, "models[0].tags: got (); accepted: a tuple of at least one text"),
        ({"tags": ["general"]}, "models[0].tags: got ['general'];"),
        ({"tags": "general"}, "models[0].tags: got 'general';"),
        ({"max_streams": 0}, "models[0].max_streams: got 0; accepted: a whole number from 1"),
        ({"max_alternatives": 0.5}, "models[0].max_alternatives: got 0.5;"),
        ({"language": ""}, "models[0].language: got ''; accepted: a text that is not empty"),
        ({"name": None}, "models[0].name: got None;"),
        ({"max_batch": 0}, "max_batch: got 0; accepted: a whole number from 1"),
    ],
)
def test_what_an_engine_says_of_itself_is_checked(
    declare: Declare, facts: dict[str, Any], problem: str
) -> None:
    declare(odd=f"{__name__}:OddEngine")
    said = f"settings: recognition.engine: engine 'odd': .*{re.escape(problem)}"
    for name, options in (("odd", facts), (["scripted", "odd"], {"odd": facts})):
        with pytest.raises(RequestError, match=said):
            create_engine(name, options)


def test_two_distributions_with_the_same_name_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("first", "second"):
        facts = tmp_path / f"{name}-1.0.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (facts / "entry_points.txt").write_text(f"[rechka.engines]\nother = {name}:Engine\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(RequestError, match="several distributions have an engine 'other': first, "):
        create_engine("other", {})
