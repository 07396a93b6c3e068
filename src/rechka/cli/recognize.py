"""`rechka recognize`: a file or a pipe, to text."""

import asyncio
import sys
from contextlib import aclosing
from typing import Any

import click
from rich.console import Console

from rechka.cli.audio_types import CHUNK_MS
from rechka.cli.options import connection_options, make_client, make_spec, recognition_options
from rechka.cli.output import ChunkPrinter, JsonPrinter, LivePrinter, Printer
from rechka.client import AsyncClient, FileSource, MicrophoneSource, Pace
from rechka.spec import SAMPLE_RATES_HZ, AudioEncoding, RecognitionSpec

__all__ = ["is_live", "make_printer", "recognize", "show_results"]


@click.command()
@click.argument("file", type=click.Path(allow_dash=True))
@connection_options
@recognition_options
@click.option(
    "--encoding",
    type=click.Choice([AudioEncoding.LINEAR16_PCM.value, AudioEncoding.OGG_OPUS.value]),
    help="How the audio is encoded; needed for raw PCM, the others tell it themselves.",
)
@click.option(
    "--rate", type=int, help=f"Rate of raw PCM in Hz: {', '.join(map(str, SAMPLE_RATES_HZ))}."
)
@click.option(
    "--pace",
    type=click.Choice([pace.value for pace in Pace]),
    default=Pace.FAST.value,
    show_default=True,
    help="Send as fast as the server takes it, or as it would be spoken.",
)
@click.option(
    "--chunk-ms",
    type=CHUNK_MS,
    default=100,
    show_default=True,
    help="Length of the pieces that PCM is sent in.",
)
def recognize(
    file: str, encoding: str | None, rate: int | None, pace: str, chunk_ms: int, **options: Any
) -> None:
    """Recognize FILE: WAV with 16-bit PCM, Ogg Opus or raw PCM; - reads a pipe.

    Each response is printed as a block of lines; on a terminal, as text that is
    rewritten while it is spoken. Audio of any length is taken: it goes on over as
    many sessions as it needs. Ctrl-C ends at once with exit code 130.
    """
    source = FileSource(
        sys.stdin.buffer if file == "-" else file,
        encoding=None if encoding is None else AudioEncoding(encoding),
        sample_rate_hz=rate,
        pace=Pace(pace),
        chunk_ms=chunk_ms,
    )
    as_json: bool = options["as_json"]
    spec = make_spec(options, partial_default=is_live(as_json=as_json))
    printer = make_printer(source, as_json=as_json)
    asyncio.run(show_results(make_client(options), source, spec, printer))


def is_live(*, as_json: bool) -> bool:
    """Return whether the output is a terminal on which lines can be rewritten."""
    return not as_json and sys.stdout.isatty() and not Console().is_dumb_terminal


def make_printer(source: FileSource | MicrophoneSource, *, as_json: bool) -> Printer:
    """Return what fits the output."""
    if as_json:
        return JsonPrinter()
    if not is_live(as_json=as_json):
        return ChunkPrinter()
    return LivePrinter(
        position_ms=lambda: source.position_ms,
        length_ms=lambda: source.length_ms,
        console=Console(),
    )


async def show_results(
    client: AsyncClient,
    source: FileSource | MicrophoneSource,
    spec: RecognitionSpec,
    printer: Printer,
) -> None:
    """Print results until the source ends.

    Raises:
        RechkaError: The recognition failed.

    Cancellation: ends at once; what is printed stays.
    """
    async with client, aclosing(client.stream(source, spec)) as results:
        with printer:
            async for result in results:
                printer.show(result)
