"""Runs a `Rollover` over real calls: the only part that waits."""

import asyncio
import logging
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable

from rechka.client.call import CallOverError, SessionCall
from rechka.client.chunks import AudioChunk
from rechka.client.retry import Retries
from rechka.client.rollover import Rollover, Step
from rechka.client.supply import Supply
from rechka.deadline import TaskDeadline
from rechka.errors import ErrorCode, RechkaError, UnavailableError
from rechka.results import Result
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2 as pb

__all__ = ["Driver"]

_log = logging.getLogger("rechka.client")

# TCP may take a quarter of an hour to tell that the other machine is gone. No
# server that is alive needs so long to make room for one more message.
_WRITE_TIMEOUT_S = 60.0
# Nor, when it has all the audio, to answer anything: the longest utterance is 40 s, and a
# server that keeps up with speech hears one in less.
_ANSWER_TIMEOUT_S = 60.0
# The session is ended in good order a little before the server would give up.
_STALL_PART = 0.8
# A source that has audio gives it within this; the loop may have been busy.
_LEAST_WAIT_S = 0.05


class Driver:
    """One stream of results.

    Args:
        rollover: Decides.
        chunks: The audio.
        config: First message of each session.
        connect: Begins a call.
        retries: Decides whether and when a lost session is opened again.
        idle_s: Longest time between two messages that the server allows.
        sleep: Waits; replaced in tests.
    """

    def __init__(
        self,
        *,
        rollover: Rollover,
        chunks: AsyncGenerator[AudioChunk, None],
        config: pb.RecognitionConfig,
        connect: Callable[[], SessionCall],
        retries: Retries,
        idle_s: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rollover = rollover
        # A result, a chunk, or the end of a session.
        self._news = asyncio.Event()
        self._supply = Supply(chunks, self._news.set)
        self._config = config
        self._connect = connect
        self._retries = retries
        self._stall_s = idle_s * _STALL_PART
        self._sleep = sleep
        # Of the task that runs the stream; from `run` on.
        self._deadline: TaskDeadline
        self._sent_at_s = 0.0
        # When the server's last result was passed on, and whether one is being passed on.
        self._answered_at_s = 0.0
        self._is_delivering = False
        self._is_connected = False

    async def run(self, deliver: Callable[[Result], Awaitable[None]]) -> None:
        """Run to the end of the audio.

        Args:
            deliver: Takes results in order; the server is held back while it waits.

        Raises:
            RechkaError: The stream cannot go on.

        Cancellation: cancels the running call and stops reading the source.
        """
        try:
            with TaskDeadline() as self._deadline:
                while (step := self._rollover.step()) is not Step.DONE:
                    if step is Step.NEED_AUDIO:
                        await self._await_audio()
                    else:
                        await self._run_session(deliver)
        finally:
            await self._supply.close()

    async def _run_session(self, deliver: Callable[[Result], Awaitable[None]]) -> None:
        self._rollover.opened()
        if self._rollover.sessions > 1:
            _log.info("next_session", extra={"commit_ms": round(self._rollover.commit_ms)})
        call = self._connect()
        reading = asyncio.create_task(self._read(call, deliver))
        reading.add_done_callback(lambda _: self._news.set())
        try:
            failure = await self._write(call, reading)
            is_left = failure is not None or self._rollover.step() is Step.ABANDON
            if is_left:
                call.cancel()
            # A result that is being delivered is not lost when a session is left.
            await asyncio.wait((reading,))
            if not is_left:
                failure = reading.result()
        finally:
            call.cancel()
            reading.cancel()
        if failure is None:
            try:
                for result in self._rollover.end():
                    await deliver(result)
            except UnavailableError as early:
                failure = early
        if failure is not None:
            await self._recover(failure)

    async def _recover(self, failure: RechkaError) -> None:
        self._rollover.fail(failure)
        if self._rollover.step() is not Step.OPEN:
            return
        wait_s = self._retries.wait_s(
            failure,
            progress_ms=self._rollover.progress_ms,
            commit_ms=self._rollover.commit_ms,
            is_connected=self._is_connected,
        )
        _log.info("session_lost", extra={"code": failure.code.value, "wait_s": wait_s})
        await self._sleep(wait_s)

    async def _write(
        self, call: SessionCall, reading: "asyncio.Task[RechkaError | None]"
    ) -> RechkaError | None:
        """Send until the call is over or is to be left; return why, if this side knows."""
        try:
            await self._send(call.configure(self._config))
            while not reading.done():
                match self._rollover.step():
                    case Step.SEND:
                        await self._send(call.send(self._rollover.take()))
                    case Step.NEED_AUDIO:
                        await self._await_audio_or_stall()
                    case Step.HALF_CLOSE:
                        self._rollover.half_closed()
                        await self._send(call.half_close())
                    case Step.AWAIT_RESULTS:
                        await self._await_answer()
                    case _:
                        break
        except CallOverError:
            await asyncio.wait((reading,))
        except _TooSlowError as silent:
            # How a session ended says more than that it was late.
            if not reading.done():
                return UnavailableError(ErrorCode.UNAVAILABLE, str(silent))
        return None

    async def _send(self, sending: Awaitable[None]) -> None:
        until_s = time.monotonic() + _WRITE_TIMEOUT_S
        try:
            await self._deadline.wait(sending, until_s=until_s)
        except TimeoutError:
            raise _TooSlowError("the server has taken no audio for a minute") from None
        self._sent_at_s = time.monotonic()

    async def _read(
        self, call: SessionCall, deliver: Callable[[Result], Awaitable[None]]
    ) -> RechkaError | None:
        try:
            async for result in call.results():
                settled = self._rollover.receive(result)
                self._news.set()
                self._is_delivering = True
                for item in settled:
                    await deliver(item)
                self._is_delivering = False
                self._answered_at_s = time.monotonic()
        except RechkaError as failure:
            return failure
        finally:
            self._is_delivering = False
            self._is_connected = self._is_connected or call.is_answered
        return None

    async def _await_audio(self) -> None:
        """Wait for the source."""
        self._supply.ask()
        while not self._supply.has_arrived:
            await self._await_news()
        self._take_audio()

    async def _await_audio_or_stall(self) -> None:
        """Wait for the source, or for other news of the session, or until there was a stall."""
        self._supply.ask()
        if not self._supply.has_arrived:
            stalled_s = self._sent_at_s + self._stall_s
            try:
                await self._await_news(max(stalled_s, time.monotonic() + _LEAST_WAIT_S))
            except TimeoutError:
                self._rollover.stall()
        if self._supply.has_arrived:
            self._take_audio()

    async def _await_answer(self) -> None:
        """Wait for news of a session that has all its audio, or until it has to be left.

        Time in which the caller takes a result is not the server's.
        """
        began_s = time.monotonic() if self._is_delivering else self._silent_since_s
        try:
            await self._await_news(began_s + _ANSWER_TIMEOUT_S)
        except TimeoutError:
            silent_s = time.monotonic() - self._silent_since_s
            if not self._is_delivering and silent_s >= _ANSWER_TIMEOUT_S:
                raise _TooSlowError("the server has answered nothing for a minute") from None

    @property
    def _silent_since_s(self) -> float:
        return max(self._sent_at_s, self._answered_at_s)

    def _take_audio(self) -> None:
        chunk = self._supply.take()
        if chunk is None:
            self._rollover.finish()
        else:
            self._rollover.add(chunk)

    async def _await_news(self, until_s: float = math.inf) -> None:
        """Wait for news; some may be known already.

        Raises:
            TimeoutError: There was none until then.
        """
        await self._deadline.wait(self._news.wait(), until_s=until_s)
        self._news.clear()


class _TooSlowError(Exception):
    """The server has done nothing for too long; the text says what."""
