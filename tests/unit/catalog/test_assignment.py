from collections.abc import Sequence
from pathlib import Path

import pytest

from fakes.model_folders import write_folder
from rechka.catalog.assignment import assign
from rechka.catalog.candidates import Candidate, find_candidates
from rechka.catalog.local import models_folder
from rechka.catalog.selection import TAGS, Selection
from rechka.errors import RequestError
from rechka.recognition.registry import check_model


def model(
    name: str, *tags: str, languages: Sequence[str] = ("ru-RU",), folder: Path = Path("x")
) -> Candidate:
    return Candidate(name, "ctc", tuple(languages), tags or ("general",), folder)


def serving(candidates: Sequence[Candidate], selection: Selection | None = None) -> dict[str, str]:
    found = assign(candidates, selection or {})["ru-RU"]
    return {tag: candidate.name for tag, candidate in found.items()}


def all_tags(name: str) -> dict[str, str]:
    return dict.fromkeys(TAGS, name)


def test_the_first_model_serves_a_tag_that_no_other_is_for() -> None:
    assert serving([model("one"), model("two", *TAGS)]) == all_tags("one")


def test_a_model_that_is_only_for_a_tag_gets_it() -> None:
    candidates = [model("one"), model("two", "general:rc")]
    assert serving(candidates) == all_tags("one") | {"general:rc": "two"}


def test_a_tag_of_a_models_own_is_served_too() -> None:
    candidates = [model("one"), model("two", "general", "telephony")]
    assert serving(candidates) == all_tags("one") | {"telephony": "two"}


def test_a_language_without_a_general_model_has_only_the_tags_of_its_models() -> None:
    assert serving([model("one", "general:rc")]) == {"general:rc": "one"}


def test_what_is_selected_holds_for_its_tag_and_language_alone() -> None:
    both = model("both", languages=("ru-RU", "tr-TR"))
    candidates = [model("one"), model("turkish", languages=("tr-TR",)), both]
    found = assign(candidates, {"ru-ru": {"general:rc": "both"}})
    assert {tag: item.name for tag, item in found["ru-RU"].items()} == {
        "general": "one",
        "general:rc": "both",
        "general:deprecated": "one",
    }
    assert {item.name for item in found["tr-TR"].values()} == {"turkish"}


def test_tags_that_nothing_is_selected_for_follow_the_selected_general_model() -> None:
    selection = {"ru-ru": {"general": "two"}}
    assert serving([model("one", *TAGS), model("two")], selection) == all_tags("two")


@pytest.mark.parametrize(
    ("selection", "problem"),
    [
        ({"ru-ru": {"general": "gone"}}, "ru-RU general: got 'gone'; accepted: .*: one"),
        ({"ru-ru": {"general": "turkish"}}, "got 'turkish'; accepted: .*: one"),
        ({"kk-kz": {"general": "one"}}, "kk-kz general: got 'one'; no model speaks"),
    ],
)
def test_a_selection_that_cannot_be_served_is_refused(selection: Selection, problem: str) -> None:
    candidates = [model("one"), model("turkish", languages=("tr-TR",))]
    with pytest.raises(RequestError, match=problem):
        assign(candidates, selection)


def test_installed_models_come_before_starters_and_those_of_engines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starters = tmp_path / "starters"
    monkeypatch.setattr("rechka.catalog.candidates.starter_models", lambda: starters)
    write_folder(starters, "a-starter")
    installed = models_folder(tmp_path)
    for name in ("second", "first", "twice"):
        write_folder(installed, name)
    write_folder(starters, "twice")
    write_folder(installed, ".half")
    found = find_candidates(tmp_path, check=check_model)
    names = [candidate.name for candidate in found.models]
    assert names == ["first", "second", "twice", "a-starter", "pocketsphinx-en-us"]
    assert found.models[2].folder == installed / "twice"
    assert found.broken == {}


def test_a_broken_model_is_told_and_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rechka.catalog.candidates.starter_models", lambda: None)
    for name in ("broken", "whole"):
        write_folder(models_folder(tmp_path), name)
    broken = models_folder(tmp_path) / "broken"
    (broken / "model.toml").write_text("name = ")
    found = find_candidates(tmp_path, check=check_model)
    assert [candidate.name for candidate in found.models] == ["whole", "pocketsphinx-en-us"]
    assert list(found.broken) == [broken]
    assert f"{broken / 'model.toml'}: Invalid value" in found.broken[broken]
