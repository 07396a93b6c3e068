"""A mirror of models on this machine, as good or as bad as a test wants it."""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

__all__ = ["Answered", "ModelServer", "Served"]

_CHUNK_BYTES = 32 * 1024


@dataclass
class Served:
    """One file, and how it is served.

    Attributes:
        content: All of it.
        etag: Sent along; "" sends none.
        has_ranges: Whether a part can be asked for.
        statuses: Of the next answers, in place of the file; used up from the front.
        headers: Sent along with them, and with the file.
        cuts: Positions in the file at which the connection ends, each once.
        after_cut: Statuses of the answers after such an end.
        silent_after: Position after which nothing more comes while the client waits.
        has_length: Whether the length is told.
        on_sent: Called with the position in the file after each chunk.
    """

    content: bytes
    etag: str = '"one"'
    has_ranges: bool = True
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)
    after_cut: list[int] = field(default_factory=list)
    silent_after: int | None = None
    has_length: bool = True
    on_sent: Callable[[int], None] | None = None


@dataclass
class Answered:
    """One request and its answer."""

    path: str
    range: str | None
    if_range: str | None
    status: int = 0
    sent: int = 0


class ModelServer:
    """Serves `files`, by path; use it as a context. `answered` has what was asked for."""

    def __init__(self) -> None:
        self.files: dict[str, Served] = {}
        self.answered: list[Answered] = []

    def __enter__(self) -> Self:
        server: ModelServer = self

        class Handler(_Handler):
            owner = server

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def sent(self) -> int:
        """Bytes of files that were sent in all."""
        return sum(answer.sent for answer in self.answered)


class _Handler(BaseHTTPRequestHandler):
    owner: ModelServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        answer = Answered(self.path, self.headers["Range"], self.headers["If-Range"])
        self.owner.answered.append(answer)
        self.close_connection = True
        served = self.owner.files.get(self.path)
        if served is None or served.statuses:
            self._head(answer, served.statuses.pop(0) if served else 404, served, {})
            return
        start, size = self._start(served), len(served.content)
        if start is not None and start >= size:
            self._head(answer, 416, served, {"Content-Range": f"bytes */{size}"})
            return
        headers: dict[str, str] = {"ETag": served.etag} if served.etag else {}
        if start is not None:
            headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
        if served.has_length:
            headers["Content-Length"] = str(size - (start or 0))
        self._head(answer, 200 if start is None else 206, served, headers)
        try:
            self._send(answer, served, start or 0)
        except (BrokenPipeError, ConnectionResetError):
            # The client has gone, or was killed.
            return

    def _start(self, served: Served) -> int | None:
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
        condition = self.headers["If-Range"]
        if asked is None or not served.has_ranges or condition not in (None, served.etag):
            return None
        return int(asked[1])

    def _head(
        self, answer: Answered, status: int, served: Served | None, headers: dict[str, str]
    ) -> None:
        answer.status = status
        self.send_response(status)
        own = served.headers if served else {}
        for name, value in {"Connection": "close", **headers, **own}.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, answer: Answered, served: Served, position: int) -> None:
        while position < len(served.content):
            end = min([position + _CHUNK_BYTES, *(cut for cut in served.cuts if cut > position)])
            if served.silent_after is not None:
                end = min(end, max(served.silent_after, position))
            self.wfile.write(served.content[position:end])
            answer.sent += len(served.content[position:end])
            position = min(end, len(served.content))
            if served.on_sent:
                served.on_sent(position)
            if end in served.cuts:
                served.cuts.remove(end)
                served.statuses = list(served.after_cut)
                return
            if served.silent_after == position:
                self.rfile.read(1)
                return

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name.
        """Print nothing."""
