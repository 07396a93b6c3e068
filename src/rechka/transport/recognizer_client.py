"""A recognizer that is reached through its service."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
import grpc.aio

from rechka.audio.samples import Samples, to_pcm16
from rechka.errors import ErrorCode, RechkaError, UnavailableError
from rechka.recognition.events import EventQueue
from rechka.recognition.port import Finished, Heard, ModelInfo, StreamOptions
from rechka.wire.codec_recognizer import decode_event, decode_model
from rechka.wire.generated.rechka.recognizer.v1 import recognizer_pb2 as pb
from rechka.wire.generated.rechka.recognizer.v1 import recognizer_pb2_grpc as pb_grpc
from rechka.wire.status import from_status

__all__ = ["RemoteRecognizer", "RemoteStream"]

# A message carries at most so many samples; longer audio goes as several.
_MESSAGE_SAMPLES = 32_000


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
        except grpc.aio.AioRpcError as failure:
            raise _translate(failure) from failure
        self._models = tuple(decode_model(item) for item in response.models)

    async def open(self, options: StreamOptions) -> "RemoteStream":
        """Return a fresh stream.

        Raises:
            RequestError: The service does not serve what is asked for.
            CapacityError: It has as many streams as it serves in time.
            UnavailableError: It cannot be reached.
        """
        call = self._stub.Recognize()
        message = pb.Open(
            language=options.language,
            model=options.model,
            sample_rate_hz=options.sample_rate_hz,
            max_alternatives=options.max_alternatives,
            hotwords=[pb.Hotword(text=item.text, boost=item.boost) for item in options.hotwords],
        )
        try:
            await call.write(pb.RecognizeRequest(open=message))
            opened = await call.read()
            if opened is grpc.aio.EOF:
                raise await _failure(call)
        except grpc.aio.AioRpcError as failure:
            raise _translate(failure) from failure
        except asyncio.InvalidStateError:
            raise await _failure(call) from None
        except asyncio.CancelledError:
            call.cancel()
            raise
        return RemoteStream(call)


class RemoteStream:
    """A `RecognizerStream` over one call.

    Args:
        call: Opened; owned by the stream.
    """

    def __init__(self, call: Any) -> None:
        self._call = call
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
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            # A write that fails says only that; why is known to the reader, if to anybody.
            raise self._events.error or _lost() from None

    async def _read(self) -> None:
        try:
            while (response := await self._call.read()) is not grpc.aio.EOF:
                self._events.put(decode_event(response))
                await self._events.room()
            self._events.fail(await _failure(self._call))
        except grpc.aio.AioRpcError as failure:
            self._events.fail(_translate(failure))


async def _failure(call: Any) -> RechkaError:
    """Return the error of a call that has ended."""
    code = await call.code()
    if code is grpc.StatusCode.OK:
        return _lost()
    return _from(code, await call.details(), await call.trailing_metadata())


def _translate(failure: grpc.aio.AioRpcError) -> RechkaError:
    return _from(failure.code(), failure.details(), failure.trailing_metadata())


def _from(code: grpc.StatusCode, details: str | None, trailing: Any) -> RechkaError:
    error = from_status(code, details, tuple(trailing or ()))
    # gRPC's own words about a socket are of no use to who called the server.
    return _lost() if isinstance(error, UnavailableError) else error


def _lost() -> UnavailableError:
    return UnavailableError(
        ErrorCode.WORKER_LOST,
        "The recognizer of this session ended unexpectedly; connect again",
        retry_after_s=0.5,
    )
