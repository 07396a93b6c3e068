"""The packets of one logical Ogg stream, put together from its pages.

Plain Python without numpy, because the client reads packets too.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from rechka.audio.ogg import NO_GRANULE, Page

__all__ = ["PacketReader", "PagePackets"]

# Opus packets have at most 61,440 bytes (RFC 6716, 3.4), in practice below 2,000.
_MAX_PACKET_BYTES = 65_536
_SEQUENCE_MASK = 0xFFFF_FFFF
_OLDEST_SEQUENCE = 0x8000_0000


@dataclass(frozen=True, slots=True)
class PagePackets:
    """What one page brings.

    Attributes:
        packets: The packets that end on the page and are whole, in order.
        is_after_loss: Whether something between this page and the page before
            is missing; the granule position tells how much.
    """

    packets: tuple[bytes, ...]
    is_after_loss: bool


class PacketReader:
    """Joins the packets that span pages, and notices lost and repeated pages.

    Args:
        sequence: Number of the first page that is to come.
    """

    def __init__(self, sequence: int) -> None:
        self._expected = sequence
        self._granule = 0
        # The packet that began on an earlier page; None while its end is skipped.
        self._begun: bytes | None = b""

    def accept(self, page: Page) -> PagePackets | None:
        """Take the next page of the logical stream; None if it was here before."""
        lead = (page.sequence - self._expected) & _SEQUENCE_MASK
        if lead >= _OLDEST_SEQUENCE and page.granule <= self._granule:
            return None
        self._expected = (page.sequence + 1) & _SEQUENCE_MASK
        if page.granule != NO_GRANULE:
            self._granule = page.granule
        is_after_loss = lead != 0
        if page.is_continued:
            if is_after_loss or not self._begun:
                is_after_loss, self._begun = True, None
        elif self._begun != b"":
            is_after_loss, self._begun = True, b""
        return PagePackets(tuple(self._split(page)), is_after_loss)

    def _split(self, page: Page) -> Iterator[bytes]:
        start = end = 0
        for length in page.lacing:
            end += length
            if length < 0xFF:
                if self._begun is not None:
                    yield self._begun + page.body[start:end]
                self._begun, start = b"", end
        if page.lacing.endswith(b"\xff") and self._begun is not None:
            self._begun += page.body[start:]
            if len(self._begun) > _MAX_PACKET_BYTES:
                self._begun = None
