"""Real Ogg Opus streams, and sounds to put into them."""

from __future__ import annotations

import io
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
from av.audio.stream import AudioStream

from rechka.audio.ogg import Page, PageReader
from rechka.audio.samples import Samples

RATE_HZ = 48_000


def tones(seconds: float, *, seed: int = 0) -> Samples:
    """Return a sound that differs at every time: noise in a speech band, swelling."""
    rng = np.random.default_rng(seed)
    count = round(seconds * RATE_HZ)
    spectrum = np.fft.rfft(rng.standard_normal(count))
    hertz = np.fft.rfftfreq(count, 1 / RATE_HZ)
    spectrum[(hertz < 200) | (hertz > 3000)] = 0
    noise = np.fft.irfft(spectrum, count)
    swell = 0.5 + 0.5 * np.sin(2 * np.pi * 3 * np.arange(count) / RATE_HZ)
    sound: Samples = (0.3 * swell * noise / np.abs(noise).max()).astype(np.float32)
    return sound


def encode(
    samples: Samples, *, channels: int = 1, serial: int = 1, codec: str = "libopus"
) -> list[Page]:
    """Return the pages of a stream; stereo has the samples on the left, silence on the right."""
    layout = "stereo" if channels == 2 else "mono"
    buffer = io.BytesIO()
    # Short pages, in microseconds.
    options = {"page_duration": "200000"}
    with av.open(buffer, "w", format="ogg", options=options) as container:
        stream = container.add_stream(codec, rate=RATE_HZ)
        assert isinstance(stream, AudioStream)
        stream.layout = layout
        stream.bit_rate = 96_000
        if codec == "libopus":
            # Keeps the wave form, so that samples can be compared.
            stream.options = {"application": "audio"}
        planes = np.zeros((1, len(samples) * channels), dtype=np.float32)
        planes[0, ::channels] = samples
        frame = av.AudioFrame.from_ndarray(planes, format="flt", layout=layout)
        frame.sample_rate = RATE_HZ
        frame.time_base = Fraction(1, RATE_HZ)
        frame.pts = 0
        resampler = av.AudioResampler(format=stream.format, layout=layout, rate=RATE_HZ)
        for converted in resampler.resample(frame):
            container.mux(stream.encode(converted))
        container.mux(stream.encode(None))
    return [replace(page, serial=serial) for page in read_pages(buffer.getvalue())]


def read_pages(stream: bytes) -> list[Page]:
    """Return all pages of a stream."""
    reader = PageReader()
    reader.feed(stream)
    return list(iter(reader.next_page, None))


def join(pages: list[Page]) -> bytes:
    """Return the pages as one stream."""
    return b"".join(page.encode() for page in pages)


def silent_pages(pages: int, *, packets: int) -> list[Page]:
    """Return pages behind the headers, of packets of one byte that hold 120 ms of nothing."""
    return [
        Page(
            serial=1,
            sequence=2 + number,
            granule=5_760 * packets * (number + 1),
            lacing=b"\1" * packets,
            body=b"\x19" * packets,
        )
        for number in range(pages)
    ]


def renumber(pages: list[Page]) -> list[Page]:
    """Return the pages with sequence numbers from zero on."""
    return [replace(page, sequence=number) for number, page in enumerate(pages)]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """Return the data cut at the places, each taken modulo the length."""
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(edges)]
