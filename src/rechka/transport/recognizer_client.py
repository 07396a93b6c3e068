"""A recognizer that is reached through its service."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc.aio
import structlog

from rechka.audio.samples import Samples, to_pcm16
from rechka.errors import ErrorCode, RechkaError, UnavailableError
from rechka.recognition.events import EventQueue
from rechka.recognition.measures import Measures
from rechka.recognition.port import Finished, Heard, ModelInfo, StreamOptions
from rechka.wire.codec_measures import decode_measures
from rechka.wire.codec_recognizer import decode_event, decode_model
from rechka.wire.generated.rechka.recognizer.v1 import recognizer_pb2 as pb
from rechka.wire.generated.rechka.recognizer.v1 import recognizer_pb2_grpc as pb_grpc
from rechka.wire.outcome import CallOutcome
from rechka.wire.status import told_error

__all__ = ["RemoteRecognizer", "RemoteStream"]

_log = structlog.get_logger()
# What the library raises from a read or a write on a call that has ended or is ending.
_CALL_OVER = (grpc.aio.AioRpcError, grpc.aio.BaseError, asyncio.InvalidStateError)
# A message carries at most so many samples; longer audio goes as several.
_MESSAGE_SAMPLES = 32_000
# A worker that hangs must not keep back what the others measure.
_MEASURE_TIMEOUT_S = 5.0


class RemoteRecognizer:
    """A `Recognizer` behind a channel.

    Args:
        channel: To the service; owned by the caller.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = pb_grpc.RecognizerStub(channel)
        self._models: tuple[ModelInfo, ...] = ()

    @property
    def models(self) -> Sequence[ModelInfo]:
        """What is served; empty before `connect`."""
        return self._models

    async def connect(self) -> None:
        """Ask what is served.

        Raises:
            UnavailableError: The service cannot be reached.
        """
        try:
            response = await self._stub.Describe(pb.DescribeRequest(), wait_for_ready=True)
        except (grpc.aio.AioRpcError, grpc.aio.BaseError):
            raise _lost() from None
        except asyncio.CancelledError:
            if _is_own_cancellation():
                raise
            raise _lost() from None
        self._models = tuple(decode_model(item) for item in response.models)

    async def measure(self) -> Measures:
        """Ask what was done and what is held.

        Raises:
            UnavailableError: The service cannot be reached, or does not answer in time.
        """
        try:
            return decode_measures(
                await self._stub.Measure(pb.MeasureRequest(), timeout=_MEASURE_TIMEOUT_S)
            )
        except (grpc.aio.AioRpcError, grpc.aio.BaseError):
            raise _lost() from None
        except asyncio.CancelledError:
            if _is_own_cancellation():
                raise
            raise _lost() from None

    async def open(self, options: StreamOptions) -> "RemoteStream":
        """Return a fresh stream.

        Raises:
            RequestError: The service does not serve what is asked for.
            CapacityError: It has as many streams as it serves in time.
            UnavailableError: It cannot be reached.
            InternalError: The engine failed.
        """
        message = pb.Open(
            language=options.language,
            model=options.model,
            sample_rate_hz=options.sample_rate_hz,
            max_alternatives=options.max_alternatives,
            hotwords=[pb.Hotword(text=item.text, boost=item.boost) for item in options.hotwords],
        )
        try:
            call = self._stub.Recognize()
        except grpc.aio.BaseError:
            # The channel is closed.
            raise _lost() from None
        outcome = CallOutcome(call)
        ended = asyncio.create_task(outcome.wait())
        opening = asyncio.create_task(_open(call, pb.RecognizeRequest(open=message)))
        try:
            # The library lets a first write wait for ever if the call is canceled before it.
            await asyncio.wait((opening, ended), return_when=asyncio.FIRST_COMPLETED)
            is_open = opening.done() and not opening.cancelled() and opening.result()
        except BaseException:
            call.cancel()
            raise
        finally:
            opening.cancel()
            ended.cancel()
            await asyncio.gather(opening, ended, return_exceptions=True)
        if not is_open:
            raise await _failure(outcome)
        return RemoteStream(call, outcome)


async def _open(call: Any, request: pb.RecognizeRequest) -> bool:
    """Return whether the service took the stream; if not, the call has ended or will."""
    try:
        await call.write(request)
        return await call.read() is not grpc.aio.EOF
    except _CALL_OVER:
        return False


class RemoteStream:
    """A `RecognizerStream` over one call.

    Args:
        call: Opened; owned by the stream.
        outcome: Of the call.
    """

    def __init__(self, call: Any, outcome: CallOutcome) -> None:
        self._call = call
        self._outcome = outcome
        self._events = EventQueue()
        self._is_closed = False
        self._reader = asyncio.create_task(self._read())

    async def send(self, samples: Samples) -> None:
        """Hand over audio of the running utterance; waits while the service is behind.

        Raises:
            UnavailableError: The worker went away.
            InternalError: The engine failed.

        Cancellation: afterwards the stream is only good for closing.
        """
        for start in range(0, len(samples), _MESSAGE_SAMPLES):
            pcm = to_pcm16(samples[start : start + _MESSAGE_SAMPLES])
            await self._write(pb.RecognizeRequest(audio=pcm))

    async def finish(self) -> None:
        """End the utterance; its `Finished` comes as an event. Raises as `send`."""
        await self._write(pb.RecognizeRequest(finish=pb.Finish()))

    def events(self) -> AsyncIterator[Heard | Finished]:
        """Yield events in the order of the audio; ends after `close`. Raises as `send`."""
        return self._events.read()

    async def close(self) -> None:
        """Give the stream back at once. May be called more than once."""
        if self._is_closed:
            return
        self._is_closed = True
        self._events.close()
        self._call.cancel()
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)

    async def _write(self, request: pb.RecognizeRequest) -> None:
        try:
            await self._call.write(request)
        except _CALL_OVER:
            # A write that fails says only that; why is said by the status.
            raise self._events.error or await _failure(self._outcome) from None
        except asyncio.CancelledError:
            if _is_own_cancellation():
                raise
            raise _lost() from None

    async def _read(self) -> None:
        try:
            while (response := await self._call.read()) is not grpc.aio.EOF:
                self._events.put(decode_event(response))
                await self._events.room()
        except _CALL_OVER:
            pass
        except asyncio.CancelledError:
            if not self._is_closed:
                # Not this stream was closed, but the channel below it.
                self._events.fail(_lost())
            raise
        self._events.fail(await _failure(self._outcome))


def _is_own_cancellation() -> bool:
    """Return whether the running task is canceled, and not the call that it waits for.

    The library raises the same error for both.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _failure(outcome: CallOutcome) -> RechkaError:
    """Return the error of a call that has ended, or is about to."""
    status = await outcome.status()
    error = told_error(status.code, status.details, status.trailing)
    if error is None:
        # Not the service said so, but the library or nobody: whatever the code is, the
        # connection is gone. Its words about a socket are of no use to a client.
        _log.warning("recognizer_lost", status=status.code.name, reason=status.details)
    # A service that is ending is as good as gone.
    return _lost() if error is None or isinstance(error, UnavailableError) else error


def _lost() -> UnavailableError:
    return UnavailableError(
        ErrorCode.WORKER_LOST,
        "The recognizer of this session ended unexpectedly; connect again",
        retry_after_s=0.5,
    )
