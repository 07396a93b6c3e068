"""A recognizer that is reached over a Unix socket."""

import asyncio
import errno
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import numpy as np
import structlog
from google.protobuf.message import DecodeError

from rechka.audio.samples import Samples
from rechka.errors import CapacityError, ErrorCode, RechkaError, UnavailableError
from rechka.recognition.events import EventQueue
from rechka.recognition.measures import Measures
from rechka.recognition.port import Finished, Heard, ModelInfo, StreamOptions
from rechka.transport.link import Link
from rechka.wire.codec_measures import decode_measures
from rechka.wire.codec_model import decode_model
from rechka.wire.codec_recognizer import decode_event, encode_open
from rechka.wire.generated.rechka.recognizer.v1 import recognizer_pb2 as pb
from rechka.wire.status import error_of

__all__ = ["RemoteRecognizer", "RemoteStream"]

_log = structlog.get_logger()
# A message carries at most so many samples; longer audio goes as several.
_MESSAGE_SAMPLES = 32_000
# No descriptor, or no memory, is left for a connection.
_NO_MORE = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS}
# A worker that hangs must not keep back what the others measure.
_MEASURE_TIMEOUT_S = 5.0
# Nor a stream that another one may serve. An engine opens it after what it is decoding.
_OPEN_TIMEOUT_S = 10.0


class RemoteRecognizer:
    """A `Recognizer` behind a Unix socket; every stream has a connection of its own.

    Args:
        socket: Where it serves.
    """

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._models: tuple[ModelInfo, ...] = ()
        self._links: set[Link] = set()
        self._is_closed = False

    @property
    def models(self) -> Sequence[ModelInfo]:
        """What is served; empty before `connect`."""
        return self._models

    async def connect(self) -> None:
        """Ask what is served.

        Raises:
            UnavailableError: The recognizer cannot be reached.
        """
        response = await self._ask(pb.Request(describe=pb.DescribeRequest()), "described")
        self._models = tuple(decode_model(item) for item in response.described.models)

    async def measure(self) -> Measures:
        """Ask what was done and what is held.

        Raises:
            UnavailableError: The recognizer cannot be reached, or does not answer in time.
        """
        try:
            async with asyncio.timeout(_MEASURE_TIMEOUT_S):
                response = await self._ask(pb.Request(measure=pb.MeasureRequest()), "measured")
        except TimeoutError:
            raise _lost() from None
        return decode_measures(response.measured)

    async def open(self, options: StreamOptions) -> "RemoteStream":
        """Return a fresh stream.

        Raises:
            RequestError: The recognizer does not serve what is asked for.
            CapacityError: It has as many streams as it serves in time.
            UnavailableError: It cannot be reached, or does not answer in time.
            InternalError: The engine failed.
        """
        try:
            async with asyncio.timeout(_OPEN_TIMEOUT_S):
                return await self._open(options)
        except TimeoutError:
            raise _lost() from None

    async def _open(self, options: StreamOptions) -> "RemoteStream":
        link = await self._connect()
        try:
            link.write(pb.Request(open=encode_open(options)).SerializeToString())
            await _next_response(link, "opened")
        except BaseException:
            self._drop(link)
            raise
        return RemoteStream(link, self._drop)

    def close(self) -> None:
        """End all streams, and refuse new ones. May be called more than once."""
        self._is_closed = True
        for link in list(self._links):
            self._drop(link)

    async def _ask(self, request: pb.Request, expected: str) -> pb.Response:
        link = await self._connect()
        try:
            link.write(request.SerializeToString())
            return await _next_response(link, expected)
        finally:
            self._drop(link)

    async def _connect(self) -> Link:
        loop = asyncio.get_running_loop()
        try:
            _, link = await loop.create_unix_connection(Link, str(self._socket))
        except OSError as error:
            if error.errno in _NO_MORE:
                problem = "The server has as many connections as it may hold; try again later"
                raise CapacityError(ErrorCode.OVERLOADED, problem, retry_after_s=1.0) from None
            _log.warning("recognizer_lost", reason=error.strerror)
            raise _lost() from None
        self._links.add(link)
        if self._is_closed:
            self._drop(link)
        return link

    def _drop(self, link: Link) -> None:
        self._links.discard(link)
        link.abort()


class RemoteStream:
    """A `RecognizerStream` over one connection, and the `Receiver` of that.

    Events that nobody has read stay in a queue, and when it is full in the link. Audio that
    brings the recognizer nothing new yet stays here, since every message wakes it.

    Args:
        link: Opened; owned by the stream.
        drop: Ends the connection.
    """

    def __init__(self, link: Link, drop: Callable[[Link], None]) -> None:
        self._link = link
        self._drop = drop
        self._events = EventQueue()
        # Nothing more is taken from the link.
        self._over = asyncio.Event()
        self._is_held_back = self._has_ended = False
        # Audio of the running utterance: what is not sent yet, and how much there was.
        self._unsent: list[Samples] = []
        self._utterance = self._brought = 0
        # With so much of it the recognizer hears something new, as far as it has told.
        self._news_at = 0
        # How many utterances are known to be over, and when there is news of the next one.
        self._finished = self._news_at_next = 0
        link.attach(self)

    async def send(self, samples: Samples) -> None:
        """Hand over audio of the running utterance; waits while the recognizer is behind.

        Raises:
            UnavailableError: The worker went away.
            InternalError: The engine failed.

        Cancellation: afterwards the stream is only good for closing.
        """
        self._unsent.append(samples)
        self._brought += len(samples)
        if self._brought >= self._news_at:
            self._send()
        await self._drain()

    async def hurry(self, *, finish_at_silence_ms: int | None = None) -> None:
        """Have what was sent decoded at once, and told by an event. Raises as `send`."""
        self._send()
        hurry = pb.Hurry(finish_at_silence_ms=finish_at_silence_ms)
        self._link.write(pb.Request(hurry=hurry).SerializeToString())
        await self._drain()

    async def finish(self) -> None:
        """End the utterance; its `Finished` comes as an event. Raises as `send`."""
        self._brought = self._news_at = 0
        if self._finished > self._utterance:
            # A hurry has finished it.
            self._utterance += 1
            self._news_at = self._news_at_next
            return
        self._send()
        finish = pb.Finish(utterance=self._utterance)
        self._link.write(pb.Request(finish=finish).SerializeToString())
        self._utterance += 1
        await self._drain()

    async def events(self) -> AsyncIterator[Heard | Finished]:
        """Yield events in the order of the audio; ends after `close`. Raises as `send`."""
        async for event in self._events.read():
            if self._is_held_back:
                self._is_held_back = False
                self._link.deliver()
                self._end_unless_held_back()
            yield event

    async def close(self) -> None:
        """Give the stream back at once. May be called more than once."""
        self._events.close()
        self._link.detach()
        self._drop(self._link)
        self._over.set()

    def take(self, message: bytes) -> bool:
        """Take an event, or the error that is the last message, from the link."""
        if self._over.is_set():
            return True
        if self._events.is_full:
            self._is_held_back = True
            return False
        try:
            event = decode_event(_response(message, "heard", "finished"))
        except RechkaError as error:
            self._fail(error)
            return True
        self._events.put(event)
        if isinstance(event, Finished):
            self._finished, self._news_at_next = event.utterance + 1, event.news_at
        if event.utterance + isinstance(event, Finished) == self._utterance:
            self._news_at = event.news_at
            if self._brought >= self._news_at:
                self._send()
        return True

    def link_can_write(self) -> None:
        """Do nothing: who writes waits itself."""

    def link_ended(self) -> None:
        """Learn that the connection is over; what was held back of it is still to come."""
        self._has_ended = True
        self._end_unless_held_back()

    def _end_unless_held_back(self) -> None:
        if self._has_ended and not self._is_held_back:
            self._fail(_lost())

    def _fail(self, error: RechkaError) -> None:
        """End the stream with an error; the first one counts."""
        self._events.fail(error)
        self._drop(self._link)
        self._over.set()

    def _send(self) -> None:
        """Send the audio that there is."""
        if not self._unsent:
            return
        samples = np.concatenate(self._unsent) if len(self._unsent) > 1 else self._unsent[0]
        self._unsent = []
        for start in range(0, len(samples), _MESSAGE_SAMPLES):
            part = samples[start : start + _MESSAGE_SAMPLES].astype("<f4", copy=False)
            self._link.write(pb.Request(audio=part.tobytes()).SerializeToString())

    async def _drain(self) -> None:
        """Wait while the recognizer is behind. Raises as `send`."""
        await self._link.drain()
        if self._link.is_ending:
            # Why is said by the last response, if there was one.
            await self._over.wait()
            raise self._events.error or _lost()


async def _next_response(link: Link, expected: str) -> pb.Response:
    """Return the next response, which must be of the expected kind. Raises as `_response`."""
    message = await link.read()
    if message is None:
        raise _lost()
    return _response(message, expected)


def _response(message: bytes, *expected: str) -> pb.Response:
    """Return the response in a message, which must be of an expected kind.

    Raises:
        RechkaError: What the recognizer has told as an error.
        UnavailableError: Something else speaks there.
    """
    try:
        response = pb.Response.FromString(message)
    except DecodeError:
        raise _lost() from None
    kind = response.WhichOneof("response")
    if kind == "error":
        error = error_of(response.error)
        # A recognizer that is ending is as good as gone.
        raise _lost() if isinstance(error, UnavailableError) else error
    if kind not in expected:
        raise _lost()
    return response


def _lost() -> UnavailableError:
    return UnavailableError(
        ErrorCode.WORKER_LOST,
        "The recognizer of this session ended unexpectedly; connect again",
        retry_after_s=0.5,
    )
