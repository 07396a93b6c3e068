"""Recognizers for tests that need no model."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from rechka.recognition.engines.scripted import ScriptedEngine
from rechka.recognition.scheduler import Scheduler

__all__ = ["scripted_recognizer"]


@asynccontextmanager
async def scripted_recognizer(**options: Any) -> AsyncIterator[Scheduler]:
    """Run a `ScriptedEngine` in this process.

    Args:
        options: The engine's.
    """
    scheduler = Scheduler(ScriptedEngine(options))
    await scheduler.start()
    try:
        yield scheduler
    finally:
        await scheduler.close()
