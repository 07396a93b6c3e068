from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rechka.catalog.local import models_folder
from rechka.catalog.selection import TAGS, change_selection, read_selection, selected_for
from rechka.errors import RequestError


def write(data_dir: Path, text: str) -> None:
    models_folder(data_dir).mkdir(parents=True)
    (models_folder(data_dir) / "selection.toml").write_text(text, encoding="utf-8")


def test_nothing_is_selected_where_there_is_no_file(tmp_path: Path) -> None:
    assert read_selection(tmp_path) == {}


def test_what_was_selected_is_read_back_whatever_the_name(tmp_path: Path) -> None:
    names = ['quo"te', "back\\slash", "имя", "two words"]
    for tag, name in zip([*TAGS, "general"], names, strict=True):
        change_selection(
            tmp_path, language="RU-ru" if tag == "general" else "ru-RU", tag=tag, name=name
        )
    change_selection(tmp_path, language="tr-TR", tag="general", name="turkish")
    assert read_selection(tmp_path) == {
        "ru-ru": {"general": "two words", "general:rc": names[1], "general:deprecated": names[2]},
        "tr-tr": {"general": "turkish"},
    }
    text = (models_folder(tmp_path) / "selection.toml").read_text(encoding="utf-8")
    assert '["ru-RU"]' in text


def test_it_is_known_for_what_a_model_was_selected(tmp_path: Path) -> None:
    assert selected_for(tmp_path, "one") == []
    change_selection(tmp_path, language="ru-ru", tag="general", name="one")
    change_selection(tmp_path, language="ru-ru", tag="general:rc", name="other")
    assert selected_for(tmp_path, "one") == ["ru-RU general"]
    assert selected_for(tmp_path, "other") == ["ru-RU general:rc"]


def test_a_selection_can_be_taken_back(tmp_path: Path) -> None:
    change_selection(tmp_path, language="ru-RU", tag="general", name="one")
    change_selection(tmp_path, language="ru-RU", tag="general", name=None)
    assert read_selection(tmp_path) == {}


def test_selecting_the_same_again_leaves_the_file_alone(tmp_path: Path) -> None:
    change_selection(tmp_path, language="ru-RU", tag="general", name="one")
    path = models_folder(tmp_path) / "selection.toml"
    before = path.stat()
    change_selection(tmp_path, language="ru-RU", tag="general", name="one")
    assert path.stat() == before


def test_two_changes_at_once_are_both_kept(tmp_path: Path) -> None:
    languages = [f"{first}{second}-XX" for first in "abcd" for second in "abcdef"]
    with ThreadPoolExecutor(8) as threads:
        for done in [
            threads.submit(change_selection, tmp_path, language=item, tag="general", name=item)
            for item in languages
        ]:
            done.result()
    assert read_selection(tmp_path).keys() == {language.lower() for language in languages}


def test_nothing_but_whole_files_is_ever_seen(tmp_path: Path) -> None:
    names = ["a" * 20_000, "b" * 20_000]
    change_selection(tmp_path, language="ru-RU", tag="general", name=names[0])

    def change() -> None:
        for turn in range(100):
            change_selection(tmp_path, language="ru-RU", tag="general", name=names[turn % 2])

    with ThreadPoolExecutor(1) as threads:
        changing = threads.submit(change)
        while not changing.done():
            assert read_selection(tmp_path)["ru-ru"]["general"] in names
        changing.result()
    assert [path.name for path in models_folder(tmp_path).iterdir() if path.suffix != ".lock"] == [
        "selection.toml"
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ru-RU = 1", "ru-RU: got 1; accepted: a table of tags"),
        ("[ru-RU]\nbest = 'x'", "ru-RU: got the tag 'best'; accepted: general, general:rc"),
        ("[ru-RU]\ngeneral = 1", "ru-RU.general: got 1; accepted: a model's name"),
        ("[ru-RU", "Expected"),
    ],
)
def test_a_file_that_is_no_good_is_refused_by_place_and_value(
    tmp_path: Path, text: str, problem: str
) -> None:
    write(tmp_path, text)
    with pytest.raises(RequestError) as refused:
        read_selection(tmp_path)
    assert "selection.toml" in refused.value.message
    assert problem in refused.value.message
    with pytest.raises(RequestError):
        change_selection(tmp_path, language="ru-RU", tag="general", name="one")
    assert (models_folder(tmp_path) / "selection.toml").read_text(encoding="utf-8") == text
