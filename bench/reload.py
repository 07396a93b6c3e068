"""What a change of model costs: memory before, while both models run, and afterwards.

    python bench/reload.py [--sessions 20] [--workers 2] [--rounds 3] [--model FOLDER]

A whole server serves a copy of a model; sessions say the bundled Russian clip over and
over, as fast as it is decoded. Then a second copy is selected. When it serves, the old
sessions end, and with them the old workers. Both copies are the same model, so that what
differs in memory was not given back, and what differs in texts was lost. Memory is the
resident memory of the server's process and of its workers.
"""

import argparse
import asyncio
import contextlib
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import grpc.aio
import numpy as np
import psutil
import soxr

from rechka.audio.samples import to_pcm16
from rechka.bootstrap import Server
from rechka.catalog.local import models_folder, starter_models
from rechka.catalog.selection import change_selection
from rechka.observability.logs import configure_logging
from rechka.recognition.pool import WorkerPool
from rechka.settings import load_settings
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2 as pb
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2_grpc as pb_grpc

CLIP = Path(__file__).resolve().parents[1] / "examples" / "audio" / "speech-ru.ogg"
LANGUAGE = "ru-RU"
RATE_HZ = 16_000
CHUNK_BYTES = 6_400
CLIP_UTTERANCES = 3
PAUSE_S = 2
QUIET_ROUNDS = 20
HEAD = ("MB of resident memory", "server", "workers", "sum", "workers", "sessions")
ROW = "{:<34} {:>8} {:>8} {:>8} {:>8} {:>9}"


@dataclass
class Tally:
    """What all sessions came to."""

    utterances: int = 0
    other_texts: int = 0
    errors: list[str] = field(default_factory=list)


def clip() -> bytes:
    """Return the clip as PCM, with a pause that ends its last utterance."""
    with av.open(str(CLIP)) as container:
        blocks = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    samples = soxr.resample(np.concatenate(blocks).astype(np.float32), 48_000, RATE_HZ)
    return to_pcm16(np.concatenate([samples, np.zeros(PAUSE_S * RATE_HZ, dtype=np.float32)]))


async def say(call: Any, pcm: bytes) -> list[str]:
    """Say the clip once; return what was heard."""
    for start in range(0, len(pcm), CHUNK_BYTES):
        part = pcm[start : start + CHUNK_BYTES]
        await call.write(pb.StreamingRecognitionRequest(audio_content=part))
    finals: list[str] = []
    while len(finals) < CLIP_UTTERANCES:
        response = await call.read()
        if response is grpc.aio.EOF:
            raise RuntimeError(f"the session ended with {await call.code()}")
        finals.append(response.chunks[0].alternatives[0].text)
    return finals


@dataclass
class Bench:
    """A server and the sessions on it."""

    server: Server
    pool: WorkerPool
    stub: Any
    metadata: list[tuple[str, str]]
    pcm: bytes
    expected: list[set[str]] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    most: int = 0
    running: int = 0

    async def open(self) -> Any:
        """Return a session."""
        call = self.stub.StreamingRecognize(metadata=self.metadata)
        spec = pb.RecognitionSpec(
            language_code=LANGUAGE,
            audio_encoding=pb.RecognitionSpec.LINEAR16_PCM,
            sample_rate_hertz=RATE_HZ,
            raw_results=True,
        )
        first = pb.RecognitionConfig(specification=spec)
        await call.write(pb.StreamingRecognitionRequest(config=first))
        return call

    async def learn(self) -> None:
        """Note what is heard of each utterance without a change; it is not always the same."""
        call = await self.open()
        rounds = [await say(call, self.pcm) for _ in range(QUIET_ROUNDS)]
        self.expected = [set(texts) for texts in zip(*rounds, strict=True)]
        await call.done_writing()

    async def talk(self, until: asyncio.Event, has_begun: asyncio.Event) -> None:
        """Say the clip over and over in one session."""
        self.running += 1
        try:
            call = await self.open()
            while not until.is_set():
                heard = await say(call, self.pcm)
                self.tally.utterances += len(heard)
                pairs = zip(heard, self.expected, strict=True)
                self.tally.other_texts += sum(text not in known for text, known in pairs)
                has_begun.set()
            await call.done_writing()
            if await call.read() is not grpc.aio.EOF:
                self.tally.errors.append("a result too many")
        except (grpc.aio.AioRpcError, RuntimeError, asyncio.InvalidStateError) as error:
            self.tally.errors.append(str(error))
            has_begun.set()
        finally:
            self.running -= 1

    def memory(self) -> tuple[int, int, int]:
        """Return the server's bytes, its workers' bytes, and how many workers there are."""
        server = psutil.Process()
        workers = []
        for child in server.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                workers.append(child.memory_info().rss)
        return server.memory_info().rss, sum(workers), len(workers)

    def row(self, phase: str) -> int:
        """Print a row; return the sum of bytes."""
        own, theirs, count = self.memory()
        shown = [f"{value / 1e6:.0f}" for value in (own, theirs, own + theirs)]
        print(ROW.format(phase, *shown, count, self.running), flush=True)
        return own + theirs

    async def watch(self) -> None:
        """Keep the most that was in use."""
        while True:
            own, theirs, _ = self.memory()
            self.most = max(self.most, own + theirs)
            await asyncio.sleep(0.1)

    async def until_serving(self, name: str) -> None:
        """Wait until new sessions get a model."""
        while not any(model.name == name for model in self.pool.models):  # noqa: ASYNC110
            await asyncio.sleep(0.1)

    async def round(self, name: str, data_dir: Path, *, sessions: int, workers: int) -> int:
        """Change to a model under running sessions; return the bytes at the end."""
        is_over = asyncio.Event()
        begun = [asyncio.Event() for _ in range(sessions)]
        talking = [asyncio.create_task(self.talk(is_over, event)) for event in begun]
        for event in begun:
            await event.wait()
        self.row("  sessions run")
        self.most = 0
        watching = asyncio.create_task(self.watch())
        change_selection(data_dir, language=LANGUAGE, tag="general", name=name)
        await self.until_serving(name)
        self.row(f"  {name} serves, old sessions run")
        is_over.set()
        await asyncio.gather(*talking)
        await self.pool.wait_for_retired()
        await self.pool.wait_for_workers(workers)
        watching.cancel()
        print(f"  most at once {self.most / 1e6:.0f} MB")
        return self.row("  idle again")


def install(model: Path, data_dir: Path, names: tuple[str, ...]) -> None:
    """Put copies of a model under other names into the data folder."""
    for name in names:
        folder = models_folder(data_dir) / name
        shutil.copytree(model, folder)
        path = folder / "model.toml"
        lines = path.read_text(encoding="utf-8").splitlines()
        lines = [f'name = "{name}"' if line.startswith("name =") else line for line in lines]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


async def bench(arguments: argparse.Namespace, data_dir: Path) -> None:
    """Measure."""
    names = ("copy-one", "copy-two")
    install(arguments.model, data_dir, names)
    change_selection(data_dir, language=LANGUAGE, tag="general", name=names[0])
    settings = load_settings(
        overrides={
            "data_dir": data_dir,
            "server": {"grpc_address": "127.0.0.1:0", "http_address": "127.0.0.1:0"},
            "limits": {"idle_s": 3600.0, "audio_s": 1e6, "audio_bytes": 2**30},
            "access": {"sessions_per_s": 0},
            "recognition": {"workers": arguments.workers},
        }
    )
    async with (
        Server(settings) as server,
        grpc.aio.insecure_channel(server.grpc_address) as channel,
    ):
        await server.wait_ready()
        pool = server.recognizer
        assert isinstance(pool, WorkerPool)
        await pool.wait_for_workers(arguments.workers)
        access = await server.create_development_access()
        metadata = [("authorization", f"Bearer {access.iam_token}")]
        run = Bench(server, pool, pb_grpc.SttServiceStub(channel), metadata, clip())
        await run.learn()
        print(ROW.format(*HEAD))
        before = run.row("idle")
        size = {"sessions": arguments.sessions, "workers": arguments.workers}
        for number in range(1, arguments.rounds + 1):
            print(f"round {number}")
            after = await run.round(names[number % 2], data_dir, **size)
            print(f"  {100 * after / before - 100:+.1f} % of what was idle at the beginning")
        tally = run.tally
        print(
            f"{tally.utterances} utterances, {tally.other_texts} with another text than in "
            f"quiet; errors: {tally.errors or 'none'}"
        )


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    starters = starter_models()
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--model", type=Path, default=starters and starters / "starter-ru", required=not starters
    )
    configure_logging(level="error")
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(bench(parser.parse_args(), Path(folder)))


if __name__ == "__main__":
    main()
