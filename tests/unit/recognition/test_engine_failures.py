"""What the log tells of an engine that fails: where it did, and nothing that was said."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from rechka.errors import InternalError
from rechka.recognition.scheduler import Scheduler
from unit.recognition.gated_engine import OPTIONS, GatedEngine, finished, silence


def fail(*_: Any) -> None:
    raise ValueError("the secret that was said")


LINE = f"{Path(__file__)}:{fail.__code__.co_firstlineno + 1}"


async def open_it(scheduler: Scheduler, engine: GatedEngine) -> None:
    engine.opening_fails_with = ValueError("the secret that was said")
    with pytest.raises(InternalError):
        await scheduler.open(OPTIONS)


async def decode(scheduler: Scheduler, engine: GatedEngine) -> None:
    stream = await scheduler.open(OPTIONS)
    engine.accept = fail  # type: ignore[assignment,method-assign]
    await stream.send(silence(100))
    with pytest.raises(InternalError, match="the engine failed: ValueError"):
        await finished(stream)


async def settle(scheduler: Scheduler, engine: GatedEngine) -> None:
    stream = await scheduler.open(OPTIONS)
    stream.engine_stream.finish = fail  # type: ignore[assignment,method-assign]
    await stream.finish()
    with pytest.raises(InternalError):
        await finished(stream)


async def close(scheduler: Scheduler, engine: GatedEngine) -> None:
    stream = await scheduler.open(OPTIONS)
    stream.engine_stream.close = fail  # type: ignore[method-assign]
    await stream.close()


@pytest.mark.parametrize("use", [open_it, decode, settle, close])
async def test_the_log_names_engine_model_and_lines_of_code(use: Callable[..., Any]) -> None:
    engine = GatedEngine()
    scheduler = Scheduler(engine)
    await scheduler.start()
    with capture_logs() as logs:
        await use(scheduler, engine)
    (log,) = logs
    facts = (log["event"], log["kind"], log["engine"], log["model"])
    assert facts == ("engine_failed", "ValueError", "scripted", "script-en-US")
    assert 1 <= len(log["frames"]) <= 10
    assert all(int(frame.rpartition(":")[2]) for frame in log["frames"])
    if use is not open_it:
        assert log["frames"][-1] == LINE
    assert "secret" not in str(logs)
    # It serves others still.
    assert (await scheduler.measure()).streams == (1 if use in {decode, settle} else 0)
    await scheduler.close()
