"""Pulls that are killed, and pulls that meet: real processes on a real folder."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.model_archives import noise, sha256, tar, write_catalog, zipped
from fakes.model_server import ModelServer, Served
from rechka.catalog.installed import find_faults

RECHKA = (sys.executable, "-m", "rechka")
# Several hundred pieces of a download.
ARCHIVE = zipped({"pack/model.onnx": noise(20_000_000), "pack/tokens.txt": b"<blk> 0\n"})
SMALL = tar({"pack/model.onnx": noise(300_000), "pack/tokens.txt": b"<blk> 0\n"})
OTHER = tar({"pack/model.onnx": noise(300_000, seed=2), "pack/tokens.txt": b"<blk> 0\n"})


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


def offer(server: ModelServer, data_dir: Path, content: bytes) -> Served:
    """Serve an archive as the model "big", and tell the catalog of a data folder."""
    served = server.files["/pack"] = Served(content)
    model = {
        "name": "big",
        "archive": "pack",
        "urls": [f"{server.url}/pack"],
        "archive_bytes": len(content),
        "sha256": sha256(content),
        "files": {"model.onnx": "model.onnx", "tokens.txt": "tokens.txt"},
    }
    write_catalog(data_dir, model)
    return served


def start(data_dir: Path) -> subprocess.Popen[str]:
    command = (*RECHKA, "models", "pull", "big", "--data-dir", str(data_dir))
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_download_that_is_killed_again_and_again_comes_once(
    server: ModelServer, tmp_path: Path
) -> None:
    served = offer(server, tmp_path, ARCHIVE)
    part = tmp_path / "models" / ".work" / "big.part"
    points = [32_768, 5_000_000 // 32_768 * 32_768, len(ARCHIVE) // 2, len(ARCHIVE) - 1]
    process = start(tmp_path)

    def kill_at(position: int) -> None:
        if position != points[0]:
            return
        # The client reads what is on its way before it dies.
        while part.stat().st_size < position:
            os.sched_yield()
        process.kill()
        process.wait()

    for point in list(points):
        served.on_sent = kill_at
        served.cuts = [point]
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert part.stat().st_size == point
        points.pop(0)
        if points:
            process = start(tmp_path)
    served.on_sent, served.cuts = None, []
    with start(tmp_path) as process:
        output, errors = process.communicate()
    assert process.returncode == 0, errors
    assert output.startswith("big is installed")
    assert find_faults(tmp_path / "models" / "big", sums=True) == []
    assert server.sent == len(ARCHIVE)


@pytest.mark.parametrize("case", ["new", "broken", "replaced", "half fetched", "imported"])
def test_an_installation_that_is_killed_at_any_step_is_whole_or_not_there(
    case: str, server: ModelServer, tmp_path: Path
) -> None:
    data_dir = tmp_path / "data"
    command = ["pull", "big"]
    if case in ("broken", "replaced"):
        offer(server, data_dir, OTHER)
        with start(data_dir) as process:
            assert process.wait() == 0
        (data_dir / "models" / "big" / "lm.arpa").write_text("laid beside it")
    if case == "broken":
        # Of another size, so that a look without sums, too, would find it.
        (data_dir / "models" / "big" / "tokens.txt").write_text("broken")
    if case == "replaced":
        command += ["--replace"]
    if case == "imported":
        (tmp_path / "carried").write_bytes(SMALL)
        command = ["import", str(tmp_path / "carried")]
    served = offer(server, data_dir, SMALL)
    if case == "half fetched":
        served.cuts, served.after_cut = [100_000], [404]
        with start(data_dir) as process:
            assert process.wait() == 1
        served.statuses = []
    program = Path(__file__).with_name("killed_installation.py")
    # Every other step is looked at by a process of its own, side by side.
    lanes = [
        subprocess.Popen(
            [sys.executable, str(program), first, "2", str(data_dir), "big", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for first in ("0", "1")
    ]
    kills = 0
    for lane in lanes:
        output, errors = lane.communicate()
        assert lane.returncode == 0, errors
        kills += json.loads(output)["kills"]
    assert kills >= 15


def test_of_two_pulls_at_once_the_second_waits_and_finds_it_done(
    server: ModelServer, tmp_path: Path
) -> None:
    served = offer(server, tmp_path, ARCHIVE)
    is_half, may_go_on = threading.Event(), threading.Event()

    def hold(position: int) -> None:
        if position >= len(ARCHIVE) // 2 and not is_half.is_set():
            is_half.set()
            may_go_on.wait()

    served.on_sent = hold
    with start(tmp_path) as first:
        is_half.wait()
        with start(tmp_path) as second:
            assert second.stderr is not None
            lines = iter(second.stderr.readline, "")
            assert any("waiting for its end" in line for line in lines)
            may_go_on.set()
            outputs = first.communicate()[0], second.communicate()[0]
    assert (first.returncode, second.returncode) == (0, 0)
    assert outputs[0].startswith("big is installed:")
    assert outputs[1].startswith("big is installed already")
    assert server.sent == len(ARCHIVE)


def test_of_many_pulls_at_once_one_works(server: ModelServer, tmp_path: Path) -> None:
    offer(server, tmp_path, SMALL)
    processes = [start(tmp_path) for _ in range(4)]
    outputs = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    assert sum("already" not in output for output in outputs) == 1
    assert server.sent == len(SMALL)


def test_a_pull_that_is_interrupted_ends_as_such_and_is_taken_up(
    server: ModelServer, tmp_path: Path
) -> None:
    served = offer(server, tmp_path, ARCHIVE)
    half = len(ARCHIVE) // 2
    part = tmp_path / "models" / ".work" / "big.part"

    def interrupt(position: int) -> None:
        if position == half:
            while part.stat().st_size < position:
                os.sched_yield()
            process.send_signal(signal.SIGINT)
            process.wait()

    served.on_sent, served.cuts = interrupt, [half]
    with start(tmp_path) as process:
        _, errors = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in errors
    served.on_sent = None
    with start(tmp_path) as process:
        assert process.communicate()[0].startswith("big is installed:")
    assert server.sent == len(ARCHIVE)
