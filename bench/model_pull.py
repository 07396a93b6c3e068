"""Pull a large model that is killed on the way, and count what had to come again.

    python bench/model_pull.py [--megabytes 500] [--folder DIR]

A server on this machine serves an archive of that size, which exists nowhere as a whole:
its bytes are made as they are asked for. `rechka models pull` runs in a process that is
killed (SIGKILL) when given shares of the file have come, then while it checks, unpacks and
installs. After every kill the model is not there, and the next pull goes on; in the end it
must be whole. DIR needs three times the size; it is emptied at the end.
"""

import argparse
import hashlib
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from rechka.catalog.installed import find_faults

BLOCK = 1024 * 1024
SHARES = (0.001, 0.1, 0.25, 0.5, 0.75, 0.9, 0.999)


class Head:
    """Takes what a zip file writes around its one member, and counts the member's bytes."""

    def __init__(self) -> None:
        self.parts: list[tuple[int, bytes]] = []
        self.at = 0

    def write(self, data: bytes) -> int:
        if len(data) != BLOCK:
            self.parts.append((self.at, bytes(data)))
        self.at += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is kept back."""

    def close(self) -> None:
        """Nothing is open."""


class Archive:
    """A zip file of one stored member, made as it is read.

    Args:
        blocks: Length of the member in blocks.
    """

    def __init__(self, blocks: int) -> None:
        self.seed = os.urandom(BLOCK)
        head = Head()
        with (
            zipfile.ZipFile(head, "w") as archive,
            archive.open(zipfile.ZipInfo("pack/model.onnx"), "w", force_zip64=True) as member,
        ):
            for index in range(blocks):
                member.write(self.block(index))
        self.size = head.at
        self.parts = head.parts
        self.start = sum(len(part) for at, part in head.parts if at == 0)

    def block(self, index: int) -> bytes:
        """Return a block of the member: no two are alike."""
        return index.to_bytes(8, "big") + self.seed[8:]

    def read(self, start: int) -> Iterator[bytes]:
        """Yield all bytes from a position on."""
        position = 0
        blocks = iter(range((self.size - sum(len(part) for _, part in self.parts)) // BLOCK))
        parts = dict(self.parts)
        while position < self.size:
            piece = parts.get(position)
            if piece is None:
                piece = self.block(next(blocks))
            if position + len(piece) > start:
                yield piece[max(start - position, 0) :]
            position += len(piece)

    def sha256(self) -> str:
        digest = hashlib.sha256()
        for piece in self.read(0):
            digest.update(piece)
        return digest.hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves the archive with ranges."""

    archive: Archive
    sent = 0
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
        start = int(asked[1]) if asked else 0
        size = self.archive.size
        self.send_response(206 if asked else 200)
        self.send_header("ETag", '"bench"')
        self.send_header("Content-Length", str(size - start))
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.end_headers()
        try:
            for piece in self.archive.read(start):
                self.wfile.write(piece)
                type(self).sent += len(piece)
        except (BrokenPipeError, ConnectionResetError):
            return

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Print nothing."""


class Server(ThreadingHTTPServer):
    """Says nothing of clients that were killed."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Leave it."""


def pull(data: Path) -> subprocess.Popen[bytes]:
    command = (sys.executable, "-m", "rechka", "models", "pull", "big", "--data-dir", str(data))
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def kill_when(process: subprocess.Popen[bytes], path: Path, size: int) -> int:
    """Kill a process when a file has a size; return the size that it has then."""
    while process.poll() is None:
        if path.exists() and path.stat().st_size >= size:
            process.kill()
            break
        time.sleep(0.001)
    assert process.wait() == -signal.SIGKILL, "it ended before it could be killed"
    return path.stat().st_size if path.exists() else 0


def run(data: Path, archive: Archive) -> None:
    models = data / "models"
    work = models / ".work"
    part, unpacked = work / "big.part", work / "big.new" / "model.onnx"
    print(f"archive: {archive.size} bytes; killed, and what had come:")
    points = [(part, int(share * archive.size), f"{share:.1%} have come") for share in SHARES]
    points += [(unpacked, 1, "the first byte is unpacked")]
    points += [(unpacked, archive.size // 2, "half is unpacked")]
    points += [(work / "big.new" / "installed.json", 0, "the record is written")]
    for path, size, name in points:
        kill_when(pull(data), path, size)
        assert not (models / "big").exists()
        print(f"  {name:28} {part.stat().st_size:>11} bytes kept")
    began = time.monotonic()
    process = pull(data)
    assert process.wait() == 0
    print(f"then pulled in {time.monotonic() - began:.1f} s, from what was kept")
    assert find_faults(models / "big", sums=True) == []
    assert (models / "big" / "model.onnx").stat().st_size == archive.size // BLOCK * BLOCK
    assert sorted(path.name for path in work.iterdir()) == ["big.lock"]
    again = Handler.sent - archive.size
    print(
        f"sent in all: {Handler.sent} bytes, {again} ({again / archive.size:.2%}) of them twice: "
        "what was on its way to a process when it was killed"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    Handler.archive = Archive(arguments.megabytes * 1_000_000 // BLOCK + 1)
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    folder = Path(tempfile.mkdtemp(dir=arguments.folder))
    (folder / "models").mkdir()
    (folder / "models" / "catalog.toml").write_text(
        '[[models]]\nname = "big"\nversion = "1"\nengine = "ctc"\nlanguages = ["ru-RU"]\n'
        'sample_rate_hz = 8000\nlicence = "Apache-2.0"\narchive = "big.zip"\n'
        f'urls = ["http://127.0.0.1:{server.server_port}/big.zip"]\n'
        f'archive_bytes = {Handler.archive.size}\nsha256 = "{Handler.archive.sha256()}"\n'
        'files = { "model.onnx" = "model.onnx" }\n'
    )
    try:
        run(folder, Handler.archive)
    finally:
        shutil.rmtree(folder)
        server.shutdown()
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"memory of a pull at its peak: {peak / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
