"""A real server on a free port."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc.aio
import pytest

from rechka.bootstrap import Server
from rechka.recognition.port import Recognizer
from rechka.session.clock import Clock
from rechka.settings import load_settings
from rechka.testing.server import scripted_recognizer
from wire_client import AUDIO, SCRIPT, Running, Start


@pytest.fixture(scope="session")
def pcm() -> bytes:
    """Three utterances, LINEAR16_PCM, 8 kHz."""
    return (AUDIO / "speech-8k.pcm").read_bytes()


@pytest.fixture(scope="session")
def opus() -> bytes:
    """The same three utterances as Ogg Opus."""
    return (AUDIO / "speech.ogg").read_bytes()


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Start servers; all are stopped after the test."""
    async with AsyncExitStack() as stack:

        async def begin(
            *,
            recognizer: Recognizer | None = None,
            lines: Sequence[str] = SCRIPT,
            clock: Clock | None = None,
            engine_options: dict[str, Any] | None = None,
            **sections: dict[str, Any],
        ) -> Running:
            if recognizer is None:
                options = {"lines": list(lines), **(engine_options or {})}
                recognizer = await stack.enter_async_context(scripted_recognizer(**options))
            ports = {"grpc_address": "127.0.0.1:0", "http_address": "127.0.0.1:0"}
            # A loaded machine may take long between two messages and to end a session.
            # Who tests these limits sets them, or brings a clock of its own.
            patience_s = 600.0
            own = {**ports, "drain_grace_s": patience_s}
            sections["server"] = {**own, **sections.get("server", {})}
            if clock is None:
                sections["limits"] = {"idle_s": patience_s, **sections.get("limits", {})}
            # Tests open sessions faster than the default quota lets a client.
            sections["access"] = {"sessions_per_s": 0, **sections.get("access", {})}
            settings = load_settings(overrides={"data_dir": tmp_path, **sections})
            server = await stack.enter_async_context(
                Server(settings, recognizer=recognizer, clock=clock)
            )
            await server.wait_ready()
            access = await server.create_development_access()
            channel = await stack.enter_async_context(
                grpc.aio.insecure_channel(server.grpc_address)
            )
            return Running(server, access, channel)

        yield begin
