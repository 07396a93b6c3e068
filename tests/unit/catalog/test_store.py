import errno
import json
import os
from pathlib import Path

import pytest

from rechka.catalog.installed import InstalledRecord, find_faults, write_record
from rechka.catalog.store import ModelStore
from rechka.catalog.watcher import SilentWatcher
from rechka.errors import RequestError

WATCHER = SilentWatcher()
RECORD = InstalledRecord(
    name="small",
    origin="pull",
    source="http://host/small.zip",
    archive_sha256="a" * 64,
    verified=True,
    installed_at="2026-01-31T12:00:00Z",
)


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "data" / "models")


def place(store: ModelStore, name: str = "small") -> Path:
    with store.locked(name, WATCHER), store.building(name) as built:
        (built / "sub").mkdir()
        (built / "model.onnx").write_bytes(b"weights")
        (built / "sub" / "tokens.txt").write_bytes(b"tokens")
        write_record(built, RECORD.model_copy(update={"name": name}))
        store.install(name, built)
    return store.path(name)


NAMES = [
    "",
    ".",
    "..",
    ".work",
    "../small",
    "small/..",
    "/etc",
    "a\0b",
    "-x",
    "ё",
    "a" * 101,
    "a\n",
    # A folder of this name would stand where a file of the data folder belongs.
    "selection.toml",
    "Catalog.TOML",
    "ſ",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_could_lead_elsewhere_is_refused(name: str, store: ModelStore) -> None:
    place(store)
    for act in (
        lambda: store.path(name),
        lambda: store.remove(name),
        lambda: store.part(name),
        lambda: store.locked(name, WATCHER).__enter__(),
    ):
        with pytest.raises(RequestError, match="accepted: a name of letters"):
            act()
    assert store.names() == ["small"]


def test_a_model_takes_its_place_whole_and_leaves_nothing_behind(store: ModelStore) -> None:
    folder = place(store)
    assert find_faults(folder, sums=True) == []
    assert [path.name for path in (store.folder / ".work").iterdir()] == ["small.lock"]


def test_a_model_that_is_replaced_is_gone_and_what_lies_beside_it_stays(
    store: ModelStore, tmp_path: Path
) -> None:
    folder = place(store)
    (folder / "model.onnx").rename(folder / "listed")
    record = (folder / "installed.json").read_text()
    (folder / "installed.json").write_text(record.replace("model.onnx", "listed"))
    (folder / "lm.arpa").write_text("mine")
    (folder / "sub" / "kenlm.bin").write_text("mine, too")
    (folder / "own" / "deep").mkdir(parents=True)
    (folder / "own" / "deep" / "words").write_text("mine as well")
    (folder / "linked").symlink_to(tmp_path)
    # Names that the new model has are its own.
    (folder / "model.onnx").mkdir()
    (folder / "model.onnx" / "x").write_text("x")
    place(store)
    assert find_faults(folder, sums=True) == []
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files == {
        *("model.onnx", "sub/tokens.txt", "installed.json"),
        *("lm.arpa", "sub/kenlm.bin", "own/deep/words"),
    }
    assert (folder / "sub" / "kenlm.bin").read_text() == "mine, too"
    assert (folder / "linked").readlink() == tmp_path
    assert [path.name for path in (store.folder / ".work").iterdir()] == ["small.lock"]


@pytest.mark.parametrize("has_language_model", [False, True])
def test_what_was_compiled_from_a_language_model_goes_with_it(
    *, has_language_model: bool, store: ModelStore
) -> None:
    folder = place(store)
    (folder / "graph.bin").write_text("compiled")
    with store.locked("small", WATCHER), store.building("small") as built:
        if has_language_model:
            (built / "lm.arpa").write_text("new")
        write_record(built, RECORD)
        store.install("small", built)
    assert (folder / "graph.bin").exists() != has_language_model


def test_files_beside_a_model_stay_where_there_are_no_hard_links(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    folder = place(store)
    (folder / "lm.arpa").write_text("mine")
    place(store)
    assert (folder / "lm.arpa").read_text() == "mine"


@pytest.mark.parametrize("record", [None, "{"])
def test_files_stay_where_no_record_tells_whose_they_are(
    record: str | None, store: ModelStore
) -> None:
    folder = place(store)
    (folder / "installed.json").unlink()
    if record is not None:
        (folder / "installed.json").write_text(record)
    (folder / "lm.arpa").write_text("mine")
    place(store)
    assert (folder / "lm.arpa").read_text() == "mine"
    assert find_faults(folder, sums=True) == []


def test_what_fails_while_it_is_built_leaves_nothing(store: ModelStore) -> None:
    def fail(built: Path) -> None:
        (built / "x").write_text("x")
        raise ValueError("no")

    with store.locked("small", WATCHER):
        with pytest.raises(ValueError, match="no"), store.building("small") as built:
            fail(built)
        assert not built.exists()
    assert store.names() == []


def test_a_model_on_its_way_out_comes_back_if_the_new_one_never_came(store: ModelStore) -> None:
    folder = place(store)
    work = store.folder / ".work"
    # What is there if a process is killed between the two renamings of an installation.
    folder.rename(work / "small.old")
    (work / "small.new").mkdir()
    with store.locked("small", WATCHER):
        assert find_faults(folder, sums=True) == []
    assert [path.name for path in work.iterdir()] == ["small.lock"]


def test_a_file_of_work_that_is_a_link_is_not_followed(store: ModelStore, tmp_path: Path) -> None:
    place(store)
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("x")
    for end in ("new", "gone", "old"):
        (store.folder / ".work" / f"small.{end}").symlink_to(tmp_path / "precious")
    with store.locked("small", WATCHER):
        pass
    assert (tmp_path / "precious" / "file").read_text() == "x"


def test_a_model_is_removed_and_others_stay(store: ModelStore) -> None:
    place(store)
    place(store, "other")
    with store.locked("small", WATCHER):
        store.remove("small")
    assert store.names() == ["other"]


def test_a_model_that_is_a_link_is_not_removed(store: ModelStore, tmp_path: Path) -> None:
    place(store)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (store.folder / "linked").symlink_to(elsewhere)
    with store.locked("linked", WATCHER), pytest.raises(RequestError, match="is a link"):
        store.remove("linked")
    assert elsewhere.exists()


def test_removing_what_is_not_there_names_what_is(store: ModelStore) -> None:
    place(store)
    with (
        store.locked("absent", WATCHER),
        pytest.raises(RequestError, match="got 'absent'; installed: small"),
    ):
        store.remove("absent")


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"weightz", "model.onnx: changed: got sha256 "), (b"weigh", "model.onnx: got 5 bytes")],
)
def test_a_changed_file_is_named(content: bytes, problem: str, store: ModelStore) -> None:
    folder = place(store)
    (folder / "model.onnx").write_bytes(content)
    (fault,) = find_faults(folder, sums=True)
    assert fault.startswith(problem)
    assert "; accepted: " in fault


def test_a_look_at_the_sizes_alone_finds_what_is_missing_or_short(store: ModelStore) -> None:
    folder = place(store)
    (folder / "model.onnx").write_bytes(b"weightz")
    assert find_faults(folder, sums=False) == []
    (folder / "sub" / "tokens.txt").unlink()
    assert find_faults(folder, sums=False) == ["sub/tokens.txt: missing"]


def test_a_link_in_a_files_place_is_a_fault_even_to_the_same_content(
    store: ModelStore, tmp_path: Path
) -> None:
    folder = place(store)
    (folder / "model.onnx").rename(tmp_path / "moved")
    (folder / "model.onnx").symlink_to(tmp_path / "moved")
    assert find_faults(folder, sums=True) == ["model.onnx: no longer a file"]


def test_files_laid_beside_a_model_are_no_fault(store: ModelStore) -> None:
    folder = place(store)
    (folder / "language.arpa").write_text("mine")
    assert find_faults(folder, sums=True) == []


def test_a_record_that_names_files_elsewhere_is_not_followed(store: ModelStore) -> None:
    folder = place(store)
    path = folder / "installed.json"
    record = json.loads(path.read_text())
    record["files"] = {"../../secret": {"size_bytes": 1, "sha256": "a" * 64}}
    path.write_text(json.dumps(record))
    (fault,) = find_faults(folder, sums=True)
    assert fault.startswith("../../secret: a path that leads upwards")


@pytest.mark.parametrize("text", ["", "{}", "null", '{"format": 2}', "\xff"])
def test_a_record_that_is_no_good_is_a_fault(text: str, store: ModelStore) -> None:
    folder = place(store)
    (folder / "installed.json").write_text(text, encoding="latin-1")
    (fault,) = find_faults(folder, sums=True)
    assert "installed.json: is broken" in fault


def test_a_model_without_a_record_is_a_fault(store: ModelStore) -> None:
    folder = place(store)
    (folder / "installed.json").unlink()
    (fault,) = find_faults(folder, sums=True)
    assert fault.startswith("installed.json: missing")
