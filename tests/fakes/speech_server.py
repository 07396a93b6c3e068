"""A small server of API version 2 that reads marked speech and can be told to fail."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import grpc.aio

from fakes.marked_opus import MarkedOpusReader
from fakes.marked_speech import MarkedRecognizer, Speech
from rechka.errors import ErrorCode, LimitError, RechkaError
from rechka.results import Final, Result
from rechka.wire.codec_v2 import encode_result
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2 as pb
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2_grpc as pb_grpc
from rechka.wire.status import to_status

TOO_LONG = LimitError(ErrorCode.SESSION_TOO_LONG, "Exceeded maximum allowed stream duration")


@dataclass
class Seen:
    """What one session brought."""

    metadata: dict[str, Any]
    config: pb.RecognitionConfig | None = None
    heard_ms: int = 0
    is_half_closed: asyncio.Event = field(default_factory=asyncio.Event)
    is_over: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Fault:
    """How a session breaks: with `error` when it has heard `after_ms` of audio."""

    error: RechkaError
    after_ms: int = 0


class SpeechServer(pb_grpc.SttServiceServicer):  # type: ignore[misc]
    """Answers with the words of a speech.

    Args:
        speech: What will be said.
        limit_ms: Longest session.
        faults: The first session takes the first, and so on; None does not break.
    """

    def __init__(
        self,
        speech: Speech,
        *,
        limit_ms: int = 20_000,
        faults: list[Fault | None] | None = None,
    ) -> None:
        self._speech = speech
        self._limit_ms = limit_ms
        self._faults = faults or []
        self.sessions: list[Seen] = []
        self.is_open = asyncio.Event()

    async def StreamingRecognize(  # noqa: N802
        self, request_iterator: AsyncIterator[pb.StreamingRecognitionRequest], context: Any
    ) -> None:
        """Serve one session."""
        seen = Seen(dict(context.invocation_metadata()))
        fault = self._faults[len(self.sessions)] if len(self.sessions) < len(self._faults) else None
        self.sessions.append(seen)
        self.is_open.set()
        request_id = f"request-{len(self.sessions)}"
        try:
            await context.send_initial_metadata((("x-request-id", request_id),))
            await self._serve(request_iterator, context, seen, fault)
        except RechkaError as error:
            code, message, trailing = to_status(error, request_id=request_id)
            await context.abort(code, message, trailing)
        finally:
            seen.is_over.set()

    async def _serve(self, requests: Any, context: Any, seen: Seen, fault: Fault | None) -> None:
        recognizer = MarkedRecognizer(self._speech.lengths)
        opus = MarkedOpusReader()
        async for request in requests:
            if request.WhichOneof("streaming_request") == "config":
                seen.config = request.config
                samples: array[int] = array("h")
            elif self._is_opus(seen):
                samples = opus.decode(request.audio_content)
            else:
                samples = array("h", request.audio_content)
            seen.heard_ms += len(samples)
            if fault is not None and seen.heard_ms >= fault.after_ms:
                raise fault.error
            if seen.heard_ms > self._limit_ms:
                raise TOO_LONG
            await self._send(context, seen, recognizer.hear(samples))
        seen.is_half_closed.set()
        await self._send(context, seen, recognizer.finish())

    @staticmethod
    def _is_opus(seen: Seen) -> bool:
        encoding = seen.config.specification.audio_encoding if seen.config else None
        return encoding == pb.RecognitionSpec.OGG_OPUS

    async def _send(self, context: Any, seen: Seen, results: list[Result]) -> None:
        wants_partials = seen.config is not None and seen.config.specification.partial_results
        for result in results:
            if wants_partials or isinstance(result, Final):
                await context.write(encode_result(result))


@dataclass
class Listening:
    """A server that runs, and where."""

    server: grpc.aio.Server
    endpoint: str

    async def __aenter__(self) -> Listening:
        await self.server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.server.stop(None)


def listen(
    servicer: SpeechServer,
    credentials: grpc.ServerCredentials | None = None,
    *,
    address: str = "",
) -> Listening:
    """Return a server on an address, or on a free port; entering it starts it."""
    server = grpc.aio.server()
    pb_grpc.add_SttServiceServicer_to_server(servicer, server)
    asked = address or "127.0.0.1:0"
    if credentials is None:
        port = server.add_insecure_port(asked)
    else:
        port = server.add_secure_port(asked, credentials)
    return Listening(server, address or f"localhost:{port}")
