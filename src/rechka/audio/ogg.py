"""Ogg pages (RFC 3533): read from bytes that are cut anywhere, checked and written.

Plain Python without numpy, because the client reads pages too. Packets are the
business of `rechka.audio.ogg_packets`.
"""

import zlib
from dataclasses import dataclass
from typing import Final

__all__ = ["NO_GRANULE", "Page", "PageReader", "ogg_crc"]

NO_GRANULE: Final = -1
"""Granule position of a page on which no packet ends."""

_CAPTURE = b"OggS"
_HEADER_BYTES = 27
_CRC_AT = slice(22, 26)
_REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def ogg_crc(data: bytes) -> int:
    """Return the Ogg checksum, computed at the speed of zlib.

    Ogg's CRC and zlib's have the same polynomial, 0x04c11db7, but Ogg shifts
    to the left, begins with 0 and ends without inversion, while zlib shifts to
    the right, begins with all ones and inverts the end. So each byte is mirrored
    on the way in and the register on the way out, and both inversions are undone.

    Args:
        data: A page with zeros in place of its checksum.
    """
    mirrored = zlib.crc32(data.translate(_REVERSED_BITS), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_REVERSED_BITS), "big")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of one logical stream.

    Attributes:
        serial: Number of the logical stream, 32 bits.
        sequence: Number of the page in its logical stream, 32 bits.
        granule: Position at the end of the last packet that ends on this page,
            signed 64 bits; in Opus, samples at 48 kHz. `NO_GRANULE` if none ends.
        lacing: Segment lengths, at most 255; a length below 255 ends a packet.
        body: The segments.
        is_continued: Whether the first segment goes on with the packet before.
        is_first: Whether a logical stream begins here.
        is_last: Whether the logical stream ends here.
    """

    serial: int
    sequence: int
    granule: int
    lacing: bytes
    body: bytes
    is_continued: bool = False
    is_first: bool = False
    is_last: bool = False

    def encode(self) -> bytes:
        """Return the page as bytes with the right checksum.

        Raises:
            ValueError: There are more than 255 segments, or their lengths do not
                add up to the length of the body.
        """
        if len(self.lacing) > 255 or sum(self.lacing) != len(self.body):
            raise ValueError("the segment lengths do not describe the body")
        flags = self.is_continued | self.is_first << 1 | self.is_last << 2
        before = (
            _CAPTURE
            + bytes((0, flags))
            + self.granule.to_bytes(8, "little", signed=True)
            + self.serial.to_bytes(4, "little")
            + self.sequence.to_bytes(4, "little")
        )
        after = bytes((len(self.lacing),)) + self.lacing + self.body
        return before + ogg_crc(before + bytes(4) + after).to_bytes(4, "little") + after


class PageReader:
    """Finds the pages in a stream of bytes; what is no valid page is skipped.

    It keeps less than one page of bytes between `feed` and the next `feed`, once
    `next_page` has returned None.
    """

    def __init__(self) -> None:
        self._pending = bytearray()
        self.position_bytes = 0
        """Bytes of the stream up to the end of the last page or skipped byte."""

    def feed(self, received: bytes) -> None:
        """Take the next bytes."""
        self._pending += received

    def next_page(self) -> Page | None:
        """Return the next valid page, None until more bytes come."""
        while self._find_capture():
            size_bytes = self._page_bytes()
            if size_bytes > len(self._pending):
                return None
            page = self._parse(bytes(self._pending[:size_bytes])) if size_bytes else None
            if page is not None:
                self._drop(size_bytes)
                return page
            # A damaged page may hold the beginning of the next sound one.
            self._drop(len(_CAPTURE))
        return None

    def _find_capture(self) -> bool:
        start = self._pending.find(_CAPTURE)
        if start >= 0:
            self._drop(start)
            return True
        # The last bytes may be the beginning of the pattern.
        self._drop(max(0, len(self._pending) - len(_CAPTURE) + 1))
        return False

    def _page_bytes(self) -> int:
        """Return how long the page is, or at least is; 0 if this is no page."""
        header = self._pending[:_HEADER_BYTES]
        if any(header[4:5]) or any(flags > 7 for flags in header[5:6]):
            return 0
        if len(header) < _HEADER_BYTES:
            return _HEADER_BYTES
        lacing_end = _HEADER_BYTES + header[26]
        if len(self._pending) < lacing_end:
            return lacing_end
        return lacing_end + sum(self._pending[_HEADER_BYTES:lacing_end])

    @staticmethod
    def _parse(raw: bytes) -> Page | None:
        blanked = raw[: _CRC_AT.start] + bytes(4) + raw[_CRC_AT.stop :]
        if ogg_crc(blanked) != int.from_bytes(raw[_CRC_AT], "little"):
            return None
        lacing_end = _HEADER_BYTES + raw[26]
        return Page(
            serial=int.from_bytes(raw[14:18], "little"),
            sequence=int.from_bytes(raw[18:22], "little"),
            granule=int.from_bytes(raw[6:14], "little", signed=True),
            lacing=raw[_HEADER_BYTES:lacing_end],
            body=raw[lacing_end:],
            is_continued=bool(raw[5] & 1),
            is_first=bool(raw[5] & 2),
            is_last=bool(raw[5] & 4),
        )

    def _drop(self, count: int) -> None:
        del self._pending[:count]
        self.position_bytes += count
