"""Lines of the log when their reader is slow, gone, or not there at all."""

import fcntl
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

import pytest

from rechka.observability.lines import LineWriter

LONG = "x" * 1_000


@dataclass
class Log:
    """A pipe of a page, and what lines are written to."""

    reader: TextIO
    descriptor: int

    def writer(self) -> LineWriter:
        return LineWriter(
            most_lines=10,
            describe=lambda count: f"{count} dropped",
            descriptor=lambda: self.descriptor,
        )


@pytest.fixture
def log() -> Iterator[Log]:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    with os.fdopen(reading) as reader:
        yield Log(reader, writing)
        os.close(writing)


def test_lines_come_in_order_and_are_there_after_a_flush(log: Log) -> None:
    lines = log.writer()
    for number in range(5):
        lines.write(f"line {number}")
    lines.flush(timeout_s=60)
    assert [log.reader.readline() for _ in range(5)] == [f"line {number}\n" for number in range(5)]
    assert lines.dropped == 0


def test_nobody_waits_for_a_reader_and_what_was_dropped_is_told(log: Log) -> None:
    lines = log.writer()
    # The pipe takes four of them, one is in the writer's hands, and ten wait.
    for number in range(40):
        lines.write(f"{number} {LONG}")
    dropped = lines.dropped
    assert 40 - 4 - 1 - 10 <= dropped <= 40 - 10
    came: list[str] = []
    told = 0
    while len(came) < 40 - dropped:
        first, second = log.reader.readline().split()
        if second == "dropped":
            told += int(first)
        else:
            came.append(first)
    assert came[:4] == ["0", "1", "2", "3"]
    assert told == dropped == lines.dropped


def test_a_flush_gives_up_on_a_reader_that_does_not_read(log: Log) -> None:
    lines = log.writer()
    for _ in range(10):
        lines.write(LONG)
    lines.flush(timeout_s=0.01)
    flushing = threading.Thread(target=lines.flush, kwargs={"timeout_s": 60})
    flushing.start()
    assert [log.reader.readline() for _ in range(10)] == [f"{LONG}\n"] * 10
    flushing.join()


def test_lines_that_are_not_taken_are_counted_and_told_when_lines_are_taken_again(
    log: Log,
) -> None:
    lines, working = log.writer(), log.descriptor
    full = os.open("/dev/full", os.O_WRONLY)
    log.descriptor = full
    lines.write("lost")
    lines.write("lost as well")
    lines.flush(timeout_s=60)
    os.close(full)
    assert lines.dropped == 2
    log.descriptor = working
    lines.write("found")
    assert [log.reader.readline() for _ in range(2)] == ["2 dropped\n", "found\n"]


def test_without_a_standard_error_lines_are_dropped() -> None:
    def nowhere() -> int:
        raise AttributeError

    lines = LineWriter(most_lines=10, describe=str, descriptor=nowhere)
    lines.write("lost")
    lines.flush(timeout_s=60)
    assert lines.dropped == 1
