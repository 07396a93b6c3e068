"""The asynchronous client."""

import weakref
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import grpc.aio

from rechka.client.call import GrpcCall, SessionCall
from rechka.client.channel import Credentials, TlsConfig, call_metadata, explain, open_channel
from rechka.client.driver import Driver
from rechka.client.limits import SessionLimits
from rechka.client.retry import Retries, RetryPolicy
from rechka.client.rollover import Rollover
from rechka.client.sources import AudioSource, BytesSource
from rechka.client.stream import ResultStream
from rechka.client.transcript import join_finals
from rechka.errors import ErrorCode, RequestError, UnavailableError
from rechka.results import Final, Result
from rechka.spec import RecognitionSpec
from rechka.wire.codec_v2 import encode_config
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2_grpc as pb_grpc

__all__ = ["AsyncClient", "Audio"]

Audio = AudioSource | AsyncIterable[bytes] | Iterable[bytes] | bytes | bytearray | memoryview
"""What can be recognized: a source, or bytes in the format that the settings name."""

_DEFAULT_SPEC = RecognitionSpec()
_DEFAULT_LIMITS = SessionLimits()
_DEFAULT_RETRIES = RetryPolicy()


class AsyncClient:
    """A client of one server. It connects when it is first used.

        async with AsyncClient("localhost:50051", api_key=key) as client:
            async for result in client.stream(FileSource("speech.wav")):
                ...

    Args:
        endpoint: HOST:PORT of the server's gRPC API.
        token: IAM token, or a function that returns the current one at once; it
            is asked before each session.
        api_key: API key of a service account, instead of a token.
        folder_id: Folder of every session whose settings name none.
        tls: True for TLS with the well-known authorities, or whom to trust and
            who to be; False for plaintext.
        metadata: More metadata for each session, such as `x-client-request-id`.
        limits: What the server allows a session to carry.
        retries: How often and how soon a lost session is opened again.

    Raises:
        RequestError: Both a token and an API key are given.

    Threading: all methods belong to one event loop.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        token: str | Callable[[], str] | None = None,
        api_key: str | None = None,
        folder_id: str = "",
        tls: bool | TlsConfig = False,
        metadata: Sequence[tuple[str, str]] = (),
        limits: SessionLimits = _DEFAULT_LIMITS,
        retries: RetryPolicy = _DEFAULT_RETRIES,
    ) -> None:
        self._endpoint = endpoint
        self._credentials = Credentials(token=token, api_key=api_key)
        self._folder_id = folder_id
        self._tls = TlsConfig() if tls is True else (tls or None)
        self._metadata = tuple(metadata)
        self._limits = limits
        self._retries = retries
        self._channel: grpc.aio.Channel | None = None
        self._streams: weakref.WeakSet[ResultStream] = weakref.WeakSet()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End what still runs, with an UnavailableError, and disconnect.

        The client may be used again.
        """
        closed = UnavailableError(ErrorCode.UNAVAILABLE, "The client was closed")
        for stream in list(self._streams):
            await stream.fail(closed)
        if self._channel is not None:
            channel, self._channel = self._channel, None
            await channel.close()

    def stream(self, audio: Audio, spec: RecognitionSpec = _DEFAULT_SPEC) -> ResultStream:
        """Recognize audio while it comes, of any length.

        Sessions are opened as needed: the server's limits of length and size are
        no limits here, and a lost session is replaced. Times in the results count
        from the start of the audio all the same. After a change of session a
        partial may show less of an utterance than the one before it; finals are
        neither lost nor doubled.

        Args:
            audio: A source, which brings its own format along; or bytes in the
                encoding and at the rate of `spec`.
            spec: The settings.

        Returns:
            Partials, if `spec` asks for them, and finals. While they are not read,
            the server is held back. Iterating raises `RechkaError`: a RequestError
            for audio or settings that are not served, an AccessError for
            credentials, a CapacityError or UnavailableError when the tries are
            used up, an InternalError when the server failed.
        """
        stream = ResultStream(partial(self._run, audio, spec))
        self._streams.add(stream)
        return stream

    async def recognize(self, audio: Audio, spec: RecognitionSpec = _DEFAULT_SPEC) -> list[Final]:
        """Return all finals of the audio. Arguments and errors as `stream`."""
        stream = self.stream(audio, spec)
        try:
            return [result async for result in stream if isinstance(result, Final)]
        finally:
            await stream.aclose()

    async def transcribe(self, audio: Audio, spec: RecognitionSpec = _DEFAULT_SPEC) -> str:
        """Return the text of the audio. Arguments and errors as `stream`."""
        return join_finals(await self.recognize(audio, spec))

    async def _run(
        self,
        audio: Audio,
        spec: RecognitionSpec,
        deliver: Callable[[Result], Awaitable[None]],
    ) -> None:
        if isinstance(audio, str | Path):
            raise RequestError.about(
                "audio", "accepted: FileSource(path) for a file", got=f"{audio}"
            )
        if isinstance(audio, bytes | bytearray | memoryview):
            audio = [bytes(audio)]
        source = audio if isinstance(audio, AudioSource) else BytesSource(audio, spec)
        if self._channel is None:
            self._channel = open_channel(self._endpoint, self._tls)
        stub = pb_grpc.SttServiceStub(self._channel)
        spec = replace(spec, folder_id=spec.folder_id or self._folder_id)
        # Judged first: from its opening on a source is held, and has to be closed.
        encode_config(spec)
        form = await source.open()
        spec = replace(spec, encoding=form.encoding, sample_rate_hz=form.sample_rate_hz)

        explained = partial(explain, endpoint=self._endpoint, is_tls=self._tls is not None)

        def connect() -> SessionCall:
            metadata = call_metadata(self._credentials, spec, self._metadata)
            return GrpcCall(stub.StreamingRecognize(metadata=metadata), explain=explained)

        driver = Driver(
            rollover=Rollover(self._limits, single_utterance=spec.single_utterance),
            chunks=source.chunks(),
            config=encode_config(spec),
            connect=connect,
            retries=Retries(self._retries),
            idle_s=self._limits.idle_s,
        )
        await driver.run(deliver)
