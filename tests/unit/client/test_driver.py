"""Sessions of a server that falls silent."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import pytest

from rechka.client import driver
from rechka.client.chunks import AudioChunk, PcmFraming
from rechka.client.driver import Driver
from rechka.client.limits import SessionLimits
from rechka.client.retry import Retries, RetryPolicy
from rechka.client.rollover import Rollover
from rechka.errors import UnavailableError
from rechka.results import Final, Hypothesis, Result
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2 as pb

FINAL = Final((Hypothesis("word"),))


class Call:
    """A session that is answered once all was sent, or never.

    Args:
        answers: Its results; None: nothing comes, nor an end.
    """

    is_answered = True

    def __init__(self, answers: list[Final] | None) -> None:
        self._answers = answers
        self._is_half_closed = asyncio.Event()
        self._is_cancelled = asyncio.Event()

    async def results(self) -> AsyncIterator[Result]:
        await self._is_half_closed.wait()
        if self._answers is None:
            await self._is_cancelled.wait()
            raise asyncio.CancelledError
        for answer in self._answers:
            yield answer

    async def configure(self, config: pb.RecognitionConfig) -> None:
        pass

    async def send(self, audio: bytes) -> None:
        pass

    async def half_close(self) -> None:
        self._is_half_closed.set()

    def cancel(self) -> None:
        self._is_cancelled.set()


async def chunks() -> AsyncGenerator[AudioChunk, None]:
    for chunk in PcmFraming(8_000, chunk_ms=100).feed(bytes(1_600)):
        yield chunk


def driver_of(calls: list[Call], *, attempts: int) -> Driver:
    """Return a driver whose sessions are these calls, and the last one again and again."""
    return Driver(
        rollover=Rollover(SessionLimits()),
        chunks=chunks(),
        config=pb.RecognitionConfig(),
        connect=lambda: calls.pop(0) if len(calls) > 1 else calls[0],
        retries=Retries(RetryPolicy(first_attempts=1, attempts=attempts, initial_s=0, max_s=0)),
        idle_s=5.0,
    )


async def test_a_server_that_answers_nothing_to_all_the_audio_is_unavailable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(driver, "_ANSWER_TIMEOUT_S", 0.0)

    async def deliver(_: Result) -> None:
        raise AssertionError("nothing was said")

    with pytest.raises(UnavailableError, match="answered nothing"):
        await driver_of([Call(None)], attempts=1).run(deliver)


async def test_a_session_that_is_not_answered_is_followed_by_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(driver, "_ANSWER_TIMEOUT_S", 0.01)
    delivered: list[Result] = []

    async def deliver(result: Result) -> None:
        delivered.append(result)

    await driver_of([Call(None), Call([FINAL])], attempts=1_000).run(deliver)
    assert delivered == [FINAL]


async def test_while_a_caller_takes_a_result_nothing_is_expected_of_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(driver, "_ANSWER_TIMEOUT_S", 0.01)
    delivered: list[Result] = []

    async def deliver(result: Result) -> None:
        # Longer than the server may take.
        await asyncio.sleep(0.2)
        delivered.append(result)

    await driver_of([Call([FINAL, FINAL])], attempts=1).run(deliver)
    assert delivered == [FINAL, FINAL]
