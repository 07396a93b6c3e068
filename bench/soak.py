"""Many short sessions, one after the other: does memory grow, and does any of them fail?

    python bench/soak.py [--sessions 20000] [--at-once 8] [--workers 2] [--engine scripted]

A whole server is started in a process of its own, with a data folder that is thrown away.
Sessions say the bundled clip (LINEAR16_PCM, 8 kHz) as fast as it is taken; one in ten is
canceled in the middle. Every fortieth part of the run prints a row: sessions so far,
resident memory of the server and of its workers, the server's open descriptors. In the
end: the slope of each by least squares over the rows after the first quarter, while
memory settles, with its standard error, and the sessions by how they ended. Exits with 1
if a session ended with anything but OK, or CANCELLED where it was canceled.

The standard error takes the rows for independent. A slope is zero within noise if it is
less than two of them. Memory is taken while no session runs.
"""

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc.aio
import numpy as np
import psutil

from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2 as pb
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2_grpc as pb_grpc

CLIP = Path(__file__).resolve().parents[1] / "examples" / "audio" / "speech-8k.pcm"
CHUNK_BYTES = 4_000
CANCELED_EVERY = 10
ROWS = 40
SETTLING_SHARE = 0.25
HEAD = ("sessions", "server, MB", "workers, MB", "descriptors")
LINE = "{:>9} {:>12} {:>12} {:>12}"
MB = 2**20


def settings(arguments: argparse.Namespace) -> str:
    """Return the server's settings as TOML."""
    return f"""
[server]
grpc_address = "127.0.0.1:0"
http_address = "127.0.0.1:0"
[access]
sessions_per_s = 0
concurrent_sessions = 0
[limits]
idle_s = 600.0
[recognition]
engine = {json.dumps(arguments.engine)}
workers = {arguments.workers}
"""


@asynccontextmanager
async def serving(
    folder: Path, arguments: argparse.Namespace
) -> AsyncIterator[tuple[int, str, str]]:
    """Run a server; yield its process id, its address and a token."""
    rechka = (sys.executable, "-m", "rechka")
    config, data = folder / "rechka.toml", ("--data-dir", str(folder / "data"))
    config.write_text(settings(arguments))
    pipe = asyncio.subprocess.PIPE
    access = await asyncio.create_subprocess_exec(
        *rechka, "access", "bootstrap", *data, "--json", stdout=pipe
    )
    token = json.loads((await access.communicate())[0])["iam_token"]
    server = await asyncio.create_subprocess_exec(
        *rechka, "serve", "--config", str(config), *data, "--log-level", "error", stderr=pipe
    )
    assert server.stderr is not None
    text = ""
    while "\nready:" not in text:
        line = await server.stderr.readline()
        if not line:
            raise SystemExit(f"the server did not start:\n{text}")
        text += line.decode()
    passing_on = asyncio.create_task(pass_on(server.stderr))
    found = re.search(r"gRPC on (\S+),", text)
    assert found
    try:
        yield server.pid, found[1], token
    finally:
        server.terminate()
        await server.wait()
        await passing_on


async def pass_on(lines: asyncio.StreamReader) -> None:
    """Show what the server logs."""
    async for line in lines:
        sys.stderr.write(line.decode())


async def session(stub: Any, token: str, messages: Sequence[Any], *, cancels: bool) -> str:
    """Hold one session; return the name of its status."""
    call = stub.StreamingRecognize(metadata=(("authorization", f"Bearer {token}"),))
    try:
        for message in messages[: len(messages) // 2 if cancels else None]:
            await call.write(message)
        if cancels:
            await call.read()
            call.cancel()
        else:
            await call.done_writing()
            finals = 0
            while (answer := await call.read()) is not grpc.aio.EOF:
                finals += answer.chunks[0].final
            if not finals:
                return "OK without a final"
    except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
        # Its status says why.
        pass
    return str((await call.code()).name)


def measure(server: psutil.Process) -> tuple[float, float, float]:
    """Return resident MB of the server and of its workers, and the server's descriptors."""
    workers = sum(child.memory_info().rss for child in server.children(recursive=True))
    return server.memory_info().rss / MB, workers / MB, server.num_fds()


def slope(sessions: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """Return the slope by least squares, and its standard error."""
    x, y = np.asarray(sessions, dtype=float), np.asarray(values, dtype=float)
    spread = x - x.mean()
    total = float((spread**2).sum())
    found = float((spread * y).sum()) / total
    left = y - y.mean() - found * spread
    return found, float(np.sqrt((left**2).sum() / (len(x) - 2) / total))


def report(rows: Sequence[tuple[float, ...]]) -> None:
    """Print the slopes."""
    settled = rows[round(len(rows) * SETTLING_SHARE) :]
    if len(settled) < 3:
        print("too few rows for a slope")
        return
    counts = [row[0] for row in settled]
    print(f"\nslopes over the last {len(settled)} rows, for 1000 sessions:")
    for column, name in enumerate(HEAD[1:], start=1):
        found, error = slope(counts, [row[column] for row in settled])
        verdict = "zero within noise" if abs(found) < 2 * error or not found else "not zero"
        print(f"  {name:<12} {1000 * found:+10.4f} ± {1000 * error:.4f}   {verdict}")


async def soak(arguments: argparse.Namespace, folder: Path) -> bool:
    """Run the sessions; return whether all ended as they should."""
    spec = pb.RecognitionSpec(
        language_code="en-US",
        audio_encoding=pb.RecognitionSpec.LINEAR16_PCM,
        sample_rate_hertz=8000,
        partial_results=True,
    )
    pcm = CLIP.read_bytes()
    messages = [pb.StreamingRecognitionRequest(config=pb.RecognitionConfig(specification=spec))]
    messages += [
        pb.StreamingRecognitionRequest(audio_content=pcm[start : start + CHUNK_BYTES])
        for start in range(0, len(pcm), CHUNK_BYTES)
    ]
    outcomes: Counter[str] = Counter()
    rows = []
    async with (
        serving(folder, arguments) as (pid, address, token),
        grpc.aio.insecure_channel(address) as channel,
    ):
        server, stub = psutil.Process(pid), pb_grpc.SttServiceStub(channel)
        print(LINE.format(*HEAD))
        every = max(1, arguments.sessions // ROWS)
        for first in range(0, arguments.sessions, every):
            left = iter(range(first, min(first + every, arguments.sessions)))

            async def work(left: Any = left) -> None:
                for number in left:
                    cancels = number % CANCELED_EVERY == CANCELED_EVERY - 1
                    status = await session(stub, token, messages, cancels=cancels)
                    outcomes[f"{status}{', canceled' * cancels}"] += 1

            await asyncio.gather(*(work() for _ in range(arguments.at_once)))
            rows.append((outcomes.total(), *measure(server)))
            print(LINE.format(rows[-1][0], *(f"{value:.1f}" for value in rows[-1][1:])), flush=True)
    report(rows)
    print("\nsessions by their end:")
    for name, count in outcomes.most_common():
        print(f"  {name:<24} {count}")
    return set(outcomes) <= {"OK", "CANCELLED, canceled"}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=20_000)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--engine", default="scripted")
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    with tempfile.TemporaryDirectory() as folder:
        is_good = asyncio.run(soak(parser.parse_args(), Path(folder)))
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
