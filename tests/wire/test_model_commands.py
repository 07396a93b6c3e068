import errno
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fakes.model_archives import noise, sha256, tar, write_catalog, zipped
from fakes.model_folders import onnx_like
from fakes.model_server import ModelServer, Served
from rechka.catalog.part import PartFile
from rechka.cli import cli

FILES = {
    "pack/model.onnx": onnx_like(noise(300_000)),
    "pack/tokens.txt": b"<blk> 0\n",
    "pack/README": b"-",
}
ARCHIVE = tar(FILES)
SUM = sha256(ARCHIVE)
MODEL = {
    "name": "small-ru",
    "archive": "pack.tar.bz2",
    "default_for": ["ru-RU"],
    "archive_bytes": len(ARCHIVE),
    "sha256": SUM,
    "files": {"model.onnx": "model.onnx", "tokens.txt": "tokens.txt"},
    "engine_table": {"contract": "t-one"},
}
UNPUBLISHED = {"archive_bytes": None, "sha256": None}


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        server.files["/pack.tar.bz2"] = Served(ARCHIVE)
        yield server


@pytest.fixture
def desk(tmp_path: Path, server: ModelServer) -> "Desk":
    return Desk(tmp_path / "data", server)


class Desk:
    """Runs commands on one data folder."""

    def __init__(self, data_dir: Path, server: ModelServer) -> None:
        self.data_dir = data_dir
        self.models = data_dir / "models"
        self.server = server
        self.write_catalog()

    def write_catalog(self, **changes: Any) -> None:
        urls = [f"{self.server.url}/{changes.get('archive', 'pack.tar.bz2')}"]
        write_catalog(self.data_dir, {**MODEL, "urls": urls, **changes})

    def run(self, *arguments: str, **options: Any) -> Result:
        command = ["models", *arguments, "--data-dir", str(self.data_dir)]
        return CliRunner().invoke(cli, command, **options)

    def ok(self, *arguments: str) -> str:
        result = self.run(*arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    def fails(self, *arguments: str) -> str:
        result = self.run(*arguments)
        assert result.exit_code == 1, result.output
        line = result.stderr.splitlines()[-1]
        assert line.startswith("rechka: error: ")
        return line

    def record(self, name: str = "small-ru") -> dict[str, Any]:
        record: dict[str, Any] = json.loads((self.models / name / "installed.json").read_text())
        return record

    def installed(self) -> dict[str, str]:
        """Return the states of what lies in the data folder."""
        found = json.loads(self.ok("list", "--json"))
        return {row["name"]: row["state"] for row in found if row["state"] != "starter"}

    def leftovers(self) -> set[str]:
        return {path.name for path in (self.models / ".work").iterdir() if path.suffix != ".lock"}


def test_a_language_alone_installs_its_model(desk: Desk) -> None:
    result = desk.run("pull", "ru-RU")
    assert result.exit_code == 0
    assert "small-ru: For tests. Licence: Apache-2.0" in result.stderr
    assert result.stdout == f"small-ru is installed: {desk.models / 'small-ru'}\n"
    names = {path.name for path in (desk.models / "small-ru").iterdir()}
    assert names == {"model.onnx", "tokens.txt", "model.toml", "installed.json"}
    assert (desk.models / "small-ru" / "model.onnx").read_bytes() == FILES["pack/model.onnx"]
    assert 'contract = "t-one"' in (desk.models / "small-ru" / "model.toml").read_text()
    assert desk.installed() == {"small-ru": "installed"}
    assert desk.leftovers() == set()


def test_the_record_tells_where_a_model_came_from(desk: Desk) -> None:
    facts = json.loads(desk.ok("pull", "small-ru", "--json"))
    assert facts == {
        "name": "small-ru",
        "folder": str(desk.models / "small-ru"),
        "was_installed": False,
        "sha256": SUM,
        "verified": True,
    }
    record = desk.record()
    assert record["source"] == f"{desk.server.url}/pack.tar.bz2"
    assert (record["origin"], record["archive_sha256"], record["verified"]) == ("pull", SUM, True)
    assert record["files"].keys() == {"model.onnx", "tokens.txt", "model.toml"}
    assert record["files"]["tokens.txt"]["sha256"] == sha256(b"<blk> 0\n")


def test_an_installed_model_is_not_fetched_again(desk: Desk) -> None:
    desk.ok("pull", "small-ru")
    asked = len(desk.server.answered)
    assert "is installed already, and whole" in desk.ok("pull", "ru-RU")
    assert json.loads(desk.ok("pull", "ru-RU", "--json"))["was_installed"] is True
    assert len(desk.server.answered) == asked


def test_a_broken_model_is_named_file_by_file_and_mended(desk: Desk) -> None:
    desk.ok("pull", "small-ru")
    assert desk.ok("verify") == "small-ru: whole\n"
    (desk.models / "small-ru" / "tokens.txt").unlink()
    (desk.models / "small-ru" / "model.onnx").write_bytes(onnx_like(noise(300_000, seed=2)))
    result = desk.run("verify", "small-ru")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].startswith("small-ru: model.onnx: changed: got sha256 ")
    assert lines[1:] == ["small-ru: tokens.txt: missing"]
    result = desk.run("verify", "--json")
    assert (result.exit_code, len(json.loads(result.stdout)["small-ru"])) == (1, 2)
    assert desk.installed() == {"small-ru": "broken"}
    assert "tokens.txt: missing" in desk.ok("show", "small-ru")
    result = desk.run("pull", "small-ru")
    assert "small-ru is broken and will be replaced" in result.stderr
    assert desk.ok("verify") == "small-ru: whole\n"


def test_a_file_with_another_sum_is_not_installed(desk: Desk) -> None:
    desk.server.files["/pack.tar.bz2"].content = ARCHIVE[:-1] + b"x"
    line = desk.fails("pull", "small-ru")
    assert f"accepted: {SUM}" in line
    assert desk.installed() == {}
    assert desk.leftovers() == set()


def test_own_mirrors_are_asked_first(desk: Desk) -> None:
    desk.server.files["/own/pack.tar.bz2"] = Served(ARCHIVE)
    model = {**MODEL, "urls": ["http://127.0.0.1:1/pack.tar.bz2"]}
    mirrors = (f"{desk.server.url}/absent", f"{desk.server.url}/own/")
    write_catalog(desk.data_dir, model, mirrors=mirrors)
    desk.ok("pull", "small-ru")
    asked = [answer.path for answer in desk.server.answered]
    assert asked == ["/absent/pack.tar.bz2", "/own/pack.tar.bz2"]


def test_a_model_without_a_published_sum_needs_one_or_consent(desk: Desk) -> None:
    desk.write_catalog(**UNPUBLISHED)
    line = desk.fails("pull", "small-ru")
    assert "--sha256" in line
    assert "--allow-unverified" in line
    assert desk.server.answered == []
    assert f"accepted: {'0' * 64}" in desk.fails("pull", "small-ru", "--sha256", "0" * 64)
    assert "accepted: 64 hexadecimal" in desk.fails("pull", "small-ru", "--sha256", "xyz")
    assert f"sha256 of what came: {SUM}" in desk.ok("pull", "small-ru", "--allow-unverified")
    assert desk.record()["archive_sha256"] == SUM
    assert desk.record()["verified"] is False
    desk.ok("remove", "small-ru")
    assert "Nobody" not in desk.ok("pull", "small-ru", "--sha256", SUM.upper())
    assert desk.record()["verified"] is True


def test_a_sum_of_ones_own_does_not_replace_the_catalogs(desk: Desk) -> None:
    assert f"accepted: {SUM}, which the catalog" in desk.fails(
        "pull", "small-ru", "--sha256", "0" * 64
    )


def test_a_licence_that_is_not_open_source_needs_a_yes(desk: Desk) -> None:
    desk.write_catalog(licence="OpenMDW-1.1", licence_note="Two sources differ.")
    assert "accept it by --yes" in desk.fails("pull", "small-ru")
    assert "Two sources differ." in desk.run("pull", "small-ru").stderr
    assert desk.server.answered == []
    desk.ok("pull", "small-ru", "--yes")
    assert "installed already" in desk.ok("pull", "small-ru")


def test_a_model_that_the_disk_cannot_hold_is_not_begun(desk: Desk) -> None:
    desk.write_catalog(archive_bytes=10**16)
    line = desk.fails("pull", "small-ru", "--ignore-memory")
    assert "disk: small-ru needs 30000000000.0 MB" in line
    assert desk.server.answered == []


def test_a_model_that_cannot_run_here_is_installed_only_on_demand(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rechka.catalog.space.total_memory_bytes", lambda: 10**9)
    desk.write_catalog(memory_bytes=2 * 10**9)
    assert "needs at least 2000.0 MB to run, and this machine has 1000.0 MB" in desk.fails(
        "pull", "small-ru"
    )
    assert desk.server.answered == []
    desk.ok("pull", "small-ru", "--ignore-memory")


def test_a_disk_that_fills_up_is_told_and_what_came_is_kept(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = PartFile.append

    def fill_up(self: PartFile, chunk: bytes) -> None:
        append(self, chunk[:1000])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(PartFile, "append", fill_up)
        line = desk.fails("pull", "small-ru")
    assert "no space left on device; what came is kept" in line
    desk.ok("pull", "small-ru")
    assert desk.server.answered[-1].range == "bytes=1000-"


def test_an_archive_that_lacks_a_file_is_not_installed(desk: Desk) -> None:
    desk.write_catalog(files={"model.onnx": "model.onnx", "bpe.model": "bpe*.model"})
    assert "lacks bpe*.model" in desk.fails("pull", "small-ru")
    assert desk.installed() == {}
    # What came is what the catalog says: it need not come again when the catalog is mended.
    desk.write_catalog()
    sent = desk.server.sent
    desk.ok("pull", "small-ru")
    assert desk.server.sent == sent


def test_a_hostile_archive_that_nobody_vouched_for_is_thrown_away(desk: Desk) -> None:
    desk.write_catalog(**UNPUBLISHED)
    desk.server.files["/pack.tar.bz2"].content = tar({**FILES, "../evil": b"x"})
    line = desk.fails("pull", "small-ru", "--allow-unverified")
    assert "'../evil' is a path that leads upwards" in line
    assert desk.leftovers() == set()
    assert not list(desk.data_dir.rglob("evil"))


def test_a_folder_that_is_a_model_as_it_is_comes_out_of_its_zip_file(desk: Desk) -> None:
    tree = {"pack/am/final.mdl": b"model", "pack/conf/mfcc.conf": b"-", "pack/pack/x": b"x"}
    content = zipped({"pack/": b"", **tree, "pack/model.toml": b"not what the catalog says"})
    desk.server.files["/pack.zip"] = Served(content)
    desk.write_catalog(
        archive="pack.zip",
        files=None,
        engine="vosk",
        engine_table=None,
        archive_bytes=len(content),
        sha256=sha256(content),
    )
    desk.ok("pull", "small-ru")
    folder = desk.models / "small-ru"
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == {
        *("am/final.mdl", "conf/mfcc.conf", "pack/x", "model.toml", "installed.json")
    }
    assert 'engine = "vosk"' in (folder / "model.toml").read_text()
    assert desk.ok("verify") == "small-ru: whole\n"


def test_another_model_of_the_same_name_is_replaced_on_demand(desk: Desk) -> None:
    desk.ok("pull", "small-ru")
    content = tar({**FILES, "pack/tokens.txt": b"new"})
    desk.server.files["/pack.tar.bz2"].content = content
    desk.write_catalog(archive_bytes=len(content), sha256=sha256(content))
    assert "--replace puts this one in its place" in desk.fails("pull", "small-ru")
    assert (desk.models / "small-ru" / "tokens.txt").read_bytes() == b"<blk> 0\n"
    desk.ok("pull", "small-ru", "--replace")
    assert (desk.models / "small-ru" / "tokens.txt").read_bytes() == b"new"


def test_a_folder_that_somebody_made_by_hand_is_not_replaced(desk: Desk) -> None:
    (desk.models / "small-ru").mkdir()
    (desk.models / "small-ru" / "mine").write_text("x")
    assert "--replace" in desk.fails("pull", "small-ru")
    assert (desk.models / "small-ru" / "mine").exists()


def test_what_is_not_in_the_catalog_is_refused_with_what_is(desk: Desk) -> None:
    line = desk.fails("pull", "de-DE")
    assert "got 'de-DE'" in line
    assert "small-ru" in line


# Importing.


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "pack.tar.bz2"
    path.write_bytes(ARCHIVE)
    return path


OWN = """
name = "own"
version = "1"
engine = "ctc"
contract = "t-one"
languages = ["ru-RU"]
tags = ["general"]
sample_rate_hz = 8000
licence = "LicenseRef-own"
summary = "Mine"
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    (folder / "sub").mkdir(parents=True)
    (folder / "model.toml").write_text(OWN)
    (folder / "model.onnx").write_bytes(onnx_like(noise(1000)))
    (folder / "tokens.txt").write_text("<blk> 0\n")
    (folder / "sub" / "lm.arpa").write_text("lm")
    return folder


def test_an_archive_is_recognized_by_its_sum_whatever_its_name(desk: Desk, archive: Path) -> None:
    renamed = archive.rename(archive.with_name("download(1).bin"))
    facts = json.loads(desk.ok("import", str(renamed), "--json"))
    assert (facts["name"], facts["verified"], facts["sha256"]) == ("small-ru", True, SUM)
    assert desk.record()["origin"] == "import"
    assert desk.record()["source"] == "download(1).bin"
    assert desk.ok("verify") == "small-ru: whole\n"
    assert "installed already" in desk.ok("import", str(renamed))
    assert "installed already" in desk.ok("pull", "small-ru")
    assert desk.server.answered == []


def test_an_archive_of_a_known_name_and_another_sum_is_refused(desk: Desk, archive: Path) -> None:
    archive.write_bytes(ARCHIVE + b"x")
    line = desk.fails("import", str(archive), "--allow-unverified")
    assert f"got sha256 {sha256(ARCHIVE + b'x')}; accepted: {SUM}" in line
    assert desk.installed() == {}


def test_an_archive_without_a_published_sum_needs_one_or_consent(desk: Desk, archive: Path) -> None:
    desk.write_catalog(**UNPUBLISHED)
    assert "--allow-unverified" in desk.fails("import", str(archive))
    assert "accepted: 000" in desk.fails("import", str(archive), "--sha256", "0" * 64)
    assert SUM in desk.ok("import", str(archive), "--allow-unverified")
    desk.ok("remove", "small-ru")
    desk.ok("import", str(archive), "--sha256", SUM)
    assert desk.record()["verified"] is True


def test_the_licence_is_asked_for_offline_too(desk: Desk, archive: Path) -> None:
    desk.write_catalog(licence="OpenMDW-1.1")
    assert "accept it by --yes" in desk.fails("import", str(archive))
    desk.ok("import", str(archive), "--yes")


def test_a_folder_of_the_catalog_gives_its_named_files_with_consent(
    desk: Desk, tmp_path: Path
) -> None:
    folder = tmp_path / "pack"
    folder.mkdir()
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    assert "accepted: the archive, or --allow-unverified" in desk.fails("import", str(folder))
    desk.ok("import", str(folder), "--allow-unverified")
    assert not (desk.models / "small-ru" / "README").exists()
    assert desk.record()["archive_sha256"] is None
    assert desk.ok("verify") == "small-ru: whole\n"


def test_a_model_of_ones_own_speaks_for_itself(desk: Desk, own: Path) -> None:
    desk.ok("import", str(own))
    assert (desk.models / "own" / "sub" / "lm.arpa").read_text() == "lm"
    assert desk.installed() == {"own": "installed"}
    assert desk.ok("verify", "own") == "own: whole\n"
    assert "installed already" in desk.ok("import", str(own))
    (own / "model.onnx").write_bytes(onnx_like(noise(1000, seed=2)))
    assert "--replace" in desk.fails("import", str(own))
    desk.ok("import", str(own), "--replace")
    assert (desk.models / "own" / "model.onnx").read_bytes() == onnx_like(noise(1000, seed=2))
    assert desk.leftovers() == set()


def test_a_model_of_ones_own_comes_as_an_archive_too(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "mine.zip"
    files = {"model.toml": OWN.encode(), "model.onnx": onnx_like(b"x"), "tokens.txt": b"<blk> 0\n"}
    path.write_bytes(zipped({f"top/{name}": content for name, content in files.items()}))
    assert "accepted: 000" in desk.fails("import", str(path), "--sha256", "0" * 64)
    desk.ok("import", str(path), "--sha256", sha256(path.read_bytes()))
    assert (desk.models / "own" / "model.onnx").read_bytes() == onnx_like(b"x")
    assert desk.record("own")["verified"] is True


def test_an_installed_folder_is_carried_over_and_a_broken_copy_is_refused(
    desk: Desk, tmp_path: Path, server: ModelServer
) -> None:
    desk.ok("pull", "small-ru")
    copy = tmp_path / "copy"
    shutil.copytree(desk.models / "small-ru", copy)
    other = Desk(tmp_path / "other", server)
    (copy / "tokens.txt").write_text("<blk> 1\n")
    assert "is broken: tokens.txt: changed" in other.fails("import", str(copy))
    (copy / "tokens.txt").write_text("<blk> 0\n")
    other.ok("import", str(copy))
    assert other.ok("verify") == "small-ru: whole\n"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ('name = "../own"', "name: got '../own'"),
        ('name = ".work"', "name: got '.work'"),
        ('name = "selection.toml"', "model: got 'selection.toml'"),
        ('name = ""', "name: got ''"),
        ('name = "starter-ru"', "which is a starter model's"),
        ('name = "pocketsphinx-en-us"', "which is the model's that pocketsphinx carries"),
        ("name = 7", "name: got 7"),
        ("name = ", "Invalid value"),
    ],
)
def test_a_model_of_ones_own_with_a_bad_name_is_refused(
    change: str, problem: str, desk: Desk, own: Path
) -> None:
    (own / "model.toml").write_text(OWN.replace('name = "own"', change))
    assert problem in desk.fails("import", str(own))
    assert desk.installed() == {}
    assert desk.leftovers() == set()


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("model.onnx", None, "model.onnx: there is no such file"),
        ("model.onnx", "PK", "model.onnx: is cut, or no ONNX file"),
        ("model.toml", OWN.replace("8000", "-1"), "sample_rate_hz: got -1"),
        ("model.toml", OWN.replace("ru-RU", "not a lang!"), "languages.0: got 'not a lang!'"),
        ("model.toml", OWN.replace("t-one", "t-two"), "contract: got 't-two'"),
    ],
)
def test_a_model_of_ones_own_that_no_engine_would_load_is_refused(
    file: str, content: str | None, problem: str, desk: Desk, own: Path
) -> None:
    if content is None:
        (own / file).unlink()
    else:
        (own / file).write_text(content)
    line = desk.fails("import", str(own))
    assert f"{own}/{problem}" in line or f"{own}/{file}: {problem}" in line
    assert desk.installed() == {}
    assert desk.leftovers() == set()


def test_a_model_of_the_catalog_that_no_engine_would_load_is_not_said_to_serve(
    desk: Desk,
) -> None:
    desk.write_catalog(files={"model.onnx": "model.onnx"})
    result = desk.run("pull", "small-ru")
    assert result.exit_code == 0
    path = desk.models / "small-ru" / "tokens.txt"
    assert f"It cannot be served yet: {path}: there is no such file" in result.stderr
    assert "It serves" not in result.stderr


def test_a_link_in_a_folder_is_not_followed(desk: Desk, own: Path) -> None:
    (own / "passwd").symlink_to("/etc/passwd")
    assert "'passwd' is a link" in desk.fails("import", str(own))
    assert desk.installed() == {}


def test_what_is_no_model_is_refused(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("text")
    assert "is no archive" in desk.fails("import", str(path))
    path.write_bytes(zipped({"a": b"a"}))
    assert "has no model.toml" in desk.fails("import", str(path))
    (tmp_path / "empty").mkdir()
    assert "has no model.toml" in desk.fails("import", str(tmp_path / "empty"))
    assert "neither a file nor a folder" in desk.fails("import", "/dev/zero")
    assert desk.run("import", str(tmp_path / "absent")).exit_code == 2


# Removing.


def test_a_model_is_removed(desk: Desk) -> None:
    desk.ok("pull", "small-ru")
    assert desk.ok("remove", "small-ru") == "small-ru is removed\n"
    assert desk.installed() == {}
    assert "got 'small-ru'; installed: none" in desk.fails("remove", "small-ru")
    assert desk.leftovers() == set()


def test_a_model_in_use_is_removed_only_by_force(desk: Desk) -> None:
    desk.ok("pull", "small-ru")
    selection = desk.models / "selection.toml"
    selection.write_text('[ru-RU]\ngeneral = "small-ru"\n')
    assert "small-ru is in use for ru-RU general" in desk.fails("remove", "small-ru")
    selection.write_text("broken [")
    assert "not known whether small-ru is in use" in desk.fails("remove", "small-ru")
    assert desk.installed() == {"small-ru": "installed"}
    desk.ok("remove", "small-ru", "--force")
    assert desk.installed() == {}


def test_what_came_of_a_download_is_removed_by_its_name(desk: Desk) -> None:
    desk.server.files["/pack.tar.bz2"].cuts = [50_000]
    desk.server.files["/pack.tar.bz2"].after_cut = [404]
    desk.fails("pull", "small-ru")
    assert desk.leftovers() == {"small-ru.part", "small-ru.part.json"}
    desk.ok("remove", "small-ru")
    assert desk.leftovers() == set()


def test_a_starter_model_is_neither_removed_nor_verified(desk: Desk) -> None:
    for command in ("remove", "verify"):
        assert "is a starter model" in desk.fails(command, "starter-ru")
    assert "starter-ru" in desk.ok("list")


@pytest.mark.parametrize("command", ["remove", "verify"])
@pytest.mark.parametrize("name", ["..", "../..", "/etc", ".work", "a/b", ""])
def test_a_name_leads_nowhere_else(command: str, name: str, desk: Desk) -> None:
    desk.ok("pull", "small-ru")
    assert f"got {name!r}; accepted: a name" in desk.fails(command, name)
    assert desk.installed() == {"small-ru": "installed"}


# Seeing.


def test_the_list_tells_what_could_be_installed(desk: Desk) -> None:
    assert "t-one-ru" not in desk.ok("list")
    rows = {row["name"]: row for row in json.loads(desk.ok("list", "--available", "--json"))}
    assert rows["t-one-ru"]["state"] == "available"
    assert rows["t-one-ru"]["size_bytes"] == 128468156
    assert rows["small-ru"]["default_for"] == ["ru-RU"]
    lines = desk.ok("list", "--available").splitlines()
    assert lines[0].split("\t") == [
        *("name", "languages", "tags", "engine", "rate", "size", "memory"),
        *("licence", "published WER", "state"),
    ]
    (line,) = [line for line in lines if line.startswith("t-one-ru")]
    assert "call centre: 8.63%" in line
    assert "8000 Hz" in line


def test_the_list_names_what_the_engine_would_not_load(desk: Desk) -> None:
    desk.ok("pull", "small-ru")
    folder = desk.models / "small-ru"
    text = (folder / "model.toml").read_text()
    # Of the same size, so that the record finds nothing without reading the files.
    (folder / "model.toml").write_text(text.replace('contract = "t-one"', 'contract = "x-one"'))
    assert desk.installed() == {"small-ru": "broken"}
    assert f"small-ru is broken: {folder / 'model.toml'}: contract" in desk.run("list").stderr


def test_one_broken_model_does_not_hide_the_others(desk: Desk) -> None:
    desk.ok("pull", "small-ru")
    (desk.models / "odd").mkdir()
    (desk.models / "odd" / "model.toml").write_text("name = ")
    assert desk.installed() == {"odd": "broken", "small-ru": "installed"}
    assert "Invalid value" in desk.ok("show", "odd")


def test_a_folder_under_another_name_than_its_models_is_broken(desk: Desk) -> None:
    desk.ok("pull", "small-ru")
    (desk.models / "small-ru").rename(desk.models / "renamed")
    assert desk.installed() == {"renamed": "broken"}
    assert "name: got 'small-ru'; accepted: 'renamed'" in desk.ok("show", "renamed")


def test_a_starter_model_says_what_it_is_for_and_what_is_for_production(desk: Desk) -> None:
    assert "For trying and testing; for production: rechka models pull ru-RU\n" in desk.ok(
        "show", "starter-ru"
    )
    assert "for production: rechka models pull tr-TR\n" in desk.ok("show", "starter-tr")


def test_a_model_to_be_had_is_shown_by_name_and_by_archive(desk: Desk) -> None:
    shown = desk.ok("show", "t-one-ru")
    assert "licence:     Apache-2.0 (https://www.apache.org/licenses/LICENSE-2.0)" in shown
    assert "8.63%" in shown
    assert desk.ok("show", "sherpa-onnx-streaming-t-one-russian-2025-09-08") == shown
    line = desk.fails("show", "absent")
    assert "available: " in line
    assert "t-one-ru" in line


def test_what_a_model_says_of_itself_reaches_no_terminal_as_a_command(
    desk: Desk, own: Path
) -> None:
    evil = OWN.replace('"Mine"', '"\\u001b[2J[red]x"')
    (own / "model.toml").write_text(evil)
    desk.ok("import", str(own))
    for shown in (desk.ok("list"), desk.ok("show", "own")):
        assert "\x1b" not in shown
    assert r"\x1b[2J[red]x" in desk.ok("show", "own")


def test_the_data_folder_comes_from_the_settings(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.ok("pull", "small-ru")
    config = tmp_path / "rechka.toml"
    config.write_text(f"data_dir = {json.dumps(str(desk.data_dir))}\n")
    by_file = CliRunner().invoke(cli, ["models", "list", "--config", str(config)])
    monkeypatch.setenv("RECHKA_DATA_DIR", str(desk.data_dir))
    by_variable = CliRunner().invoke(cli, ["models", "list"])
    assert by_file.stdout == by_variable.stdout
    assert "small-ru" in by_file.stdout


def test_a_data_folder_that_cannot_be_written_is_told(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    result = CliRunner().invoke(
        cli, ["models", "pull", "t-one-ru", "--data-dir", str(tmp_path / "file" / "x")]
    )
    assert result.exit_code == 1
    assert "rechka: error: " in result.stderr
    assert "unexpected" not in result.stderr
