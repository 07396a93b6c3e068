"""Rechka beside other shapes of a server around the same engine, model and audio.

    python bench/peers.py [--lang ru-RU] [--models DIR] [--audio DIR] [--duration 10]
        [--contenders bare,threads,processes,rechka] [--cores N] [--json FILE]

The contenders are measured one after another: the bare engine in a loop, which is the
limit; a server with a thread for each stream; one with a process for each stream; Rechka.
A server's capacity is searched for as `rechka bench --find-capacity` does. docs/bench.md
says what each figure is.
"""

import argparse
import json
import math
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
from rich.console import Console
from rich.live import Live

from contenders.bare import Bare, decode_bare
from contenders.choice import Choice, choose
from contenders.figures import TITLES, Measured, table_of
from contenders.start import SERVERS, started
from rechka.audio.samples import to_pcm16
from rechka.cli.bench.loop import run_load
from rechka.cli.bench.report import live_table
from rechka.cli.bench.runs import Demand, Run, Runner
from rechka.cli.bench.server import OwnServer
from rechka.cli.bench.sessions import Progress
from rechka.cli.bench.speech import Clip, read_clips
from rechka.client import AsyncClient
from rechka.errors import RechkaError
from rechka.session.endpoint import EndpointParameters
from rechka.settings import Settings
from rechka.spec import AudioEncoding, RecognitionSpec

BUNDLED = Path(__file__).resolve().parents[1] / "examples" / "audio"
BUNDLED_CLIPS = {"ru-ru": "speech-ru.ogg", "tr-tr": "speech-tr.ogg", "en-us": "speech.ogg"}
CONTENDERS = ("bare", *SERVERS)
# Recordings whose texts are compared.
COMPARED = 8
# Where a search ends if the bare engine was not measured.
SESSIONS_PER_CORE = 64
# Copies of an engine may take this share of the memory that is free.
MEMORY_SHARE = 0.7


class Comparison:
    """Measures contenders with one model and the same recordings.

    Args:
        arguments: Of the command line.
        choice: Engine and model.
        clips: What is said.
        rate_hz: Rate that the model takes.
        engine_bytes: What a copy of the engine holds.
        batch: Most streams that the engine decodes together.
    """

    def __init__(
        self,
        arguments: argparse.Namespace,
        choice: Choice,
        clips: Sequence[Clip],
        *,
        rate_hz: int,
        engine_bytes: int,
        batch: int,
    ) -> None:
        self._arguments = arguments
        self._choice = choice
        self._clips = clips
        self._engine_bytes = engine_bytes
        self._batch = batch
        self._cores = cores_of(arguments.cores)
        self._bare: list[Bare] = []
        self._spec = RecognitionSpec(
            language=choice.language,
            model=choice.tag,
            encoding=AudioEncoding.LINEAR16_PCM,
            sample_rate_hz=rate_hz,
            partial_results=True,
            raw_results=True,
        )

    def measure(self, contender: str) -> Measured:
        """Measure one contender; the bare engine sets where the search of others begins."""
        if contender == "bare":
            with on(self._cores):
                self._bare = [self._decode_bare(together) for together in sorted({1, self._batch})]
            return Measured.of_bare(self._bare, cores=len(self._cores))
        first, most = self._bounds(contender)
        with ExitStack() as stack:
            with on(self._cores):
                server = stack.enter_context(started(contender, self._choice, streams=most))
            # Where there are other cores, the load leaves those of the server alone.
            stack.enter_context(on(os.sched_getaffinity(0) - self._cores or self._cores))
            texts = run_load(self._texts(server))
            runs = self._search(server, first, most)
        prepared = most if contender == "processes" else None
        return Measured.of_runs(contender, runs, texts, prepared=prepared)

    def _decode_bare(self, together: int) -> Bare:
        return decode_bare(
            self._choice,
            self._clips,
            rate_hz=self._spec.sample_rate_hz,
            gap_s=self._arguments.gap,
            together=together,
            duration_s=self._arguments.duration,
            told=self._clips[:COMPARED],
        )

    def _bounds(self, contender: str) -> tuple[int, int]:
        """Return how many sessions a search begins with, and how many it ends with."""
        # A thread or process a stream decodes nothing together.
        is_together = contender == "rechka"
        limits = [bare.per_core for bare in self._bare if is_together or bare.together == 1]
        limit = len(self._cores) * max(limits, default=SESSIONS_PER_CORE)
        most = self._arguments.most_sessions or math.ceil(limit)
        if contender == "processes":
            free = MEMORY_SHARE * psutil.virtual_memory().available
            fitting = max(1, int(free / max(1, self._engine_bytes)))
            if fitting < most:
                told = f"no more than {fitting} copies of the engine fit into the memory"
                sys.stderr.write(f"{TITLES[contender]}: {told}\n")
                most = fitting
        first = round(limit / 2) if limits else 4
        return max(1, min(first, most)), most

    async def _texts(self, server: OwnServer) -> dict[str, str]:
        """Recognize some recordings one after the other, as fast as it goes."""
        gap = bytes(2 * int(self._arguments.gap * self._spec.sample_rate_hz))
        async with AsyncClient(server.endpoint, token=server.token) as client:
            return {
                clip.name: await client.transcribe(gap + to_pcm16(clip.samples) + gap, self._spec)
                for clip in self._clips[:COMPARED]
            }

    def _search(self, server: OwnServer, first: int, most: int) -> list[Run]:
        endpointing = EndpointParameters.from_settings(Settings().endpointing)
        demand = Demand(
            endpoint=server.endpoint,
            token=server.token,
            find_capacity=True,
            sessions=first,
            most_sessions=most,
            duration_s=self._arguments.duration,
            gap_s=self._arguments.gap,
            max_final_delay_ms=self._arguments.max_final_delay_ms,
        )
        runner = Runner(
            self._clips,
            self._spec,
            pause_s=endpointing.pause_ms / 1000,
            server=server,
            demand=demand,
        )
        console = Console(stderr=True)
        if not console.is_terminal:
            return run_load(runner.run(lambda progress: None))
        with Live(console=console, transient=True) as live:

            def watch(progress: Progress) -> None:
                live.update(live_table(progress))

            return run_load(runner.run(watch))


def cores_of(count: int | None) -> set[int]:
    """Return so many cores of those that this program may use; without a number, all."""
    cores = sorted(os.sched_getaffinity(0))
    if count is not None and not 1 <= count <= len(cores):
        raise SystemExit(f"--cores: got {count}; accepted: 1 to {len(cores)}")
    return set(cores[:count])


@contextmanager
def on(cores: set[int]) -> Iterator[None]:
    """Run what follows, and the processes that it starts, on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def recordings(audio: Path | None, language: str, *, rate_hz: int, longest_s: float) -> list[Clip]:
    """Return what is said; without a folder, the bundled recording of the language.

    Raises:
        RechkaError: There is no recording.
    """
    if audio is not None:
        return read_clips(audio, rate_hz=rate_hz, longest_s=longest_s)
    name = BUNDLED_CLIPS.get(language.lower())
    clips = read_clips(BUNDLED, rate_hz=rate_hz, longest_s=longest_s)
    own = [clip for clip in clips if clip.name == name]
    if not own:
        raise SystemExit(f"no recording of {language} is bundled: say --audio DIR")
    return own


def compare(arguments: argparse.Namespace) -> None:
    """Measure and tell."""
    choice = choose(arguments.lang, arguments.models)
    process = psutil.Process()
    before_bytes = process.memory_info().rss
    engine = choice.load(streams=1)
    engine_bytes = process.memory_info().rss - before_bytes
    rate_hz, batch = engine.models[0].sample_rates_hz[0], engine.max_batch
    engine.close()
    comparison = Comparison(
        arguments,
        choice,
        recordings(arguments.audio, arguments.lang, rate_hz=rate_hz, longest_s=arguments.longest),
        rate_hz=rate_hz,
        engine_bytes=engine_bytes,
        batch=batch,
    )
    cores = len(cores_of(arguments.cores))
    measured = []
    for contender in CONTENDERS:
        if contender in arguments.contenders:
            sys.stderr.write(f"{TITLES[contender]} …\n")
            measured.append(comparison.measure(contender))
    console = Console()
    console.print(f"{choice.name} ({choice.engine}, {choice.language}), {cores} cores")
    console.print(table_of(measured, cores=cores))
    if arguments.json is not None:
        told = {
            "language": choice.language,
            "engine": choice.engine,
            "model": choice.name,
            "cores": cores,
            "python": platform.python_version(),
            "contenders": {item.name: item.as_dict(measured, cores=cores) for item in measured},
        }
        arguments.json.write_text(
            json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )


def contenders(text: str) -> list[str]:
    """Return the contenders of a list with commas."""
    names = text.split(",")
    if unknown := [name for name in names if name not in CONTENDERS]:
        raise argparse.ArgumentTypeError(
            f"got {', '.join(unknown)}; accepted: {', '.join(CONTENDERS)}"
        )
    return names


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lang", default="ru-RU")
    parser.add_argument("--models", type=Path, help="folder of installed models")
    parser.add_argument("--audio", type=Path, help="folder of recordings")
    parser.add_argument("--contenders", type=contenders, default=CONTENDERS)
    parser.add_argument("--duration", type=float, default=10.0, help="seconds of each load")
    parser.add_argument("--gap", type=float, default=1.5, help="silence between recordings")
    parser.add_argument("--longest", type=float, default=12.0, help="pass over longer recordings")
    parser.add_argument("--max-final-delay-ms", type=float, default=300.0)
    parser.add_argument("--most-sessions", type=int, help="where the search for a capacity ends")
    parser.add_argument("--cores", type=int, help="cores of a contender; the load has the rest")
    parser.add_argument("--json", type=Path)
    try:
        compare(parser.parse_args())
    except RechkaError as error:
        raise SystemExit(error.message) from None


if __name__ == "__main__":
    main()
