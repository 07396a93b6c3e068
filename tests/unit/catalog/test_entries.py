import tomllib
from pathlib import Path

import pytest

from fakes.model_archives import write_catalog
from rechka.catalog.entries import Catalog, load_catalog
from rechka.catalog.manifest import read_manifest
from rechka.catalog.model_file import model_toml
from rechka.errors import RequestError

RELEASES = "https://github.com/k2-fsa/sherpa-onnx/releases/download/asr-models/"


def test_every_model_of_the_catalog_has_a_link_to_its_licence_and_a_safe_source() -> None:
    for entry in load_catalog().entries.values():
        assert entry.licence_url
        assert all(url.startswith("https://") for url in entry.urls)
        assert all(url.endswith(f"/{entry.archive}") for url in entry.urls)
        assert (entry.archive_bytes is None) == (entry.sha256 is None)


def test_every_language_has_at_most_one_default() -> None:
    defaults = [tag for entry in load_catalog().entries.values() for tag in entry.default_for]
    assert sorted(defaults) == ["en-US", "ru-RU", "tr-TR"]


@pytest.mark.parametrize("name", sorted(load_catalog().entries))
def test_the_manifest_that_is_written_says_what_the_catalog_says(name: str, tmp_path: Path) -> None:
    entry = load_catalog().entries[name]
    (tmp_path / "model.toml").write_text(model_toml(entry, [*entry.files]), encoding="utf-8")
    manifest = read_manifest(tmp_path)
    for key in ("name", "version", "engine", "languages", "tags", "sample_rate_hz", "licence"):
        assert getattr(manifest, key) == getattr(entry, key)
    assert manifest.card == entry.card


@pytest.mark.parametrize("name", sorted(load_catalog().entries))
def test_its_engine_takes_the_manifest_that_is_written(name: str) -> None:
    entry = load_catalog().entries[name]
    engine = pytest.importorskip(
        f"rechka.recognition.engines.{entry.engine}."
        + ("manifest" if entry.engine == "ctc" else "model_folder")
    )
    manifest = engine.Manifest(**tomllib.loads(model_toml(entry, [*entry.files])))
    assert manifest.name == name
    if entry.engine == "ctc":
        assert (manifest.contract, manifest.sample_rate_hz) == ("t-one", 8000)


def test_a_file_that_an_archive_lacks_is_not_named_to_the_engine() -> None:
    entry = load_catalog().find("en-US")
    whole = tomllib.loads(model_toml(entry, [*entry.files]))
    short = tomllib.loads(model_toml(entry, [name for name in entry.files if name != "bpe.model"]))
    assert whole["files"].pop("bpe") == "bpe.model"
    assert short == whole


def test_values_of_any_kind_are_written_as_toml_reads_them(tmp_path: Path) -> None:
    table = {
        "text": 'quote " backslash \\ line\n tab\t del\x7f ё',
        "truth": True,
        "number": 0.25,
        "list": ["a", "b"],
        "odd key!": 1,
        "inner": {"deep": {"x": 1}, "y": 2},
    }
    own = {"name": "own", "archive": "own.zip", "urls": ["http://host/own.zip"]}
    entry = load_catalog(write_catalog(tmp_path, own)).entries["own"]
    text = model_toml(entry.model_copy(update={"engine_table": table}), [])
    assert tomllib.loads(text).items() >= table.items()


@pytest.mark.parametrize(
    "wanted",
    [
        "ru-RU",
        "ru-ru",
        "ru",
        "t-one-ru",
        "sherpa-onnx-streaming-t-one-russian-2025-09-08",
        "sherpa-onnx-streaming-t-one-russian-2025-09-08.tar.bz2",
    ],
)
def test_a_model_is_found_by_language_by_name_and_by_archive(wanted: str) -> None:
    assert load_catalog().find(wanted).name == "t-one-ru"


@pytest.mark.parametrize("wanted", ["de-DE", "", "../t-one-ru", "t-one"])
def test_what_is_not_in_the_catalog_is_refused_with_what_is(wanted: str) -> None:
    with pytest.raises(RequestError) as error:
        load_catalog().find(wanted)
    assert repr(wanted) in error.value.message
    assert "t-one-ru" in error.value.message
    assert "tr-TR" in error.value.message


def test_the_t_one_entry_is_what_was_published() -> None:
    entry = load_catalog().entries["t-one-ru"]
    assert entry.urls == (f"{RELEASES}sherpa-onnx-streaming-t-one-russian-2025-09-08.tar.bz2",)
    assert entry.archive_bytes == 128468156
    assert {figure.of: figure.wer for figure in entry.card.figures} == {
        "call centre": 0.0863,
        "telephony": 0.062,
        "Common Voice": 0.0532,
    }


def test_an_own_catalog_adds_models_and_takes_over_a_language(tmp_path: Path) -> None:
    path = write_catalog(
        tmp_path,
        {
            "name": "own-ru",
            "archive": "own.zip",
            "urls": ["http://host/own.zip"],
            "default_for": ["ru-RU"],
        },
    )
    catalog = load_catalog(path)
    assert catalog.find("ru-RU").name == "own-ru"
    assert "t-one-ru" in catalog.entries


def test_an_own_catalog_changes_single_values_of_a_known_model(tmp_path: Path) -> None:
    path = tmp_path / "catalog.toml"
    path.write_text(
        'mirrors = ["http://mirror/models/"]\n'
        '[[models]]\nname = "t-one-ru"\nurls = ["http://host/x.tar.bz2"]\n'
    )
    catalog = load_catalog(path)
    known, changed = load_catalog().entries["t-one-ru"], catalog.entries["t-one-ru"]
    assert catalog.urls(changed) == [
        f"http://mirror/models/{known.archive}",
        "http://host/x.tar.bz2",
    ]
    assert changed.model_copy(update={"urls": known.urls}) == known


def test_without_an_own_catalog_the_packaged_one_counts(tmp_path: Path) -> None:
    assert load_catalog(tmp_path / "absent.toml") == load_catalog()


MODEL = {"name": "own", "archive": "own.zip", "urls": ["http://host/own.zip"]}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"name": "../own"}, "name: got '../own'"),
        ({"name": ".own"}, "name: got '.own'"),
        ({"name": "Catalog.TOML"}, "name: got 'Catalog.TOML'"),
        ({"archive": "a/own.zip"}, "archive: got 'a/own.zip'"),
        ({"urls": ["file:///etc/passwd"]}, "urls.0: got 'file:///etc/passwd'"),
        ({"urls": []}, "urls: got []"),
        ({"sha256": "ABC"}, "sha256: got 'ABC'"),
        ({"files": {"../x": "x"}}, "files.../x"),
        ({"archive_bytes": 0}, "archive_bytes: got 0"),
        ({"optional": ["x"]}, "optional: 'x'"),
        ({"default_for": ["de-DE"]}, "default_for: 'de-DE'"),
        ({"licence": None}, "licence: got"),
        ({"licens": "x"}, "licens: got 'x'"),
    ],
)
def test_an_own_catalog_that_is_no_good_is_refused_by_file_model_and_field(
    change: dict[str, object], problem: str, tmp_path: Path
) -> None:
    path = write_catalog(tmp_path, {**MODEL, **change})
    with pytest.raises(RequestError) as error:
        load_catalog(path)
    assert error.value.message.startswith(str(path))
    assert problem in error.value.message


@pytest.mark.parametrize("text", ["models = 1", "mirrors = ['ftp://x']", "[[models]", "x = 1"])
def test_an_own_catalog_of_another_form_is_refused_by_its_name(text: str, tmp_path: Path) -> None:
    path = tmp_path / "catalog.toml"
    path.write_text(text)
    with pytest.raises(RequestError, match=str(path)):
        load_catalog(path)


def test_urls_are_tried_once_each(tmp_path: Path) -> None:
    entry = load_catalog(write_catalog(tmp_path, MODEL)).entries["own"]
    assert Catalog({}, ("http://host",)).urls(entry) == ["http://host/own.zip"]
