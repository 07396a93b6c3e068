"""`rechka evaluate`: how well and how fast a server recognizes recorded speech."""

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from rechka.bootstrap import Server
from rechka.cli.clips import Clip, read_clip, read_manifest
from rechka.cli.extras import require_packages
from rechka.cli.scoring import score
from rechka.client import AsyncClient
from rechka.observability.logs import configure_logging
from rechka.results import Final, Partial
from rechka.settings import load_settings
from rechka.spec import SAMPLE_RATES_HZ, AudioEncoding, RecognitionSpec

__all__ = ["evaluate"]

_CHUNK_MS = 100
_LABELS = {
    "audio_s": "audio, s",
    "wer": "word error rate",
    "cer": "character error rate",
    "exact_wer": "word error rate of the exact text",
    "exact_cer": "character error rate of the exact text",
    "empty": "clips without a result",
    "real_time_factor": "real-time factor",
    "first_partial_ms_p50": "first partial after the first word, median, ms",
    "first_partial_ms_p95": "the same, 95th percentile, ms",
}


@dataclass(frozen=True, slots=True)
class Measured:
    """What recognizing a clip gave.

    Attributes:
        text: The finals, joined.
        audio_s: Length of the clip.
        elapsed_s: From the first chunk sent to the last result.
        first_partial_ms: From the end of the first word, as it was sent, to the
            first partial; None without a partial or in fast pacing.
    """

    clip: Clip
    text: str
    audio_s: float
    elapsed_s: float
    first_partial_ms: float | None


@click.command()
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--endpoint", help="Server to measure; without it one is started for the purpose.")
@click.option("--token", envvar="RECHKA_TOKEN", help="IAM token for --endpoint.")
@click.option("--folder-id", default="", help="Folder for --endpoint.")
@click.option(
    "--models",
    type=click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path),
    help="Folder of installed models, DATA_DIR/models, for the server that is started.",
)
@click.option("--lang", default="en-US", show_default=True, help="Language of the clips.")
@click.option("--model", default="general", show_default=True)
@click.option(
    "--rate",
    type=click.Choice([str(rate_hz) for rate_hz in SAMPLE_RATES_HZ]),
    callback=lambda _context, _option, value: None if value is None else int(value),
    help="Resample the clips to this rate, in Hz, before sending.",
)
@click.option(
    "--pace",
    type=click.Choice(["realtime", "fast"]),
    default="fast",
    show_default=True,
    help="realtime also measures delays; fast also measures the real-time factor.",
)
@click.option(
    "--sessions",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Clips recognized side by side.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print a table of Markdown.")
@click.option("--details", is_flag=True, help="Print each clip's texts to standard error.")
def evaluate(
    manifest: Path,
    lang: str,
    model: str,
    sessions: int,
    *,
    as_json: bool,
    as_markdown: bool,
    details: bool,
    **how: Any,
) -> None:
    """Measure accuracy and speed on a MANIFEST of recorded clips.

    The manifest is a table of tab-separated values with a header and the columns
    file (beside the manifest) and transcript, which is empty for a clip without
    speech; rows of one value of an optional column source are also summed up by
    themselves. Texts are asked for raw.
    """
    require_packages("evaluate", "jiwer", "soundfile", extra="server,evaluate")
    configure_logging(level="warning")
    clips = read_manifest(manifest)
    spec = RecognitionSpec(
        language=lang,
        model=model,
        encoding=AudioEncoding.LINEAR16_PCM,
        partial_results=True,
        raw_results=True,
    )
    measured = asyncio.run(_measure(clips, spec, sessions=sessions, **how))
    if details:
        for item in measured:
            click.echo(f"{item.clip.path.name}\n  {item.clip.transcript}\n  {item.text}", err=True)
    is_fast = how["pace"] == "fast"
    rows = [_summary(name, of, is_fast=is_fast) for name, of in _sets(measured)]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
    elif as_markdown:
        click.echo(_markdown(rows))
    else:
        _print_table(rows)


@asynccontextmanager
async def _server(
    *, endpoint: str | None, token: str | None, folder_id: str, models: Path | None
) -> AsyncIterator[AsyncClient]:
    """Connect to the server that is named, or to one of our own."""
    if endpoint is not None:
        async with AsyncClient(endpoint, token=token, folder_id=folder_id) as client:
            yield client
        return
    with tempfile.TemporaryDirectory() as data_dir:
        if models is not None:
            (Path(data_dir) / "models").symlink_to(models)
        ports = {"grpc_address": "127.0.0.1:0", "http_address": "127.0.0.1:0"}
        unlimited = {"sessions_per_s": 0, "concurrent_sessions": 0}
        settings = load_settings(
            overrides={"data_dir": data_dir, "server": ports, "access": unlimited}
        )
        async with Server(settings) as server:
            await server.wait_ready()
            access = await server.create_development_access()
            async with AsyncClient(server.grpc_address, token=access.iam_token) as client:
                yield client


async def _measure(
    clips: Sequence[Clip],
    spec: RecognitionSpec,
    *,
    sessions: int,
    rate: int | None,
    pace: str,
    **server: Any,
) -> list[Measured]:
    room = asyncio.Semaphore(sessions)
    async with _server(**server) as client:

        async def measure(clip: Clip) -> Measured:
            async with room:
                return await _measure_clip(client, clip, spec, asked_hz=rate, pace=pace)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(measure(clip)) for clip in clips]
        except ExceptionGroup as failures:
            # The others were canceled, or failed for the same reason.
            raise failures.exceptions[0] from None
    return [task.result() for task in tasks]


async def _measure_clip(
    client: AsyncClient, clip: Clip, spec: RecognitionSpec, *, asked_hz: int | None, pace: str
) -> Measured:
    pcm, rate_hz = await asyncio.to_thread(read_clip, clip.path, asked_hz)
    step = rate_hz * _CHUNK_MS // 1000 * 2
    started_s = time.monotonic()

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(pcm), step):
            if pace == "realtime":
                # A chunk can be sent when its last sample has been spoken.
                spoken_s = min(start + step, len(pcm)) / 2 / rate_hz
                await asyncio.sleep(started_s + spoken_s - time.monotonic())
            yield pcm[start : start + step]

    finals: list[Final] = []
    first_partial_s = None
    async for result in client.stream(chunks(), replace(spec, sample_rate_hz=rate_hz)):
        if isinstance(result, Partial):
            first_partial_s = first_partial_s or time.monotonic()
        else:
            finals.append(result)
    first_partial_ms = None
    words = [word for final in finals for word in final.alternatives[0].words]
    if pace == "realtime" and first_partial_s is not None and words:
        first_partial_ms = (first_partial_s - started_s) * 1000 - words[0].end_ms
    return Measured(
        clip,
        text=" ".join(final.text for final in finals),
        audio_s=len(pcm) / 2 / rate_hz,
        elapsed_s=time.monotonic() - started_s,
        first_partial_ms=first_partial_ms,
    )


def _sets(measured: Sequence[Measured]) -> list[tuple[str, list[Measured]]]:
    sources = sorted({item.clip.source for item in measured})
    sets = [(name, [item for item in measured if item.clip.source == name]) for name in sources]
    return [*sets, ("all", list(measured))] if len(sources) > 1 else [("all", list(measured))]


def _summary(name: str, measured: Sequence[Measured], *, is_fast: bool) -> dict[str, Any]:
    result = score([item.clip.transcript for item in measured], [item.text for item in measured])
    audio_s = sum(item.audio_s for item in measured)
    delays_ms = sorted(
        item.first_partial_ms for item in measured if item.first_partial_ms is not None
    )
    elapsed_s = sum(item.elapsed_s for item in measured)
    return {
        "set": name,
        "clips": len(measured),
        "audio_s": round(audio_s, 1),
        "wer": round(result.wer, 4),
        "cer": round(result.cer, 4),
        "exact_wer": round(result.exact_wer, 4),
        "exact_cer": round(result.exact_cer, 4),
        "empty": sum(bool(item.clip.transcript) and not item.text for item in measured),
        "real_time_factor": round(elapsed_s / audio_s, 3) if is_fast else None,
        "first_partial_ms_p50": round(statistics.median(delays_ms)) if delays_ms else None,
        "first_partial_ms_p95": round(delays_ms[int(0.95 * (len(delays_ms) - 1))])
        if delays_ms
        else None,
    }


def _markdown(rows: Sequence[dict[str, Any]]) -> str:
    """Return a table with a column for each set; figures that were not measured are left out."""
    lines = [
        " | ".join(("", *(f"{row['set']} ({row['clips']} clips)" for row in rows))),
        "|".join("---" for _ in range(len(rows) + 1)),
    ]
    for name, label in _LABELS.items():
        if any(row[name] is not None for row in rows):
            share = name.endswith(("wer", "cer"))
            values = (
                "–" if row[name] is None else f"{row[name]:.1%}" if share else str(row[name])
                for row in rows
            )
            lines.append(" | ".join((label, *values)))
    return "\n".join(f"| {line.strip()} |" for line in lines)


def _print_table(rows: Sequence[dict[str, Any]]) -> None:
    # A column for each set: there are fewer sets than figures.
    table = Table("", *(str(row["set"]) for row in rows))
    for name in list(rows[0])[1:]:
        table.add_row(name, *("–" if row[name] is None else str(row[name]) for row in rows))
    Console().print(table)
