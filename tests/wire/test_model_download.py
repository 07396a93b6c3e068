from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.model_archives import noise, sha256
from fakes.model_server import ModelServer, Served
from rechka.catalog.download import Download, Expected, Patience, fetch, shown_url
from rechka.catalog.part import PartFile
from rechka.errors import UnavailableError

# Several hundred of the pieces that come off a socket.
CONTENT = noise(20_000_000)
SIZE, SUM = len(CONTENT), sha256(CONTENT)
CUTS = [1, 4096, 7_000_001, 7_000_002, SIZE - 1]
KNOWN = Expected(SIZE, SUM)
# Nothing waits for these: the first is over before it began, the other for a mirror that
# says nothing.
IMPATIENT = Patience(silence_s=0.2)


class Notes:
    """Keeps what a person would be told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.steps: list[tuple[str, int, int | None]] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def progress(self, step: str, done: int, total: int | None) -> None:
        self.steps.append((step, done, total))


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        server.files["/a"] = Served(CONTENT)
        yield server


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def download(tmp_path: Path, server: ModelServer, notes: Notes) -> "Downloading":
    return Downloading(tmp_path / "x.part", server, notes)


class Downloading:
    """Downloads into one part file, as a command does each time it is called."""

    def __init__(self, path: Path, server: ModelServer, notes: Notes) -> None:
        self.path = path
        self.server = server
        self.notes = notes
        self.waits: list[float] = []

    def __call__(
        self, *paths: str, expected: Expected = KNOWN, patience: Patience = IMPATIENT
    ) -> Download:
        urls = [path if "://" in path else f"{self.server.url}{path}" for path in paths or ("/a",)]
        with PartFile(self.path, self.notes) as part:
            return fetch(
                urls,
                part,
                expected=expected,
                watcher=self.notes,
                patience=patience,
                sleep=self.waits.append,
            )

    def breaks(self, served: Served, expected: Expected = KNOWN) -> str:
        """Let a file be cut, and the mirror go away; return the error."""
        served.cuts, served.after_cut = [9_000_000], [404]
        self.server.files["/a"] = served
        message = self.fails(expected=expected)
        assert len(self.content) == 9_000_000
        served.cuts, served.statuses = [], []
        return message

    def fails(self, *paths: str, expected: Expected = KNOWN) -> str:
        with pytest.raises(UnavailableError) as error:
            self(*paths, expected=expected, patience=replace(IMPATIENT, rounds=1))
        return error.value.message

    @property
    def content(self) -> bytes:
        return self.path.read_bytes()


def test_a_file_comes_whole_with_its_sum_and_its_progress(
    download: Downloading, server: ModelServer, notes: Notes
) -> None:
    done = download()
    assert (done.url, done.sha256) == (f"{server.url}/a", SUM)
    assert download.content == CONTENT
    assert notes.steps[-1] == ("download", SIZE, SIZE)
    assert len(notes.steps) > 300
    assert download.waits == []


def test_a_connection_that_is_cut_is_taken_up_where_it_ended(
    download: Downloading, server: ModelServer
) -> None:
    server.files["/a"].cuts = list(CUTS)
    assert download().sha256 == SUM
    assert download.content == CONTENT
    ranges = [answer.range for answer in server.answered]
    assert ranges == [None, *(f"bytes={cut}-" for cut in CUTS)]
    assert all(answer.if_range == '"one"' for answer in server.answered[1:])
    assert server.sent == SIZE


def test_what_came_before_an_error_is_taken_up_by_the_next_command(
    download: Downloading, server: ModelServer, notes: Notes
) -> None:
    message = download.breaks(Served(CONTENT))
    assert "/a: HTTP 404" in message
    assert "the 9000000 bytes that came are kept" in message
    assert download().sha256 == SUM
    assert ("check", 9_000_000, 9_000_000) in notes.steps
    assert server.answered[-1].range == "bytes=9000000-"
    assert server.sent == SIZE


@pytest.mark.parametrize("expected", [KNOWN, Expected(None, None)], ids=["known", "unknown"])
def test_a_server_without_ranges_sends_all_of_it_anew(
    expected: Expected, download: Downloading, server: ModelServer
) -> None:
    server.files["/a"] = Served(CONTENT, has_ranges=False, cuts=[9_000_000])
    assert download(expected=expected).sha256 == SUM
    assert download.content == CONTENT
    assert [answer.status for answer in server.answered] == [200, 200]


@pytest.mark.parametrize("expected", [KNOWN, Expected(None, None)], ids=["known", "unknown"])
def test_a_file_that_changed_meanwhile_is_fetched_anew(
    expected: Expected, download: Downloading, server: ModelServer
) -> None:
    download.breaks(Served(noise(SIZE, seed=2)), expected)
    server.files["/a"] = Served(CONTENT, etag='"two"')
    assert download(expected=expected).sha256 == SUM
    assert download.content == CONTENT
    assert server.answered[-1].if_range == '"one"'


def test_pieces_of_two_files_that_no_etag_tells_apart_are_told_by_the_sum(
    download: Downloading, server: ModelServer, notes: Notes
) -> None:
    download.breaks(Served(noise(SIZE, seed=2), etag=""))
    server.files["/a"] = Served(CONTENT, etag="")
    assert download().sha256 == SUM
    assert [answer.range for answer in server.answered[2:]] == ["bytes=9000000-", None]
    assert "the pieces do not add up to the file; fetching it anew" in notes.notes


def test_without_a_sum_and_an_etag_pieces_are_never_joined(
    download: Downloading, server: ModelServer
) -> None:
    download.breaks(Served(noise(SIZE, seed=2), etag=""), Expected(None, None))
    server.files["/a"] = Served(CONTENT, etag="")
    assert download(expected=Expected(None, None)).sha256 == SUM
    assert server.answered[-1].range is None


@pytest.mark.parametrize("expected", [KNOWN, Expected(None, None)], ids=["known", "unknown"])
def test_a_file_that_had_come_whole_is_not_fetched_again(
    expected: Expected, download: Downloading, server: ModelServer
) -> None:
    download(expected=expected)
    assert download(expected=expected).sha256 == SUM
    assert server.sent == SIZE


def test_a_part_that_rotted_on_the_disk_is_fetched_anew(
    download: Downloading, server: ModelServer
) -> None:
    download.breaks(Served(CONTENT))
    rotten = bytearray(download.content)
    rotten[5] ^= 1
    download.path.write_bytes(rotten)
    assert download().sha256 == SUM
    assert download.content == CONTENT


@pytest.mark.parametrize(
    "note", ["", "{", "[]", '{"mirror": 1, "validator": 2, "total_bytes": "x"}']
)
def test_a_part_whose_note_is_lost_still_counts_where_a_sum_is_known(
    note: str, download: Downloading, server: ModelServer
) -> None:
    download.breaks(Served(CONTENT))
    download.path.with_name("x.part.json").write_text(note)
    assert download().sha256 == SUM
    assert server.sent == SIZE


def test_more_than_the_file_is_not_taken_up(download: Downloading, server: ModelServer) -> None:
    download.path.write_bytes(CONTENT + b"more")
    assert download().sha256 == SUM
    assert download.content == CONTENT


def test_the_next_mirror_goes_on_where_the_first_one_broke(
    download: Downloading, server: ModelServer
) -> None:
    server.files["/a"] = Served(CONTENT, cuts=[9_000_000])
    server.files["/b"] = Served(CONTENT, etag='"other"')
    assert download("/a", "/b").url == f"{server.url}/b"
    assert server.answered[-1].range == "bytes=9000000-"
    assert server.answered[-1].if_range is None
    assert server.sent == SIZE


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (Served(b"", statuses=[404] * 9), "HTTP 404"),
        (Served(b"", statuses=[403] * 9), "HTTP 403"),
        (Served(b"", statuses=[206] * 9), "HTTP 206"),
        (Served(CONTENT[:-1]), f"size: got {SIZE - 1} bytes; accepted: {SIZE}"),
        (Served(CONTENT + b"x"), f"size: got {SIZE + 1} bytes; accepted: {SIZE}"),
        (Served(CONTENT + b"x", has_length=False), f"more than the {SIZE} bytes"),
        (
            Served(noise(SIZE, seed=2)),
            f"sha256: got {sha256(noise(SIZE, seed=2))}; accepted: {SUM}",
        ),
        (Served(CONTENT, headers={"Content-Encoding": "gzip"}), "Content-Encoding"),
        (Served(CONTENT, silent_after=5_000_000), "timed out"),
        (Served(CONTENT, silent_after=0), "timed out"),
        (Served(CONTENT[:-1], has_length=False), f"it ended after {SIZE - 1} of {SIZE} bytes"),
    ],
)
def test_a_bad_mirror_is_left_for_the_next_with_a_reason(
    bad: Served, reason: str, download: Downloading, server: ModelServer, notes: Notes
) -> None:
    server.files["/bad"] = replace(bad, statuses=list(bad.statuses))
    assert download("/bad", "/a").url == f"{server.url}/a"
    assert download.content == CONTENT
    assert any(reason in note and "/bad: " in note for note in notes.notes), notes.notes


@pytest.mark.parametrize("absent", ["http://127.0.0.1:1/a", "http://absent.invalid/a"])
def test_an_absent_mirror_is_left_for_the_next(
    absent: str, download: Downloading, notes: Notes
) -> None:
    assert download(absent, "/a").sha256 == SUM
    assert notes.notes[0].startswith(f"{absent}: ")


def test_a_mirror_that_is_too_slow_is_left_for_the_next(
    download: Downloading, server: ModelServer, notes: Notes
) -> None:
    server.files["/slow"] = Served(CONTENT)
    # Faster than any mirror is: what comes is too slow as soon as it comes.
    patience = Patience(window_s=0, slowest_bytes_per_s=10**15, rounds=1)
    with pytest.raises(UnavailableError, match="slower than"):
        download("/slow", patience=patience)
    assert download("/a").sha256 == SUM
    assert server.answered[-1].range


def test_a_busy_mirror_is_asked_again_later_and_later(
    download: Downloading, server: ModelServer
) -> None:
    server.files["/a"].statuses = [503, 502, 429]
    assert download().sha256 == SUM
    assert download.waits == [1, 2, 4]


def test_a_mirror_that_says_when_to_come_again_is_asked_then(
    download: Downloading, server: ModelServer
) -> None:
    server.files["/a"].statuses = [429, 503]
    server.files["/a"].headers = {"Retry-After": "17"}
    assert download().sha256 == SUM
    assert download.waits == [17, 17]
    server.files["/b"] = Served(CONTENT, statuses=[503], headers={"Retry-After": "100000"})
    download.path.unlink()
    download("/b")
    assert download.waits[2:] == [60]


def test_it_ends_when_no_mirror_brings_anything(download: Downloading, server: ModelServer) -> None:
    server.files["/a"].statuses = [500] * 99
    with pytest.raises(UnavailableError) as error:
        download("/a", "/absent")
    assert len(server.answered) == Patience().rounds + 1
    assert download.waits == [1, 2, 4, 8]
    assert f"{server.url}/a: HTTP 500" in error.value.message
    assert f"{server.url}/absent: HTTP 404" in error.value.message
    assert "are kept" not in error.value.message


def test_a_mirror_that_brings_something_each_time_is_not_given_up(
    download: Downloading, server: ModelServer
) -> None:
    server.files["/a"].cuts = list(range(1_000_000, SIZE, 1_000_000))
    assert download().sha256 == SUM
    assert len(server.answered) == 20
    assert server.sent == SIZE


def test_a_mirror_that_brings_next_to_nothing_each_time_is_given_up(
    download: Downloading, server: ModelServer
) -> None:
    server.files["/a"].cuts = list(range(1, 1000))
    with pytest.raises(UnavailableError):
        download()
    assert len(server.answered) == Patience().rounds


def test_a_file_that_changes_all_the_time_is_given_up(
    download: Downloading, server: ModelServer
) -> None:
    versions = iter(range(1000))

    def change(position: int) -> None:
        if position == 9_000_000:
            served.etag = f'"{next(versions)}"'
            served.cuts = [9_000_000, 9_000_000]

    served = Served(CONTENT, on_sent=change, cuts=[9_000_000])
    server.files["/a"] = served
    with pytest.raises(UnavailableError):
        download(expected=Expected(None, None))
    assert next(versions) <= Patience().rounds + 1


def test_a_redirect_is_followed(download: Downloading, server: ModelServer) -> None:
    server.files["/moved"] = Served(b"", statuses=[302], headers={"Location": "/a"})
    assert download("/moved").sha256 == SUM


def test_a_ring_of_redirects_is_a_reason(download: Downloading, server: ModelServer) -> None:
    server.files["/ring"] = Served(b"", statuses=[302] * 99, headers={"Location": "/ring"})
    assert "redirect" in download.fails("/ring").lower()


def test_a_file_of_unknown_size_and_sum_comes_with_the_sum_it_has(
    download: Downloading, server: ModelServer
) -> None:
    server.files["/a"].has_length = False
    assert download(expected=Expected(None, None)).sha256 == SUM


def test_secrets_of_a_url_are_not_shown(download: Downloading, server: ModelServer) -> None:
    url = server.url.replace("http://", "http://name:password@") + "/absent?key=secret"
    message = download.fails(url)
    assert "password" not in message
    assert "secret" not in message
    assert shown_url("https://a:b@host:1/x?y") == "https://host:1/x"


def test_a_password_in_a_url_is_not_written_down(
    download: Downloading, server: ModelServer
) -> None:
    server.files["/a"] = Served(CONTENT, cuts=[9_000_000], after_cut=[404])
    url = server.url.replace("http://", "http://name:password@") + "/a"
    download.fails(url)
    assert "password" not in download.path.with_name("x.part.json").read_text()
    server.files["/a"].statuses = []
    download(url)
    assert server.answered[-1].if_range == '"one"'


def test_a_proxy_that_is_no_good_is_told(
    download: Downloading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "gopher://host")
    assert "proxy: " in download.fails()


def test_a_part_that_is_a_link_is_not_written_through(
    download: Downloading, tmp_path: Path
) -> None:
    (tmp_path / "precious").write_bytes(b"x")
    download.path.symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic"):
        download()
    assert (tmp_path / "precious").read_bytes() == b"x"
