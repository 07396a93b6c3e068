"""`rechka mic`: a microphone, to text."""

import asyncio
import signal
from typing import Any

import click

from rechka.cli.audio_types import SAMPLE_RATE
from rechka.cli.options import connection_options, make_client, make_spec, recognition_options
from rechka.cli.output import Printer
from rechka.cli.recognize import is_live, make_printer, show_results
from rechka.client import AsyncClient, MicrophoneSource
from rechka.client.microphone import list_microphones
from rechka.spec import RecognitionSpec

__all__ = ["mic"]


@click.command()
@connection_options
@recognition_options
@click.option("--device", help="Number or part of the name of the microphone.")
@click.option(
    "--rate",
    type=SAMPLE_RATE,
    default="16000",
    show_default=True,
    help="Samples a second.",
)
@click.option("--list-devices", is_flag=True, help="Print the microphones and stop.")
def mic(device: str | None, rate: str, *, list_devices: bool, **options: Any) -> None:
    """Recognize what a microphone hears.

    Ctrl-C ends the recording: what was said before is still recognized, and the
    exit code is 0. A second Ctrl-C ends at once.
    """
    if list_devices:
        click.echo(list_microphones())
        return
    number_or_name = int(device) if device is not None and device.isdigit() else device
    source = MicrophoneSource(device=number_or_name, sample_rate_hz=int(rate))
    as_json: bool = options["as_json"]
    spec = make_spec(options, partial_default=is_live(as_json=as_json))
    printer = make_printer(source, as_json=as_json)
    asyncio.run(_record(make_client(options), source, spec, printer))


async def _record(
    client: AsyncClient, source: MicrophoneSource, spec: RecognitionSpec, printer: Printer
) -> None:
    work = asyncio.ensure_future(show_results(client, source, spec, printer))
    is_stopping = False

    def on_interrupt() -> None:
        nonlocal is_stopping
        if is_stopping:
            work.cancel()
        is_stopping = True
        source.stop()

    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, on_interrupt)
    try:
        await work
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
