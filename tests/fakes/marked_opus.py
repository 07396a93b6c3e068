"""Marked speech in Ogg Opus: packets of 20 ms whose payload is the sample value.

The packets are no real Opus, but their lengths are told as in real ones, and the
pages are real.
"""

from __future__ import annotations

from array import array

from fakes.marked_speech import Speech
from rechka.audio.ogg import Page, PageReader
from rechka.audio.ogg_packets import PacketReader

PACKET_MS = 20
PRE_SKIP_MS = 20
_SAMPLES_PER_MS = 48
# One frame of 20 ms, SILK, narrow band (RFC 6716, 3.1).
_TOC = b"\x08"
_TAGS = b"OpusTags" + bytes(8)


def _head() -> bytes:
    skipped = PRE_SKIP_MS * _SAMPLES_PER_MS
    rate = (48_000).to_bytes(4, "little")
    return b"OpusHead\x01\x01" + skipped.to_bytes(2, "little") + rate + bytes(3)


def encode(
    speech: Speech, *, packets_per_page: int = 50, serial: int = 7, first_granule: int = 0
) -> bytes:
    """Return an Ogg stream; all lengths of the speech are multiples of 20 ms.

    Args:
        speech: What is said.
        packets_per_page: At most 255.
        serial: Number of the logical stream.
        first_granule: Position before the first packet, as in a recorded broadcast.
    """
    # A decoder drops the pre-skip, so the speech begins after it.
    samples = array("h", [0] * PRE_SKIP_MS) + speech.samples
    samples.extend([0] * (-len(samples) % PACKET_MS))
    packets = [
        _TOC + samples[start].to_bytes(2, "little") for start in range(0, len(samples), PACKET_MS)
    ]
    pages = [
        Page(serial=serial, sequence=0, granule=0, lacing=b"\x13", body=_head(), is_first=True),
        Page(serial=serial, sequence=1, granule=0, lacing=b"\x10", body=_TAGS),
    ]
    for start in range(0, len(packets), packets_per_page):
        group = packets[start : start + packets_per_page]
        end = (start + len(group)) * PACKET_MS * _SAMPLES_PER_MS
        pages.append(
            Page(
                serial=serial,
                sequence=len(pages),
                granule=first_granule + end,
                lacing=bytes(len(packet) for packet in group),
                body=b"".join(group),
                is_last=start + packets_per_page >= len(packets),
            )
        )
    return b"".join(page.encode() for page in pages)


class MarkedOpusReader:
    """Turns pages back into samples, and insists that they are a sound stream."""

    def __init__(self) -> None:
        self._pages = PageReader()
        self._packets: PacketReader | None = None
        self._headers_left = 0
        self._to_skip = 0
        self._granule = 0

    def decode(self, data: bytes) -> array[int]:
        """Return the samples of all pages that are whole."""
        self._pages.feed(data)
        samples = array("h")
        while (page := self._pages.next_page()) is not None:
            if page.is_first:
                assert page.sequence == 0
                self._packets = PacketReader(0)
                self._headers_left, self._granule = 2, 0
                self._to_skip = int.from_bytes(page.body[10:12], "little") // _SAMPLES_PER_MS
            assert self._packets is not None, "audio before the headers"
            found = self._packets.accept(page)
            assert found is not None
            assert not found.is_after_loss
            headers = min(self._headers_left, len(found.packets))
            self._headers_left -= headers
            for packet in found.packets[headers:]:
                value = int.from_bytes(packet[1:3], "little")
                samples.extend([value] * PACKET_MS)
                self._granule += PACKET_MS * _SAMPLES_PER_MS
            assert page.granule == self._granule
        skipped = min(self._to_skip, len(samples))
        self._to_skip -= skipped
        return samples[skipped:]
