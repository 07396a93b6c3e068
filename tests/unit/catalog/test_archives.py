import bz2
import gzip
import os
import random
import shutil
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from fakes.model_archives import noise, tar, zipped
from rechka.catalog.archives import open_archive
from rechka.catalog.unpack import folder_members, safe_parts, unpack
from rechka.catalog.watcher import SilentWatcher
from rechka.errors import RequestError

MODEL = {"model.onnx": "model*.onnx", "tokens.txt": "tokens.txt"}
FILES = {"pack/model-9.onnx": b"weights", "pack/tokens.txt": b"<blk> 0\n", "pack/README": b"read"}
LIMIT = 1_000_000


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "inner" / "new"
    folder.mkdir(parents=True)
    return folder


def take(
    content: bytes, into: Path, *, wanted: dict[str, str] | None = None, limit: int = LIMIT
) -> dict[str, bytes]:
    """Unpack an archive; return the files that lie in the folder afterwards."""
    path = into.parent / "archive"
    path.write_bytes(content)
    with open_archive(path, limit_bytes=limit) as members:
        unpack(
            members,
            into,
            place="archive",
            wanted=MODEL if wanted is None else wanted,
            limit_bytes=limit,
            watcher=SilentWatcher(),
        )
    return found(into)


def found(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def refused(content: bytes, into: Path, *, wanted: dict[str, str] | None = None) -> str:
    """Return why an archive is not accepted; nothing may lie outside of the folder then."""
    before = set(into.parent.parent.rglob("*")) | {into.parent / "archive"}
    with pytest.raises(RequestError) as error:
        take(content, into, wanted=wanted)
    outside = {path for path in into.parent.parent.rglob("*") if into not in path.parents}
    assert outside == before
    assert error.value.message.startswith(("archive: ", str(into.parent / "archive")))
    return error.value.message


@pytest.mark.parametrize(
    "content",
    [tar(FILES), tar(FILES, packing="gz"), tar(FILES, packing=""), zipped(FILES)],
    ids=["tar.bz2", "tar.gz", "tar", "zip"],
)
def test_the_named_files_are_taken_under_our_names_and_no_others(
    content: bytes, into: Path
) -> None:
    assert take(content, into) == {"model.onnx": b"weights", "tokens.txt": b"<blk> 0\n"}


def test_files_at_the_top_are_taken_and_deeper_ones_are_not(into: Path) -> None:
    content = tar({"./tokens.txt": b"top", "a/b/tokens.txt": b"deep", "a/model.onnx": b"weights"})
    assert take(content, into) == {"model.onnx": b"weights", "tokens.txt": b"top"}


def test_without_names_the_whole_tree_is_taken(into: Path) -> None:
    files = {"top/am/final.mdl": b"model", "top/conf/mfcc.conf": b"", "top/README": b"read"}
    assert take(zipped(files), into, wanted={}) == files


def test_permissions_of_an_archive_are_not_taken_over(into: Path) -> None:
    info = tarfile.TarInfo("tokens.txt")
    info.mode, info.uid, info.gid = 0o6777, 0, 0
    folder = tarfile.TarInfo("sub")
    folder.type, folder.mode = tarfile.DIRTYPE, 0o7000
    inner = tarfile.TarInfo("sub/x")
    inner.mode = 0
    take(tar([(info, b"x"), (folder, b""), (inner, b"y")]), into, wanted={})
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in into.rglob("*")}
    assert modes["tokens.txt"] & ~0o644 == 0
    assert modes["x"] & 0o600 == 0o600
    assert modes["sub"] & 0o7022 == 0
    assert (into / "tokens.txt").stat().st_uid == os.getuid()


@pytest.mark.parametrize(
    "name",
    [
        "../tokens.txt",
        "a/../../tokens.txt",
        "a/..",
        "/tokens.txt",
        "//tokens.txt",
        "..",
        "C:/tokens.txt",
        "a\\..\\tokens.txt",
        "tokens.txt\n",
        "\x1b[2Jtokens.txt",
        "/".join("a" * 20),
        "n" * 201,
    ],
)
@pytest.mark.parametrize("make", [tar, zipped], ids=["tar", "zip"])
@pytest.mark.parametrize("wanted", [MODEL, {}], ids=["named", "tree"])
def test_a_path_that_no_honest_archive_has_is_refused(
    name: str, make: Callable[[dict[str, bytes]], bytes], wanted: dict[str, str], into: Path
) -> None:
    assert repr(name)[1:-1] in refused(make({name: b"evil"}), into, wanted=wanted)
    assert found(into) == {}


def test_the_whole_name_of_a_zip_member_counts_not_what_stands_before_a_zero_byte(
    into: Path,
) -> None:
    content = zipped({"tokens.txt_x": b"evil"}).replace(b"tokens.txt_x", b"tokens.txt\0x")
    assert r"'tokens.txt\x00x' is" in refused(content, into)


@pytest.mark.parametrize(
    ("kind", "link"),
    [
        (tarfile.SYMTYPE, "/etc/passwd"),
        (tarfile.SYMTYPE, "README"),
        (tarfile.LNKTYPE, "../../archive"),
    ],
)
@pytest.mark.parametrize("wanted", [MODEL, {}], ids=["named", "tree"])
def test_a_link_in_a_files_place_is_refused(
    kind: bytes, link: str, wanted: dict[str, str], into: Path
) -> None:
    info = tarfile.TarInfo("pack/tokens.txt")
    info.type, info.linkname = kind, link
    assert "'pack/tokens.txt' is a link" in refused(tar([(info, b"")]), into, wanted=wanted)


def test_a_link_that_nobody_asked_for_is_passed_over(into: Path) -> None:
    info = tarfile.TarInfo("pack/latest")
    info.type, info.linkname = tarfile.SYMTYPE, "/"
    through = tarfile.TarInfo("pack/tokens.txt")
    assert take(tar([(info, b""), (through, b"x")]), into) == {"tokens.txt": b"x"}
    assert not any(path.is_symlink() for path in into.rglob("*"))


def test_nothing_is_written_through_a_link(into: Path) -> None:
    info = tarfile.TarInfo("pack")
    info.type, info.linkname = tarfile.SYMTYPE, str(into.parent)
    inner = tarfile.TarInfo("pack/evil")
    assert "is a link" in refused(tar([(info, b""), (inner, b"x")]), into, wanted={})


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
@pytest.mark.parametrize("name", ["tokens.txt", "unasked"])
def test_devices_and_pipes_are_refused_wherever_they_are(
    kind: bytes, name: str, into: Path
) -> None:
    info = tarfile.TarInfo(name)
    info.type = kind
    assert "neither file, folder nor link" in refused(tar([(info, b"")]), into)


@pytest.mark.parametrize(
    ("mode", "problem"),
    [(stat.S_IFLNK, "a link"), (stat.S_IFIFO, "neither"), (stat.S_IFCHR, "neither")],
)
def test_what_a_zip_file_calls_a_link_or_a_device_is_refused(
    mode: int, problem: str, into: Path
) -> None:
    info = zipfile.ZipInfo("tokens.txt")
    info.external_attr = (mode | 0o777) << 16
    assert problem in refused(zipped([(info, b"/etc/passwd")]), into)


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["a/tokens.txt", "a/tokens.txt"], "there twice"),
        (["a/tokens.txt", "a/Tokens.TXT"], "there twice"),
        (["a/x", "A/y"], "in a folder that is 'a' as well"),
        (["a", "a/x"], "in a folder that is a file as well"),
        (["a/x", "a"], "there twice"),
        (["\u00e9", "e\u0301"], "there twice"),
    ],
)
@pytest.mark.parametrize("wanted", [MODEL, {}], ids=["named", "tree"])
def test_names_that_clash_somewhere_are_refused(
    names: list[str], problem: str, wanted: dict[str, str], into: Path
) -> None:
    content = tar([(tarfile.TarInfo(name), b"x") for name in names])
    assert problem in refused(content, into, wanted=wanted)


def test_two_files_that_are_both_the_wanted_one_are_refused(into: Path) -> None:
    content = tar({"pack/model-1.onnx": b"one", "pack/model-2.onnx": b"two"})
    assert "is a second 'model.onnx'" in refused(content, into)


@pytest.mark.parametrize("packing", ["bz2", "gz"])
@pytest.mark.parametrize("name", ["tokens.txt", "unasked"])
def test_a_tar_file_that_unpacks_to_more_than_the_limit_is_refused(
    packing: str, name: str, into: Path
) -> None:
    bomb = tar({name: bytes(20 * LIMIT)}, packing=packing)
    assert len(bomb) < LIMIT / 10
    assert "unpacks to more than" in refused(bomb, into)
    assert sum(map(len, found(into).values())) <= LIMIT + 300_000


def test_a_zip_file_that_says_it_unpacks_to_more_than_the_limit_is_refused(into: Path) -> None:
    info = zipfile.ZipInfo("unasked")
    info.compress_type = zipfile.ZIP_DEFLATED
    assert "unpacks to more than" in refused(zipped([(info, bytes(20 * LIMIT))]), into)


def test_a_zip_file_that_unpacks_to_more_than_it_says_is_refused(into: Path) -> None:
    info = zipfile.ZipInfo("tokens.txt")
    info.compress_type = zipfile.ZIP_DEFLATED
    size = 20 * LIMIT
    content = zipped([(info, bytes(size))])
    lying = content.replace(size.to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    assert lying != content
    assert "is broken" in refused(lying, into)
    assert sum(map(len, found(into).values())) <= 1000


def test_too_many_members_are_refused(into: Path) -> None:
    content = tar({f"unasked/{number}": b"" for number in range(10_001)}, packing="gz")
    path = into.parent / "archive"
    path.write_bytes(content)
    with (
        open_archive(path, limit_bytes=100 * LIMIT) as members,
        pytest.raises(RequestError, match="holds more than 10000 members"),
    ):
        unpack(
            members,
            into,
            place="archive",
            wanted=MODEL,
            limit_bytes=LIMIT,
            watcher=SilentWatcher(),
        )


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_headers_that_are_no_end_are_refused_before_they_are_read(kind: bytes, into: Path) -> None:
    info = tarfile.TarInfo("header")
    info.type = kind
    content = tar([(info, bytes(2 * 1024**2)), (tarfile.TarInfo("tokens.txt"), b"x")])
    path = into.parent / "archive"
    path.write_bytes(content)
    with pytest.raises(RequestError, match="headers of a member are longer"):
        take(content, into, limit=100 * LIMIT)


def test_a_long_chain_of_headers_is_refused(into: Path) -> None:
    members = []
    for _ in range(1500):
        info = tarfile.TarInfo("header")
        info.type = tarfile.GNUTYPE_LONGNAME
        members.append((info, b"name\0"))
    with pytest.raises(RequestError, match=r"broken|longer"):
        take(tar(members), into, limit=100 * LIMIT)


def test_a_sparse_file_is_refused(into: Path) -> None:
    info = tarfile.TarInfo("tokens.txt")
    info.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.realsize": str(10**15),
    }
    content = tar([(info, b"1\n0\n512\n".ljust(512, b"\0") + bytes(512))], packing="")
    assert "neither file, folder nor link" in refused(content, into)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is no archive; accepted: .tar.bz2, .tar.gz, .tar, .zip"),
        (b"<html>not found</html>", "is no archive"),
        (tar(FILES)[:-20], "is broken"),
        (tar(FILES, packing="gz")[:-20], "is broken"),
        (zipped(FILES)[:-30], "is broken"),
        (b"BZh9" + noise(1000), "is broken"),
        (b"\x1f\x8b\x08\x00" + noise(1000), "is broken"),
        (b"PK\x03\x04" + noise(1000), "is broken"),
        (bz2.compress(noise(3000)), "is broken"),
        (gzip.compress(b"text"), "is broken"),
    ],
)
def test_what_is_no_archive_or_a_broken_one_is_refused(
    content: bytes, problem: str, into: Path
) -> None:
    assert problem in refused(content, into)


def test_a_zip_member_without_a_name_is_refused(into: Path) -> None:
    # The name is left out of the directory and of the header before the content.
    content = zipped({"n": b""})
    nameless = content.replace(b"\x01\0\0\0n", b"\0\0\0\0").replace(b"n", b"", 1)
    header, directory = nameless.index(b"PK\1\2"), nameless.index(b"PK\5\6")
    end = bytearray(nameless[directory:])
    end[12:20] = struct.pack("<II", directory - header, header)
    assert "'' is an absolute or empty path" in refused(nameless[:directory] + end, into)


def test_an_encrypted_zip_file_is_refused(into: Path) -> None:
    content = bytearray(zipped({"tokens.txt": b"secret"}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + offset] |= 1
    assert "'tokens.txt' is encrypted" in refused(bytes(content), into)


def test_a_compression_that_may_cost_any_memory_is_refused(into: Path) -> None:
    info = zipfile.ZipInfo("tokens.txt")
    info.compress_type = zipfile.ZIP_LZMA
    assert "got compression 14; accepted: 0 (none), 8" in refused(zipped([(info, b"x")]), into)


def test_a_zip_file_whose_directory_is_no_end_is_refused(into: Path) -> None:
    members = {f"{'n' * 180}{number}": b"" for number in range(9000)}
    assert "headers of a member are longer" in refused(zipped(members), into)


@pytest.mark.parametrize("make", [tar, zipped], ids=["tar", "zip"])
def test_an_archive_with_any_byte_changed_is_refused_or_harmless(
    make: Callable[..., bytes], into: Path
) -> None:
    whole = make(FILES) if make is zipped else tar(FILES, packing="")
    chance = random.Random(1)
    for _ in range(400):
        content = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        with suppress(RequestError):
            take(bytes(content), into, wanted=chance.choice([MODEL, {}]))
        assert {path.name for path in into.parent.iterdir()} == {"new", "archive"}
        shutil.rmtree(into)
        into.mkdir()


def test_links_and_pipes_in_a_folder_are_no_files(into: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    (source / "sub" / "tokens.txt").write_bytes(b"x")
    (source / "link").symlink_to("/etc/passwd")
    (source / "linked").symlink_to(source / "sub")
    os.mkfifo(source / "pipe")
    kinds = {member.path: member.kind.name for member in folder_members(source)}
    assert kinds == {
        "sub": "FOLDER",
        "sub/tokens.txt": "FILE",
        "link": "LINK",
        "linked": "LINK",
        "pipe": "OTHER",
    }
    with pytest.raises(RequestError, match="'link' is a link"):
        unpack(
            folder_members(source),
            into,
            place=source,
            wanted={},
            limit_bytes=LIMIT,
            watcher=SilentWatcher(),
        )


def test_parts_of_an_honest_path_are_plain() -> None:
    assert safe_parts("./a//b/c.txt") == ("a", "b", "c.txt")
    assert safe_parts("модель/ё") == ("модель", "ё")
