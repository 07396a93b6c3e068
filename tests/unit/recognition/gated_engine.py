"""A scripted engine whose decoding a test can hold, watch and break."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from typing import Any

import numpy as np

from rechka.audio.samples import Samples
from rechka.recognition.engines.scripted import ScriptedEngine
from rechka.recognition.port import EngineStream, Finished, Heard, StreamOptions
from rechka.recognition.scheduled_stream import ScheduledStream

__all__ = ["OPTIONS", "GatedEngine", "entered", "finished", "heard_ms", "silence"]

OPTIONS = StreamOptions(language="en-US", model="general", sample_rate_hz=8_000, max_alternatives=3)


def silence(ms: int) -> Samples:
    """Return so much audio at the rate of `OPTIONS`."""
    return np.zeros(ms * 8, dtype=np.float32)


class GatedEngine(ScriptedEngine):
    """Notes each batch that it decodes, and decodes only while its gate is open."""

    def __init__(self, **options: Any) -> None:
        super().__init__({"lines": ["one two three four five six seven"], **options})
        self.gate = threading.Event()
        self.gate.set()
        self.opening_gate = threading.Event()
        self.opening_gate.set()
        self.entered = threading.Event()
        self.batches: list[list[tuple[EngineStream, int]]] = []
        self.threads: set[int] = set()
        self.opening_fails_with: Exception | None = None
        self.closed = 0

    def open(self, options: StreamOptions) -> Any:
        self.threads.add(threading.get_ident())
        assert self.opening_gate.wait(120)
        if self.opening_fails_with is not None:
            raise self.opening_fails_with
        return super().open(options)

    def accept(self, batch: Sequence[tuple[EngineStream, Samples]]) -> None:
        self.threads.add(threading.get_ident())
        self.entered.set()
        assert self.gate.wait(120)
        self.batches.append([(stream, len(samples)) for stream, samples in batch])
        super().accept(batch)

    def close(self) -> None:
        self.closed += 1


async def finished(stream: ScheduledStream) -> Finished:
    """Return the next settled utterance."""
    async for event in stream.events():
        if isinstance(event, Finished):
            return event
    raise AssertionError("the events ended")


async def heard_ms(events: AsyncIterator[Heard | Finished]) -> int:
    """Return how far the next event, an observation, is."""
    event = await anext(events)
    assert isinstance(event, Heard)
    return event.decoded_ms


async def entered(engine: GatedEngine) -> None:
    """Wait until the engine's thread is inside `accept`."""
    assert await asyncio.to_thread(engine.entered.wait, 120)
