"""What goes wrong around a server: what clients see, what the operator, what comes back.

docs/operations.md tells it line by line.
"""

import asyncio
import fcntl
import json
import os
import re
import resource
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import grpc
import grpc.aio
import httpx
import psutil
from grpc_health.v1 import health_pb2, health_pb2_grpc

from access_fixtures import manage
from e2e.test_commands import RECHKA
from rechka.errors import ErrorCode
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2_grpc as pb_grpc
from wire_client import AUDIO, Message, Outcome, audio, config, outcome_of, told

Status = grpc.StatusCode
JUMPING = (sys.executable, str(Path(__file__).with_name("jumping_clock.py")))
SETTINGS = """
[server]
grpc_address = "127.0.0.1:0"
http_address = "127.0.0.1:0"
[access]
sessions_per_s = 0
[limits]
idle_s = 600.0
[recognition]
engine = "scripted"
workers = 1
"""
PCM = (AUDIO / "speech-8k.pcm").read_bytes()
MESSAGES = audio(PCM)
HALF = len(MESSAGES) // 2


@dataclass
class Session:
    """A session that was admitted and has heard half of the speech."""

    call: Any

    async def finish(self) -> Outcome:
        for message in MESSAGES[HALF:]:
            await self.call.write(message)
        await self.call.done_writing()
        return await outcome_of(self.call)


class Service:
    """A server in a process of its own, its log, and a connection to it."""

    def __init__(self, process: asyncio.subprocess.Process, access: dict[str, str]) -> None:
        self.process = process
        self.access = access
        self.lines: list[str] = []
        self._has_line = asyncio.Condition()
        self._collecting = asyncio.create_task(self._collect())
        self.channel: grpc.aio.Channel
        self.http = ""

    async def _collect(self) -> None:
        if self.process.stderr is None:
            # Somebody else has its log.
            return
        async for line in self.process.stderr:
            async with self._has_line:
                self.lines.append(line.decode())
                self._has_line.notify_all()

    async def said(self, pattern: str) -> re.Match[str]:
        """Wait for a line of the log."""
        async with asyncio.timeout(120), self._has_line:
            while not (found := re.search(pattern, "".join(self.lines), re.MULTILINE)):
                await self._has_line.wait()
        return found

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return what was logged under a name."""
        found = [json.loads(line) for line in self.lines if line.startswith("{")]
        return [item for item in found if item["event"] == name]

    def open(
        self, *, authorization: str = "", channel: grpc.aio.Channel | None = None, **options: Any
    ) -> Any:
        scheme = authorization or f"Bearer {self.access['iam_token']}"
        stub = pb_grpc.SttServiceStub(channel or self.channel)
        return stub.StreamingRecognize(metadata=(("authorization", scheme),), **options)

    async def begin(self) -> Session:
        call = self.open()
        for message in (config(partial_results=True), *MESSAGES[:HALF]):
            await call.write(message)
        # A result shows that it was admitted.
        assert await call.read() is not grpc.aio.EOF
        return Session(call)

    async def recognize(self, messages: list[Message] | None = None, **options: Any) -> Outcome:
        """Hold a session; one whose status was lost is held again."""
        return await told(lambda: self._try(messages, **options))

    async def _try(self, messages: list[Message] | None, **options: Any) -> Outcome:
        call = self.open(**options)
        try:
            for message in messages or [config()]:
                await call.write(message)
            await call.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            # It has been refused already.
            pass
        return await outcome_of(call)

    async def recovered(self, **options: Any) -> None:
        """Try until a whole session is served again."""
        async with asyncio.timeout(120):
            while len((await self.recognize([config(), *MESSAGES], **options)).finals) != 3:
                pass

    async def metric(self, line: str) -> float:
        async with httpx.AsyncClient(base_url=f"http://{self.http}") as http:
            text = (await http.get("/metrics")).text
        found = re.search(rf"^{re.escape(line)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    @contextmanager
    def limited(self, kind: int, most: int) -> Iterator[None]:
        """Give the process as little as this of something."""
        before = resource.prlimit(self.process.pid, kind)
        resource.prlimit(self.process.pid, kind, (most, before[1]))
        try:
            yield
        finally:
            resource.prlimit(self.process.pid, kind, before)

    async def stop(self) -> int:
        if self.process.returncode is None:
            self.process.terminate()
        await self.process.wait()
        await self._collecting
        assert self.process.returncode is not None
        return self.process.returncode


@asynccontextmanager
async def serving(
    folder: Path, *, program: tuple[str, ...] = RECHKA, settings: str = SETTINGS
) -> AsyncIterator[Service]:
    """Run a server; what was started is stopped at the end."""
    (folder / "rechka.toml").write_text(settings)
    access = manage(folder / "data", "bootstrap")
    command = ("serve", "--config", str(folder / "rechka.toml"), "--data-dir", str(folder / "data"))
    process = await asyncio.create_subprocess_exec(
        *program, *command, stderr=asyncio.subprocess.PIPE
    )
    service = Service(process, access)
    try:
        found = await service.said(r"^gRPC on (\S+), HTTP on (\S+)$")
        await service.said(r"^ready: ")
        service.http = found[2]
        async with grpc.aio.insecure_channel(found[1]) as service.channel:
            # What is taken from the server afterwards must not be what a client waits for.
            await service.channel.channel_ready()
            yield service
    finally:
        await service.stop()


async def test_a_worker_that_is_killed_is_told_in_the_log_and_in_the_metrics(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as service:
        session = await service.begin()
        children = psutil.Process(service.process.pid).children()
        (worker,) = [item for item in children if "rechka.worker" in " ".join(item.cmdline())]
        worker.kill()
        outcome = await outcome_of(session.call)
        assert outcome.code is Status.UNAVAILABLE
        assert outcome.error is not None
        assert outcome.error.code is ErrorCode.WORKER_LOST
        await service.recovered()
        await service.said('"worker_ended"')
        assert [event["exit_code"] for event in service.events("worker_ended")] == [-9]
        assert await service.metric('rechka_errors_total{code="WORKER_LOST"}') == 1
        async with asyncio.timeout(120):
            # The workers are measured once a second.
            while await service.metric("rechka_worker_restarts_total") != 1:
                pass


async def test_a_server_that_was_killed_serves_again_with_what_it_knew(tmp_path: Path) -> None:
    async with serving(tmp_path) as service:
        session = await service.begin()
        workers = psutil.Process(service.process.pid).children()
        service.process.kill()
        assert (await outcome_of(session.call)).code is Status.UNAVAILABLE
        access = service.access
        await asyncio.to_thread(psutil.wait_procs, workers, timeout=120)
        assert not any(worker.is_running() for worker in workers)
    async with serving(tmp_path) as service:
        assert service.access["api_key"] == access["api_key"]
        for scheme in (f"Bearer {access['iam_token']}", f"Api-Key {access['api_key']}"):
            outcome = await service.recognize([config(), *MESSAGES], authorization=scheme)
            assert (outcome.error, len(outcome.finals)) == (None, 3)


async def test_without_free_descriptors_running_sessions_go_on_and_others_come_back(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as service:
        session = await service.begin()
        address = (await service.said(r"^gRPC on (\S+),"))[1]
        other = (("grpc.use_local_subchannel_pool", 1),)
        # Its first three are always in use.
        with service.limited(resource.RLIMIT_NOFILE, 3):
            async with grpc.aio.insecure_channel(address, options=other) as channel:
                late = await service.recognize(channel=channel, timeout=2)
            assert late.code in {Status.UNAVAILABLE, Status.DEADLINE_EXCEEDED}
            refused = await service.recognize()
            assert refused.error is not None
            assert refused.error.code is ErrorCode.OVERLOADED
            outcome = await session.finish()
            assert (outcome.error, len(outcome.finals)) == (None, 3)
        async with grpc.aio.insecure_channel(address, options=other) as channel:
            await service.recovered(channel=channel, timeout=60)
        assert await service.metric("process_open_fds") > 3


async def test_a_worker_that_ends_without_free_descriptors_comes_back_later(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as service:
        with service.limited(resource.RLIMIT_NOFILE, 3):
            psutil.Process(service.process.pid).children()[0].kill()
            await service.said('"worker_did_not_start"')
            assert (await service.recognize()).code is Status.UNAVAILABLE
        await service.recovered()


async def test_a_full_disk_refuses_new_sessions_ends_none_and_is_told(tmp_path: Path) -> None:
    # What the running session uses is written, and cannot be, once a second.
    settings = SETTINGS.replace("[access]", "[access]\nlease_s = 4.0")
    async with serving(tmp_path, settings=settings) as service:
        session = await service.begin()
        # No file may grow past its first byte.
        with service.limited(resource.RLIMIT_FSIZE, 1):
            refused = await service.recognize()
            while refused.error is None:
                refused = await service.recognize()
            assert refused.code is Status.UNAVAILABLE
            assert refused.error.code is ErrorCode.UNAVAILABLE
            assert refused.error.retryable
            outcome = await session.finish()
            assert (outcome.error, len(outcome.finals)) == (None, 3)
            await service.said('"access_trouble"')
        await service.recovered()


@asynccontextmanager
async def logging_to(folder: Path, log: int) -> AsyncIterator[Service]:
    """Run a server whose standard error is a descriptor; it must end well."""
    ports = []
    for _ in range(2):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            ports.append(listener.getsockname()[1])
    settings = SETTINGS
    for port in ports:
        settings = settings.replace("127.0.0.1:0", f"127.0.0.1:{port}", 1)
    (folder / "rechka.toml").write_text(settings)
    data = ("--data-dir", str(folder / "data"))
    access = manage(folder / "data", "bootstrap")
    process = await asyncio.create_subprocess_exec(
        *(*RECHKA, "serve", "--config", str(folder / "rechka.toml"), *data), stderr=log
    )
    service = Service(process, access)
    service.http = f"127.0.0.1:{ports[1]}"
    try:
        # Nobody listens at first.
        often = [(f"grpc.{kind}_reconnect_backoff_ms", 100) for kind in ("initial", "min", "max")]
        address = f"127.0.0.1:{ports[0]}"
        async with grpc.aio.insecure_channel(address, options=often) as service.channel:
            states = health_pb2_grpc.HealthStub(service.channel).Watch(
                health_pb2.HealthCheckRequest(), wait_for_ready=True
            )
            async for state in states:
                if state.status == health_pb2.HealthCheckResponse.SERVING:
                    break
            states.cancel()
            yield service
        assert await service.stop() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_log_that_cannot_be_written_harms_no_session(tmp_path: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    async with logging_to(tmp_path, full) as service:
        os.close(full)
        outcome = await service.recognize([config(), *MESSAGES])
        assert (outcome.error, len(outcome.finals)) == (None, 3)
        assert await service.metric("rechka_log_lines_dropped_total") > 0


async def test_a_log_that_nobody_reads_keeps_no_session_waiting(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    with os.fdopen(reading) as log:
        async with logging_to(tmp_path, writing) as service:
            os.close(writing)
            # Their lines are several times as long as what the pipe holds.
            for _ in range(50):
                outcome = await service.recognize(timeout=60)
                assert outcome.error is None
            lines = await asyncio.to_thread(read_until, log, '"session_ended"', 50)
            assert '"log_lines_dropped"' not in "".join(lines)
            for _ in range(50):
                assert (await service.recognize(timeout=60)).error is None
            # It ends with lines that were never read.


def read_until(log: TextIO, part: str, count: int) -> list[str]:
    """Read lines until so many have a part."""
    lines: list[str] = []
    while sum(part in line for line in lines) < count:
        lines.append(log.readline())
    return lines


async def test_a_wall_clock_that_jumps_ends_no_session(tmp_path: Path) -> None:
    offset = tmp_path / "offset"
    offset.write_text("0")

    def jump(seconds: float) -> None:
        new = tmp_path / "new"
        new.write_text(str(seconds))
        new.replace(offset)

    # One in any second: a lease that never grows old would refuse all others.
    settings = SETTINGS.replace("sessions_per_s = 0", "sessions_per_s = 1")
    async with serving(tmp_path, program=(*JUMPING, str(offset)), settings=settings) as service:
        key = f"Api-Key {service.access['api_key']}"
        session = await service.begin()
        jump(13 * 3600)
        expired = await service.recognize()
        assert expired.code is Status.UNAUTHENTICATED
        assert expired.error is not None
        assert expired.error.message == "The token has expired"
        await service.recovered(authorization=key)
        jump(-3600)
        early = await service.recognize()
        assert early.error is not None
        assert early.error.message == "The token is invalid"
        await service.recovered(authorization=key)
        outcome = await session.finish()
        assert (outcome.error, len(outcome.finals)) == (None, 3)
        jump(0)
        await service.recovered()
