"""The client for programs without an event loop."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

from rechka.client.aio import AsyncClient, Audio
from rechka.client.channel import TlsConfig
from rechka.client.limits import SessionLimits
from rechka.client.retry import RetryPolicy
from rechka.client.stream import ResultStream
from rechka.errors import ErrorCode, UnavailableError
from rechka.results import Final, Result
from rechka.spec import RecognitionSpec

__all__ = ["Client"]

_T = TypeVar("_T")
_DEFAULT_SPEC = RecognitionSpec()
_DEFAULT_LIMITS = SessionLimits()
_DEFAULT_RETRIES = RetryPolicy()


class Client:
    """`AsyncClient` without the `await`: the same names, arguments and errors.

        with Client("localhost:50051", api_key=key) as client:
            print(client.transcribe(FileSource("speech.wav")))

    Threading: methods may be called by any thread; the work is done in one of the
    client's own.
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
        self._client = AsyncClient(
            endpoint,
            token=token,
            api_key=api_key,
            folder_id=folder_id,
            tls=tls,
            metadata=metadata,
            limits=limits,
            retries=retries,
        )
        self._lock = threading.Lock()
        self._is_closed = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._work, name="rechka-client", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End what still runs, and disconnect. The client cannot be used again.

        Whoever tries meets an UnavailableError, also who reads on in a stream.
        """
        with self._lock:
            is_first, self._is_closed = not self._is_closed, True
        if is_first:
            asyncio.run_coroutine_threadsafe(self._client.close(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def stream(self, audio: Audio, spec: RecognitionSpec = _DEFAULT_SPEC) -> Iterator[Result]:
        """Recognize audio while it comes; see `AsyncClient.stream`."""
        results = self._wait(lambda: self._open(audio, spec))
        try:
            while (result := self._wait(lambda: anext(results, None))) is not None:
                yield result
        finally:
            # A client that is closed has ended its streams.
            with suppress(UnavailableError):
                self._wait(results.aclose)

    def recognize(self, audio: Audio, spec: RecognitionSpec = _DEFAULT_SPEC) -> list[Final]:
        """Return all finals of the audio; see `AsyncClient.recognize`."""
        return self._wait(lambda: self._client.recognize(audio, spec))

    def transcribe(self, audio: Audio, spec: RecognitionSpec = _DEFAULT_SPEC) -> str:
        """Return the text of the audio; see `AsyncClient.transcribe`."""
        return self._wait(lambda: self._client.transcribe(audio, spec))

    async def _open(self, audio: Audio, spec: RecognitionSpec) -> ResultStream:
        return self._client.stream(audio, spec)

    def _wait(self, begin: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        # What is begun after the client has closed would wait for ever.
        with self._lock:
            if self._is_closed:
                raise UnavailableError(ErrorCode.UNAVAILABLE, "The client was closed")
            future = asyncio.run_coroutine_threadsafe(begin(), self._loop)
        try:
            return future.result()
        except BaseException:
            # An interrupted caller must leave nothing running behind.
            future.cancel()
            raise

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            left = asyncio.all_tasks(self._loop)
            for task in left:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()
