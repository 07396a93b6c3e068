"""What an engine returns: what is right is sent, all else ends the stream that it is of."""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from rechka.errors import InternalError
from rechka.recognition.checks import BadResultError, check_observation, check_readings
from rechka.recognition.port import Observation, StreamOptions
from rechka.recognition.scheduler import Scheduler
from rechka.results import Hypothesis, Word
from rechka.wire.codec_recognizer import encode_event
from unit.recognition.gated_engine import OPTIONS, GatedEngine, finished, silence


def of(text: Any = "one", start_ms: Any = 0, end_ms: Any = 100, confidence: Any = 0.5) -> Any:
    """Return a reading of one word."""
    return Hypothesis("one", (Word(text, start_ms, end_ms, confidence),), 0.5)


WRONG = [
    ("one", "a reading is no Hypothesis"),
    (None, "a reading is no Hypothesis"),
    (Hypothesis(None), "a text is no str"),  # type: ignore[arg-type]
    (Hypothesis("one", [Word("one", 0, 1)]), "no tuple of Word"),  # type: ignore[arg-type]
    (Hypothesis("one", ("one",)), "no tuple of Word"),  # type: ignore[arg-type]
    (Hypothesis("one", confidence=math.nan), "a confidence is no finite number"),
    (Hypothesis("one", confidence=float("inf")), "a confidence is no finite number"),
    (Hypothesis("one", confidence=1e300), "a confidence is no finite number"),
    (Hypothesis("one", confidence=None), "a confidence is no"),  # type: ignore[arg-type]
    (of(confidence=-math.inf), "a confidence is no finite number"),
    (of(confidence="0.5"), "a confidence is no finite number"),
    (of(start_ms=-1), "start_ms is out of range"),
    (of(end_ms=2**31), "end_ms is out of range"),
    (of(start_ms=0.5), "start_ms is no whole number"),
    (of(end_ms=np.float32(100)), "end_ms is no whole number"),
    (of(end_ms=None), "end_ms is no whole number"),
    (of(text=b"one"), "a text is no str"),
    (of(text="o\x00ne"), "a text has control characters"),
    (Hypothesis("o\x1b[31mne"), "a text has control characters"),
    (Hypothesis("one\ntwo"), "a text has control characters"),
    (Hypothesis("one\u2028two"), "a text has control characters"),
    (Hypothesis("one \u202etwo"), "a text has control characters"),
    (Hypothesis("one \ud800"), "a text has control characters"),
    (Hypothesis("w" * 6_000_000), "too large"),
    (Hypothesis("w", tuple(Word("", 0, 1) for _ in range(30_000))), "too large"),
]


@pytest.mark.parametrize(("reading", "problem"), WRONG)
def test_a_reading_that_cannot_be_is_refused_as_partial_and_as_final(
    reading: Any, problem: str
) -> None:
    with pytest.raises(BadResultError, match=problem):
        check_observation(Observation(reading))
    with pytest.raises(BadResultError, match=problem):
        check_readings((reading,))


@pytest.mark.parametrize("silence_ms", [-5, math.nan, 1.5, 2**31])
def test_silence_is_a_whole_number_of_milliseconds(silence_ms: Any) -> None:
    with pytest.raises(BadResultError, match="trailing_silence_ms is"):
        check_observation(Observation(Hypothesis(""), silence_ms))


def test_no_observation_and_no_tuple_are_refused() -> None:
    for nothing in (None, "one", Hypothesis("one")):
        with pytest.raises(BadResultError, match="observe returned no Observation"):
            check_observation(nothing)  # type: ignore[arg-type]
    for no_tuple in (None, [Hypothesis("one")]):
        with pytest.raises(BadResultError, match="finish returned no tuple"):
            check_readings(no_tuple)  # type: ignore[arg-type]


def test_many_small_readings_are_too_large_too() -> None:
    with pytest.raises(BadResultError, match="too large"):
        check_readings((Hypothesis("a" * 100),) * 6_000)


def test_what_the_documents_show_is_taken() -> None:
    text = (Path(__file__).parents[3] / "docs" / "engines.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(from rechka\.recognition\.port.*?)```", text, re.DOTALL)
    shown: dict[str, Any] = {}
    exec(block, shown)
    check_observation(shown["observed"])
    check_readings(shown["finished"])
    assert len(shown["finished"]) == 2


class OddStream:
    """Says what its engine is told to."""

    def __init__(self, engine: "OddEngine", *, is_odd: bool) -> None:
        self.engine = engine
        self.is_odd = is_odd

    def observe(self) -> Observation:
        return self.engine.observation if self.is_odd else Observation(Hypothesis("fine"))

    def finish(self) -> tuple[Hypothesis, ...]:
        return self.engine.readings if self.is_odd else (Hypothesis("fine"),)

    def close(self) -> None:
        """Do nothing."""


class OddEngine(GatedEngine):
    """Every other of its streams, from the first, returns what a test says."""

    observation: Any = Observation(Hypothesis("fine"))
    readings: Any = (Hypothesis("fine"),)
    opened = 0

    def open(self, options: StreamOptions) -> Any:
        self.opened += 1
        return OddStream(self, is_odd=self.opened % 2 == 1)

    def accept(self, batch: Sequence[Any]) -> None:
        """Do nothing."""


@pytest.mark.parametrize("at_end", [False, True])
async def test_a_stream_whose_engine_returns_what_cannot_be_ends_alone(*, at_end: bool) -> None:
    engine = OddEngine()
    if at_end:
        engine.readings = (Hypothesis("the secret\x00", confidence=1.0),)
    else:
        engine.observation = Observation(Hypothesis("the secret\x00"), 5)
    scheduler = Scheduler(engine)
    await scheduler.start()
    odd, fine = await scheduler.open(OPTIONS), await scheduler.open(OPTIONS)
    with capture_logs() as logs:
        for stream in (odd, fine):
            await stream.send(silence(100))
            if at_end or stream is fine:
                await stream.finish()
        with pytest.raises(InternalError, match="the engine failed: BadResultError"):
            await finished(odd)
        assert (await finished(fine)).alternatives == (Hypothesis("fine"),)
    (log,) = logs
    assert log["problem"] == "a text has control characters"
    assert not re.search("secret", str(logs))
    await scheduler.close()


@pytest.mark.parametrize(
    "reading",
    [
        Hypothesis(""),
        Hypothesis("Ёлка, süß e\u0301", confidence=1),
        Hypothesis("می\u200cخواهم 10\u00a0km"),
        of(start_ms=np.int64(3), end_ms=np.int32(5), confidence=np.float32(0.5)),
        of(confidence=1),
        Hypothesis("word " * 8_000, tuple(Word("word", at, at + 1) for at in range(8_000))),
    ],
)
async def test_what_the_port_allows_is_taken_as_it_is(reading: Hypothesis) -> None:
    check_observation(Observation(reading, 0))
    engine = OddEngine()
    scheduler = Scheduler(engine)
    await scheduler.start()
    stream = await scheduler.open(OPTIONS)
    for engine.readings in ((), (reading, reading)):
        await stream.finish()
        assert (await finished(stream)).alternatives == engine.readings
    await scheduler.close()


async def test_whole_numbers_of_numpy_can_be_sent() -> None:
    engine = OddEngine()
    engine.readings = (of(start_ms=np.int64(3), end_ms=np.int32(5), confidence=np.float32(0.5)),)
    scheduler = Scheduler(engine)
    await scheduler.start()
    stream = await scheduler.open(OPTIONS)
    await stream.finish()
    (reading,) = encode_event(await finished(stream)).finished.alternatives
    assert (reading.words[0].start_ms, reading.words[0].end_ms) == (3, 5)
    await scheduler.close()
