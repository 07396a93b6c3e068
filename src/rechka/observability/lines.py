"""Lines that keep nobody waiting, to standard error."""

import atexit
import os
import queue
import sys
import threading
import time
from collections.abc import Callable

__all__ = ["LineWriter"]

_FLUSH_S = 1.0


def _standard_error() -> int:
    return sys.stderr.fileno()


class LineWriter:
    """Writes lines from a thread of its own, and drops those that find no room or are not taken.

    A pipe that nobody reads must not stand a server still; a disk that is full, or a reader
    that is gone, must not end a session. Lines that wait are written before the process
    ends, if they are taken within a second. Lines go past Python's buffer, which would keep
    a failed one and fail again at every later one.

    Args:
        most_lines: Lines that may wait.
        describe: Returns the line that tells how many were dropped since it was last told.
        descriptor: Returns where to write.

    Threading: any.
    """

    def __init__(
        self,
        *,
        most_lines: int,
        describe: Callable[[int], str],
        descriptor: Callable[[], int] = _standard_error,
    ) -> None:
        self.describe = describe
        self._descriptor = descriptor
        self._waiting: queue.Queue[str] = queue.Queue(most_lines)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._dropped = 0
        self._told = 0
        self._is_torn = False

    @property
    def dropped(self) -> int:
        """How many lines were dropped so far."""
        return self._dropped

    def write(self, line: str) -> None:
        """Have a line written, without waiting for it."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="log", daemon=True)
                self._thread.start()
                atexit.register(self.flush)
            try:
                self._waiting.put_nowait(line)
            except queue.Full:
                self._dropped += 1

    def flush(self, *, timeout_s: float = _FLUSH_S) -> None:
        """Wait until all lines are written, or the time is over."""
        until_s = time.monotonic() + timeout_s
        with self._waiting.all_tasks_done:
            while self._waiting.unfinished_tasks and (left_s := until_s - time.monotonic()) > 0:
                self._waiting.all_tasks_done.wait(left_s)

    def _run(self) -> None:
        while True:
            line = self._waiting.get()
            with self._lock:
                untold = self._dropped - self._told
            if untold and self._put(self.describe(untold)):
                self._told += untold
            if not self._put(line):
                with self._lock:
                    self._dropped += 1
            self._waiting.task_done()

    def _put(self, line: str) -> bool:
        """Write a line; return whether all of it was taken."""
        # What was cut off in the middle stays a line of its own.
        data = (b"\n" * self._is_torn) + line.encode(errors="backslashreplace") + b"\n"
        while data:
            try:
                written = os.write(self._descriptor(), data)
            except (OSError, ValueError, AttributeError):
                # It is closed, or something without a descriptor stands for it.
                return False
            self._is_torn = not data[:written].endswith(b"\n")
            data = data[written:]
        return True
