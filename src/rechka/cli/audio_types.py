"""What options about audio accept, in every command alike."""

import click

from rechka.spec import SAMPLE_RATES_HZ

__all__ = ["CHUNK_MS", "SAMPLE_RATE"]

CHUNK_MS = click.IntRange(10, 1000)
"""Audio of one message."""
SAMPLE_RATE = click.Choice([str(rate_hz) for rate_hz in SAMPLE_RATES_HZ])
"""Rate of LINEAR16_PCM in Hz."""
