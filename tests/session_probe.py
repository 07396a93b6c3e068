"""Opens a session and tells whether it was let in."""

import asyncio
from typing import Any

import grpc
import grpc.aio

from wire_client import AUDIO, audio, config

__all__ = ["try_session"]

_SPEECH_BYTES = 32_000


async def try_session(call: Any) -> bool:
    """Return whether a session was admitted; it stays open then.

    An admitted session is known by its first partial result, a refused one by
    its status. Any refusal but that of a quota is an error.
    """
    speech = (AUDIO / "speech-8k.pcm").read_bytes()[:_SPEECH_BYTES]
    try:
        for message in (config(partial_results=True), *audio(speech)):
            await call.write(message)
        return await call.read() is not grpc.aio.EOF
    except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
        # Writing to a call that has just been refused raises either of them, and
        # gRPC's client then may put an error of its own into the status's place.
        if await call.details() != "Internal error from Core":
            assert await call.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        return False
