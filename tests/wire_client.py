"""A raw client of the generated stubs, for the tests of the wire."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from rechka.access.bootstrap import DevelopmentAccess
from rechka.bootstrap import Server
from rechka.errors import RechkaError
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2 as pb
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2_grpc as pb_grpc
from rechka.wire.status import from_status

AUDIO = Path(__file__).parents[1] / "examples" / "audio"
SCRIPT = ["hello world", "i would like a cup of coffee", "please call me tomorrow morning"]
Message = pb.StreamingRecognitionRequest
STATUS_LOST = "Internal error from Core"
"""What grpcio says where it has lost the status of the server."""


@dataclass
class Outcome:
    """What one session brought: results, and the error if it did not end well."""

    chunks: list[pb.SpeechRecognitionChunk]
    error: RechkaError | None
    code: grpc.StatusCode
    initial_metadata: dict[str, Any]

    @property
    def is_status_lost(self) -> bool:
        """Whether the client's own library gave up writing before it read the server's status.

        Its own words stand in the status's place then, and the call was ended by the server.
        """
        return self.error is not None and self.error.message == STATUS_LOST

    @property
    def finals(self) -> list[str]:
        return [chunk.alternatives[0].text for chunk in self.chunks if chunk.final]

    @property
    def partials(self) -> list[str]:
        return [chunk.alternatives[0].text for chunk in self.chunks if not chunk.final]


@dataclass
class Running:
    """A running server and credentials for it."""

    server: Server
    access: DevelopmentAccess
    channel: grpc.aio.Channel

    def metadata(self, **others: str) -> list[tuple[str, str]]:
        own = {"authorization": f"Bearer {self.access.iam_token}"}
        own |= {name.replace("_", "-"): value for name, value in others.items()}
        return [(name, value) for name, value in own.items() if value]

    def open(
        self,
        messages: Any = None,
        *,
        timeout: float = 600,
        metadata: dict[str, str] | None = None,
    ) -> Any:
        stub = pb_grpc.SttServiceStub(self.channel)
        return stub.StreamingRecognize(
            messages, metadata=self.metadata(**metadata or {}), timeout=timeout
        )

    async def begin(self, pcm: bytes) -> Any:
        """Return the call of a session with audio, once its first partial result has come."""
        call = self.open()
        await call.write(config(partial_results=True))
        for message in audio(pcm):
            await call.write(message)
        await call.read()
        return call

    async def recognize(self, messages: Iterable[Message], **metadata: str) -> Outcome:
        return await outcome_of(self.open(iter(messages), metadata=metadata))


async def told(hold: Callable[[], Awaitable[Outcome]]) -> Outcome:
    """Hold sessions until one ends with a status that the server said."""
    while (outcome := await hold()).is_status_lost:
        pass
    return outcome


async def outcome_of(call: Any) -> Outcome:
    """Read a call to its end."""
    chunks: list[pb.SpeechRecognitionChunk] = []
    error = None
    try:
        while (response := await call.read()) is not grpc.aio.EOF:
            assert len(response.chunks) == 1
            assert len(response.chunks[0].alternatives) >= 1
            chunks.append(response.chunks[0])
    except asyncio.CancelledError:
        # A call that its own test has canceled ends so.
        if not call.cancelled():
            raise
    except grpc.aio.AioRpcError as failure:
        error = from_status(
            failure.code(), failure.details(), tuple(failure.trailing_metadata() or ())
        )
    return Outcome(chunks, error, await call.code(), dict(await call.initial_metadata() or ()))


def config(folder_id: str = "", **specification: Any) -> Message:
    """Return a first message: 8 kHz PCM in English, unless it says otherwise."""
    values = {
        "language_code": "en-US",
        "audio_encoding": "LINEAR16_PCM",
        "sample_rate_hertz": 8000,
        **specification,
    }
    spec = pb.RecognitionSpec(**values)
    return Message(config=pb.RecognitionConfig(specification=spec, folder_id=folder_id))


def audio(data: bytes, *, chunk_bytes: int = 4000) -> list[Message]:
    """Return messages with these bytes."""
    starts = range(0, len(data), chunk_bytes)
    return [Message(audio_content=data[start : start + chunk_bytes]) for start in starts]


Start = Callable[..., Awaitable[Running]]
"""The fixture `start`: starts a server with the sections of settings that it is given."""
