"""Opens a session and tells whether it was let in."""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio

from wire_client import AUDIO, audio, config, outcome_of

__all__ = ["admitted"]

_SPEECH_BYTES = 32_000


async def admitted(open_call: Callable[[], Any]) -> Any:
    """Return the call of a session that was admitted and stays open; None if it was refused.

    An admitted session is known by its first partial result, a refused one by
    its status; one whose status was lost is tried again. Any refusal but that of a quota
    is an error.
    """
    speech = (AUDIO / "speech-8k.pcm").read_bytes()[:_SPEECH_BYTES]
    while True:
        call = open_call()
        try:
            for message in (config(partial_results=True), *audio(speech)):
                await call.write(message)
            if await call.read() is not grpc.aio.EOF:
                return call
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            # Writing to a call that has just been refused raises either of them.
            pass
        outcome = await outcome_of(call)
        if not outcome.is_status_lost:
            assert outcome.code is grpc.StatusCode.RESOURCE_EXHAUSTED
            return None
