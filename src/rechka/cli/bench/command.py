"""The command `rechka bench`."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.live import Live

from rechka.cli.audio_types import CHUNK_MS, SAMPLE_RATE
from rechka.cli.bench.loop import run_load
from rechka.cli.bench.report import live_table, print_figures, write_report
from rechka.cli.bench.runs import Demand, Runner
from rechka.cli.bench.server import own_server
from rechka.cli.bench.sessions import Progress
from rechka.cli.bench.speech import read_clips
from rechka.cli.extras import require_packages
from rechka.observability.logs import configure_logging
from rechka.session.endpoint import EndpointParameters
from rechka.settings import load_settings
from rechka.spec import AudioEncoding, RecognitionSpec

__all__ = ["bench"]

_COUNT = click.IntRange(min=1)
_SECONDS = click.FloatRange(min=0, min_open=True)


@click.command()
@click.option(
    "--sessions",
    type=_COUNT,
    default=10,
    show_default=True,
    help="People who speak at once; with --find-capacity where the search begins.",
)
@click.option(
    "--duration",
    "duration_s",
    type=_SECONDS,
    default=60.0,
    show_default=True,
    help="Seconds that each speaks.",
)
@click.option(
    "--audio",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="Folder of recordings; what they say is chosen from it.",
)
@click.option("--lang", default="en-US", show_default=True)
@click.option("--model", default="general", show_default=True)
@click.option(
    "--rate",
    type=SAMPLE_RATE,
    default="16000",
    show_default=True,
    help="Rate that is sent.",
)
@click.option(
    "--chunk-ms",
    type=CHUNK_MS,
    default=100,
    show_default=True,
    help="Length of the pieces that it is sent in: what your clients send.",
)
@click.option("--endpoint", help="Server to measure; without it one is started.")
@click.option("--token", envvar="RECHKA_TOKEN", help="IAM token for --endpoint.")
@click.option("--folder-id", default="", help="Folder for --endpoint.")
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Settings of the server, also of the one at --endpoint: its pause is taken off.",
)
@click.option(
    "--models",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of installed models, DATA_DIR/models, for the server that is started.",
)
@click.option(
    "--gap",
    "gap_s",
    type=click.FloatRange(min=0),
    default=1.5,
    show_default=True,
    help="Seconds of silence between recordings.",
)
@click.option(
    "--longest",
    type=_SECONDS,
    default=12.0,
    show_default=True,
    help="Pass over longer recordings, in seconds.",
)
@click.option(
    "--check",
    is_flag=True,
    help="Also compare each text with that when nobody else speaks.",
)
@click.option(
    "--talks",
    type=_COUNT,
    default=4,
    show_default=True,
    help="With --check: different talks, heard alone first; more sessions say them again.",
)
@click.option("--find-capacity", is_flag=True, help="Raise the load until answers are late.")
@click.option(
    "--max-final-delay-ms",
    default=300.0,
    show_default=True,
    help="Late, for --find-capacity: the 95th percentile of the finals.",
)
@click.option(
    "--most-sessions",
    type=_COUNT,
    default=4_096,
    show_default=True,
    help="Where --find-capacity ends.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--report",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write report.html, report.png and report.json there.",
)
def bench(
    audio: Path,
    lang: str,
    model: str,
    rate: str,
    config: Path | None,
    *,
    as_json: bool,
    report: Path | None,
    **how: Any,
) -> None:
    """Let many people speak at once, at the speed of speech, and measure how long they wait.

    The end of speech in each recording is known to the sample, so the delay of a final is
    that of the server alone: the pause that ends an utterance is taken off.
    """
    needed = ("soundfile",) if report is None else ("soundfile", "matplotlib")
    require_packages("bench", *needed, extra="server,evaluate")
    configure_logging(level="warning")
    clips = read_clips(audio, rate_hz=int(rate), longest_s=how.pop("longest"))
    spec = RecognitionSpec(
        language=lang,
        model=model,
        encoding=AudioEncoding.LINEAR16_PCM,
        sample_rate_hz=int(rate),
        partial_results=True,
        raw_results=True,
    )
    pause_s = EndpointParameters.from_settings(load_settings(config).endpointing).pause_ms / 1000
    with ExitStack() as stack:
        server = None
        models = how.pop("models")
        if how["endpoint"] is None:
            server = stack.enter_context(own_server(config, models))
            how |= {"endpoint": server.endpoint, "token": server.token}
        runner = Runner(clips, spec, pause_s=pause_s, server=server, demand=Demand(**how))
        console = Console(stderr=True)
        live = Live(console=console, transient=True) if console.is_terminal else None
        if live is not None:
            stack.enter_context(live)

        def watch(progress: Progress) -> None:
            if live is not None:
                live.update(live_table(progress))

        runs = run_load(runner.run(watch))
    if report is not None:
        write_report(report, runs)
    if as_json:
        click.echo(json.dumps([run.as_dict() for run in runs]))
    else:
        print_figures(runs)
