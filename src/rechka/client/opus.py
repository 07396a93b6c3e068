"""Ogg Opus as chunks of packets, so that a session can begin at any packet.

The packets are taken out of their pages and put into new ones. So each session
gets a stream that is whole in itself (RFC 7845): its own headers, granule positions
from zero and page numbers without a gap, but for those that were there before.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from rechka.audio.formats import HEAD_BYTES, header_format
from rechka.audio.ogg import NO_GRANULE, Page, PageReader
from rechka.audio.ogg_packets import PacketReader
from rechka.audio.opus import OPUS_RATE_HZ, OpusHead, is_opus_tags, packet_samples
from rechka.client.chunks import AudioChunk
from rechka.errors import ErrorCode, RequestError

__all__ = ["OpusChunk", "OpusFraming", "OpusLink", "opus_length_ms"]

_SAMPLES_PER_MS = OPUS_RATE_HZ // 1000
_CHUNK_SAMPLES = 200 * _SAMPLES_PER_MS
_MOST_SEGMENTS = 255
_HEADER_PAGES = 2
_PAGE_HEADER_BYTES = 27
_MOST_LEAD_BYTES = 65_536
# A position that jumps by more is taken for a fault, by the server as well.
_LONGEST_LOSS_SAMPLES = 60 * OPUS_RATE_HZ
# The comments of the source are nobody's business; the packet itself must be there.
_TAGS = b"OpusTags" + (6).to_bytes(4, "little") + b"rechka" + bytes(4)


@dataclass(frozen=True, slots=True)
class OpusLink:
    """One logical stream; a file may chain several.

    Attributes:
        head: Its identification header.
        start_ms: Time of its first sample.
        serial: Its number.
        pre_skip_samples: Samples at its start that a decoder drops.
    """

    head: bytes
    start_ms: float
    serial: int
    pre_skip_samples: int

    def header_pages(self) -> bytes:
        """Return the pages that a stream begins with."""
        head = Page(
            serial=self.serial,
            sequence=0,
            granule=0,
            lacing=_lacing(self.head),
            body=self.head,
            is_first=True,
        )
        tags = Page(serial=self.serial, sequence=1, granule=0, lacing=_lacing(_TAGS), body=_TAGS)
        return head.encode() + tags.encode()


@dataclass(frozen=True, slots=True)
class OpusChunk:
    """Packets that follow one another.

    Attributes:
        index: Number of the page in its link, counting lost ones.
        link: The logical stream.
        packets: At least one.
        start_samples: Granule position of the link before the first packet.
        end_samples: The one after the last packet; less than the packets hold
            where the end of the audio is trimmed.
        is_last: Whether the link ends here.
    """

    index: int
    link: OpusLink
    packets: tuple[bytes, ...]
    start_samples: int
    end_samples: int
    is_last: bool = False

    @property
    def start_ms(self) -> float:
        """Time of the first sample that a session hears which begins here.

        A decoder drops the pre-skip at the start of a stream, and the positions
        count it: so the position is the time, here as at the start of the link.
        """
        return self.link.start_ms + self.start_samples / _SAMPLES_PER_MS

    @property
    def end_ms(self) -> float:
        """`start_ms` plus the length of the packets."""
        return self.link.start_ms + self.end_samples / _SAMPLES_PER_MS

    @property
    def size_bytes(self) -> int:
        """Bytes of the page and of the headers, should they be needed."""
        segments = sum(len(packet) // 255 + 1 for packet in self.packets)
        headers = len(self.link.head) + len(_TAGS) + 2 * (_PAGE_HEADER_BYTES + 1)
        return headers + _PAGE_HEADER_BYTES + segments + sum(map(len, self.packets))

    def since(self, position_ms: float) -> "OpusChunk":
        """Return the packets from the one that holds `position_ms` on."""
        start = self.start_samples
        for number, packet in enumerate(self.packets):
            end = start + _samples(packet)
            if self.link.start_ms + end / _SAMPLES_PER_MS > position_ms:
                return replace(self, packets=self.packets[number:], start_samples=start)
            start = end
        return self

    def encode(self, first: AudioChunk) -> bytes:
        """Return the page, after the headers where a stream begins."""
        base_samples, sequence = 0, _HEADER_PAGES + self.index
        if isinstance(first, OpusChunk) and first.link is self.link:
            base_samples, sequence = first.start_samples, sequence - first.index
        page = Page(
            serial=self.link.serial,
            sequence=sequence,
            granule=self.end_samples - base_samples,
            lacing=b"".join(map(_lacing, self.packets)),
            body=b"".join(self.packets),
            is_last=self.is_last,
        )
        is_start = sequence == _HEADER_PAGES
        return (self.link.header_pages() if is_start else b"") + page.encode()


class OpusFraming:
    """Takes the packets out of an Ogg stream that is cut anywhere."""

    def __init__(self) -> None:
        self._pages = PageReader()
        self._packets = PacketReader(0)
        self._link: OpusLink | None = None
        self._received = 0
        self._head = b""
        self._index = 0
        self._end_samples = 0
        # What positions count from; a recorded broadcast does not begin at zero.
        self._zero: int | None = None

    def feed(self, received: bytes) -> Iterable[OpusChunk]:
        """Yield the packets of all pages that are whole now.

        Raises:
            RequestError: There is no Ogg Opus header.
        """
        self._received += len(received)
        self._head += received[: HEAD_BYTES - len(self._head)]
        self._pages.feed(received)
        while (page := self._pages.next_page()) is not None:
            yield from self._accept(page)
        if self._link is None and self._received > _MOST_LEAD_BYTES:
            raise _no_header(self._head)

    def flush(self) -> Iterable[OpusChunk]:
        """Return nothing: half a page at the end is no audio. Raises as `feed`."""
        if self._link is None and self._received:
            raise _no_header(self._head)
        return ()

    def _accept(self, page: Page) -> Iterator[OpusChunk]:
        if page.is_first and OpusHead.is_head(page.body):
            self._begin(page)
        elif self._link is not None and page.serial == self._link.serial:
            found = self._packets.accept(page)
            packets = () if found is None else found.packets
            if self._zero is None:
                packets = tuple(packet for packet in packets if not is_opus_tags(packet))
            if found is not None and packets:
                yield from self._cut(self._link, page, packets, is_after_loss=found.is_after_loss)

    def _begin(self, page: Page) -> None:
        try:
            head = OpusHead.parse(page.body)
        except ValueError as error:
            raise RequestError(ErrorCode.INVALID_AUDIO, str(error)) from None
        self._link = OpusLink(page.body, self._position_ms(), page.serial, head.pre_skip_samples)
        self._packets = PacketReader(page.sequence + 1)
        self._index = 0
        self._end_samples = 0
        self._zero = None

    def _position_ms(self) -> float:
        """Return where the next link begins: at the end of the one before."""
        if self._link is None:
            return 0.0
        heard = max(0, self._end_samples - self._link.pre_skip_samples)
        return self._link.start_ms + heard / _SAMPLES_PER_MS

    def _cut(
        self, link: OpusLink, page: Page, packets: tuple[bytes, ...], *, is_after_loss: bool
    ) -> Iterator[OpusChunk]:
        length = sum(map(_samples, packets))
        if self._zero is None:
            self._zero = max(0, page.granule - length)
        end = page.granule - self._zero if page.granule != NO_GRANULE else 0
        start = self._end_samples
        if is_after_loss and start < end - length <= start + _LONGEST_LOSS_SAMPLES:
            # The server is to see the gap too: it fills it.
            start = end - length
            self._index += 1
        until = start + length
        if page.is_last and start <= end < until:
            until = end
        groups = list(_groups(packets))
        for number, group in enumerate(groups, start=1):
            group_end = min(until, start + sum(map(_samples, group)))
            is_last = page.is_last and number == len(groups)
            yield OpusChunk(self._index, link, group, start, group_end, is_last)
            self._index += 1
            start = group_end
        self._end_samples = until


def opus_length_ms(tail: bytes) -> float | None:
    """Return the length of a file by its last bytes, None if they do not tell.

    The pre-skip, a few milliseconds, counts as audio.
    """
    pages = PageReader()
    pages.feed(tail)
    granule = NO_GRANULE
    while (page := pages.next_page()) is not None:
        granule = max(granule, page.granule)
    return None if granule == NO_GRANULE else granule / _SAMPLES_PER_MS


def _groups(packets: tuple[bytes, ...]) -> Iterator[tuple[bytes, ...]]:
    group: list[bytes] = []
    samples = segments = 0
    for packet in packets:
        samples += _samples(packet)
        segments += len(packet) // 255 + 1
        if group and (samples > _CHUNK_SAMPLES or segments > _MOST_SEGMENTS):
            yield tuple(group)
            group, samples, segments = [], _samples(packet), len(packet) // 255 + 1
        group.append(packet)
    yield tuple(group)


def _samples(packet: bytes) -> int:
    """Return the length of a packet; what is no Opus packet has none."""
    return packet_samples(packet) or 0


def _lacing(packet: bytes) -> bytes:
    return b"\xff" * (len(packet) // 255) + bytes((len(packet) % 255,))


def _no_header(head: bytes) -> RequestError:
    found = header_format(head)
    if found is None:
        problem = (
            "there is no Ogg Opus header; for other audio give the encoding, "
            "such as LINEAR16_PCM with a sample rate"
        )
    elif "WAV" in found:
        problem = f"there is no Ogg Opus header but {found}; use FileSource, which reads WAV"
    else:
        problem = f"there is no Ogg Opus header but {found}; accepted: Ogg Opus, PCM, a WAV file"
    return RequestError(ErrorCode.INVALID_AUDIO, problem)
