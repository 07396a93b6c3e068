"""Fetches one file over HTTP from the first mirror that gives it whole.

A download goes on where it was cut: on the same mirror if the file is still the same by
its ETag or date, on another one if a sum is known that shows in the end whether the
pieces fit. What doesn't fit is fetched anew.
"""

import hashlib
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from rechka.catalog.part import Origin, PartFile
from rechka.catalog.watcher import Watcher
from rechka.errors import ErrorCode, UnavailableError

__all__ = ["Download", "Expected", "Patience", "fetch", "shown_url"]

_LARGEST_BYTES = 16 * 1024**3
_PROGRESS_BYTES = 1024**2
_TOO_MANY_WRONG = 2
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_ADVICE_S = 60.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a mirror is waited for.

    Attributes:
        connect_s: For a connection.
        silence_s: Without a byte.
        window_s: Over which the speed of a mirror is judged.
        slowest_bytes_per_s: Below this over a window the next mirror is tried.
        rounds: Over all mirrors that bring next to nothing, after which it ends.
        backoff_s: Before the second round; doubled before each further one.
        longest_backoff_s: At most.
    """

    connect_s: float = 15.0
    silence_s: float = 30.0
    window_s: float = 30.0
    slowest_bytes_per_s: int = 1024
    rounds: int = 5
    backoff_s: float = 1.0
    longest_backoff_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Expected:
    """What must come.

    Attributes:
        size_bytes: Exactly, None: not known.
        sha256: In hexadecimal, None: not known.
    """

    size_bytes: int | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Download:
    """What came.

    Attributes:
        url: Which mirror brought the last byte.
        sha256: Sum of the file.
    """

    url: str
    sha256: str


class _TroubleError(Exception):
    """This try failed; another one may not."""

    def __init__(self, reason: str, *, advice_s: float = 0.0) -> None:
        super().__init__(reason)
        self.advice_s = advice_s


class _UselessError(Exception):
    """This mirror does not have the file."""


def shown_url(url: str) -> str:
    """Return a url without what may be secret in it: a password, a query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def fetch(
    urls: Sequence[str],
    part: PartFile,
    *,
    expected: Expected,
    watcher: Watcher,
    patience: Patience | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Download:
    """Bring a file whole into a part file, from what is there of it already.

    Args:
        urls: Mirrors, in order.
        part: Open; it holds the file afterwards, or what came of it after an error.
        expected: What must come.
        watcher: Told of progress, and why a mirror is left.
        patience: With mirrors.
        sleep: Waits some seconds between rounds.

    Raises:
        UnavailableError: No mirror gave the file; the message has the reason of each.
        OSError: The disk is full, or fails.
    """
    patience = patience or Patience()
    timeout = httpx.Timeout(patience.silence_s, connect=patience.connect_s)
    headers = {"Accept-Encoding": "identity", "User-Agent": "rechka"}
    try:
        client = httpx.Client(
            timeout=timeout, follow_redirects=True, max_redirects=10, headers=headers
        )
    except (ImportError, ValueError) as error:
        # What the environment says of a proxy is no good.
        raise UnavailableError(ErrorCode.UNAVAILABLE, f"proxy: {error}") from None
    with client:
        return _Fetching(client, part, expected, watcher, patience).run(urls, sleep)


class _Fetching:
    def __init__(
        self,
        client: httpx.Client,
        part: PartFile,
        expected: Expected,
        watcher: Watcher,
        patience: Patience,
    ) -> None:
        self._client = client
        self._part = part
        self._expected = expected
        self._watcher = watcher
        self._patience = patience

    def run(self, urls: Sequence[str], sleep: Callable[[float], None]) -> Download:
        reasons: dict[str, str] = {}
        useful = list(urls)
        # Counted from the most that ever came: a file that changes all the time ends, too.
        best, fruitless = self._part.size, 0
        while useful and fruitless < self._patience.rounds:
            advice_s = 0.0
            for url in list(useful):
                try:
                    return self._try_mirror(url)
                except _UselessError as error:
                    reasons[url] = str(error)
                    useful.remove(url)
                except _TroubleError as error:
                    reasons[url] = str(error)
                    advice_s = max(advice_s, error.advice_s)
                self._watcher.note(f"{shown_url(url)}: {reasons[url]}")
            fruitless = 0 if self._part.size - best >= self._step() else fruitless + 1
            best = max(best, self._part.size)
            if useful and fruitless < self._patience.rounds:
                wait_s = self._patience.backoff_s * 2.0 ** max(fruitless - 1, 0)
                sleep(max(min(wait_s, self._patience.longest_backoff_s), advice_s))
        told = "; ".join(f"{shown_url(url)}: {reason}" for url, reason in reasons.items())
        kept = (
            f"; the {self._part.size} bytes that came are kept, and the same command goes on there"
            if self._part.size
            else ""
        )
        raise UnavailableError(ErrorCode.UNAVAILABLE, f"no mirror gave the file: {told}{kept}")

    def _step(self) -> int:
        """Return how many bytes of a round are progress enough not to give up."""
        total = self._expected.size_bytes
        return max(1, min(_PROGRESS_BYTES, total // 100)) if total else _PROGRESS_BYTES

    def _try_mirror(self, url: str) -> Download:
        for _ in range(_TOO_MANY_WRONG):
            try:
                self._request(url)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise _TroubleError(str(error) or type(error).__name__) from None
            if self._expected.sha256 in (None, self._part.sha256):
                return Download(url, self._part.sha256)
            was_fresh, got = self._part.is_fresh, self._part.sha256
            self._part.clear()
            if was_fresh:
                break
            # Pieces of different files, or a disk that forgot some: the whole will tell.
            self._watcher.note("the pieces do not add up to the file; fetching it anew")
        raise _UselessError(f"sha256: got {got}; accepted: {self._expected.sha256}")

    def _request(self, url: str) -> None:
        part, size = self._part, self._expected.size_bytes
        if size is not None and part.size == size:
            return
        headers = {}
        if resume := self._may_resume(url):
            headers["Range"] = f"bytes={part.size}-"
            if part.origin and part.origin.mirror == _mark(url) and part.origin.validator:
                headers["If-Range"] = part.origin.validator
        with self._client.stream("GET", url, headers=headers) as response:
            self._receive(url, response, resume=resume)

    def _may_resume(self, url: str) -> bool:
        size, origin = self._expected.size_bytes, self._part.origin
        if self._part.size == 0 or (size is not None and self._part.size > size):
            return False
        if self._expected.sha256 is not None:
            return True
        # Without a sum nothing but the server's word tells that it is the same file.
        return origin is not None and origin.mirror == _mark(url) and bool(origin.validator)

    def _receive(self, url: str, response: httpx.Response, *, resume: bool) -> None:
        part = self._part
        if response.url.scheme != "https" and url.startswith("https:"):
            raise _UselessError("it sends from https to http; accepted: https all the way")
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise _UselessError("it changes the file on the way (Content-Encoding)")
        status = response.status_code
        if status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and resume:
            if response.headers.get("content-range") == f"bytes */{part.size}":
                # All had come already; the process ended before it could say so.
                return
            part.clear()
            raise _TroubleError("it has less of the file than what has come already")
        if status == httpx.codes.OK:
            total = self._begin(url, response)
        elif status == httpx.codes.PARTIAL_CONTENT and resume:
            total = self._continue(response)
        else:
            answer = f"HTTP {status} {response.reason_phrase}".rstrip()
            if status in _BUSY:
                raise _TroubleError(answer, advice_s=_advice_s(response.headers))
            raise _UselessError(answer)
        self._copy(response, total)
        if total is not None and part.size != total:
            raise _TroubleError(f"it ended after {part.size} of {total} bytes")

    def _begin(self, url: str, response: httpx.Response) -> int | None:
        """Make room for the whole file; return its size, None: not known."""
        length = response.headers.get("content-length", "")
        total = self._judged_total(int(length) if length.isdecimal() else None)
        self._part.begin(Origin(_mark(url), _validator(response.headers), total))
        return total

    def _continue(self, response: httpx.Response) -> int | None:
        """Take the answer for the rest of what is there; return the size of the whole."""
        part = self._part
        span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("content-range", ""))
        if span is None or int(span[1]) != part.size:
            part.clear()
            raise _TroubleError("it sent another range than it was asked for")
        total = self._judged_total(None if span[2] == "*" else int(span[2]))
        known = part.origin.total_bytes if part.origin else None
        if None not in (known, total) and total != known:
            part.clear()
            raise _TroubleError("the file changed while it was fetched")
        part.resume()
        return total

    def _judged_total(self, told: int | None) -> int | None:
        size = self._expected.size_bytes
        if size is not None and told not in (None, size):
            raise _UselessError(f"size: got {told} bytes; accepted: {size}")
        return size if size is not None else told

    def _copy(self, response: httpx.Response, total: int | None) -> None:
        part, patience = self._part, self._patience
        limit = _LARGEST_BYTES if total is None else total
        since_s, since_bytes = time.monotonic(), part.size
        for chunk in response.iter_raw():
            if part.size + len(chunk) > limit:
                part.clear()
                raise _UselessError(f"it sent more than the {limit} bytes that are accepted")
            part.append(chunk)
            self._watcher.progress("download", part.size, total)
            elapsed_s = time.monotonic() - since_s
            if elapsed_s >= patience.window_s:
                if part.size - since_bytes < patience.slowest_bytes_per_s * elapsed_s:
                    raise _TroubleError(
                        f"slower than {patience.slowest_bytes_per_s} bytes/s for {elapsed_s:.0f} s"
                    )
                since_s, since_bytes = time.monotonic(), part.size


def _mark(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()


def _validator(headers: Mapping[str, str]) -> str:
    etag = headers.get("etag", "")
    if etag and not etag.startswith("W/"):
        return etag
    return headers.get("last-modified", "")


def _advice_s(headers: Mapping[str, str]) -> float:
    advice = headers.get("retry-after", "")
    return min(float(advice), _LONGEST_ADVICE_S) if advice.isdecimal() else 0.0
