from hypothesis import given
from hypothesis import strategies as st

from rechka.audio.ogg import NO_GRANULE, Page
from rechka.audio.ogg_packets import PacketReader, PagePackets


def paginate(packets: list[bytes], *, segments: int) -> list[Page]:
    """Lay packets out on pages of at most so many segments."""
    pieces: list[tuple[bytes, bool]] = []
    for packet in packets:
        starts = range(0, len(packet) + 1, 255)
        pieces += [(packet[start : start + 255], start == 0) for start in starts]
    pages: list[Page] = []
    for start in range(0, len(pieces), segments):
        group = pieces[start : start + segments]
        lacing = bytes(len(piece) for piece, _ in group)
        ends = any(length < 255 for length in lacing)
        pages.append(
            Page(
                serial=1,
                sequence=len(pages),
                granule=1000 * len(pages) if ends else NO_GRANULE,
                lacing=lacing,
                body=b"".join(piece for piece, _ in group),
                is_continued=not group[0][1],
            )
        )
    return pages


def read(pages: list[Page]) -> list[PagePackets | None]:
    reader = PacketReader(0)
    return [reader.accept(page) for page in pages]


def packets_of(found: list[PagePackets | None]) -> list[bytes]:
    return [packet for item in found if item is not None for packet in item.packets]


@given(st.lists(st.binary(max_size=900), max_size=12), st.integers(1, 6))
def test_packets_are_whole_wherever_the_pages_end(packets: list[bytes], segments: int) -> None:
    found = read(paginate(packets, segments=segments))
    assert packets_of(found) == packets
    assert not any(item is None or item.is_after_loss for item in found)


@given(
    st.lists(st.binary(min_size=1, max_size=900), min_size=1, max_size=12),
    st.integers(1, 6),
    st.sets(st.integers(0, 40)),
)
def test_after_lost_pages_only_whole_packets_come(
    packets: list[bytes], segments: int, lost: set[int]
) -> None:
    numbered = [bytes((number,)) + packet for number, packet in enumerate(packets)]
    pages = paginate(numbered, segments=segments)
    kept = [page for page in pages if page.sequence not in lost]
    found = read(kept)
    assert set(packets_of(found)) <= set(numbered)
    for before, page, item in zip([None, *kept], kept, found, strict=False):
        expected = 0 if before is None else before.sequence + 1
        assert item is not None
        assert item.is_after_loss >= (page.sequence != expected)


def test_a_packet_cut_by_a_loss_is_not_given_out() -> None:
    pages = paginate([b"a" * 600, b"b", b"c" * 600, b"d"], segments=2)
    found = read([pages[0], *pages[2:]])
    assert packets_of(found) == [b"c" * 600, b"d"]


def test_repeated_pages_are_passed_over() -> None:
    pages = paginate([bytes((number,)) * 300 for number in range(6)], segments=2)
    found = read([*pages[:3], *pages[1:3], pages[2], *pages[3:]])
    assert packets_of(found) == [bytes((number,)) * 300 for number in range(6)]
    assert found[3:6] == [None, None, None]


def test_a_continuation_without_a_beginning_is_a_loss() -> None:
    page = Page(serial=1, sequence=0, granule=5, lacing=b"\x01\x01", body=b"xy", is_continued=True)
    assert read([page]) == [PagePackets((b"y",), True)]


def test_a_packet_without_its_end_is_a_loss() -> None:
    begun = Page(serial=1, sequence=0, granule=NO_GRANULE, lacing=b"\xff", body=bytes(255))
    other = Page(serial=1, sequence=1, granule=5, lacing=b"\x01", body=b"x")
    assert read([begun, other])[1] == PagePackets((b"x",), True)


def test_page_numbers_run_over() -> None:
    reader = PacketReader(2**32 - 1)
    for sequence in (2**32 - 1, 0, 1):
        page = Page(serial=1, sequence=sequence, granule=9, lacing=b"\x01", body=b"x")
        assert reader.accept(page) == PagePackets((b"x",), False)


def test_a_packet_without_end_does_not_fill_the_memory() -> None:
    reader = PacketReader(0)
    for sequence in range(10):
        page = Page(
            serial=1,
            sequence=sequence,
            granule=NO_GRANULE,
            lacing=b"\xff" * 255,
            body=bytes(65_025),
            is_continued=sequence > 0,
        )
        assert reader.accept(page) is not None
        assert len(reader._begun or b"") <= 65_536
    end = Page(serial=1, sequence=10, granule=5, lacing=b"\0\1", body=b"x", is_continued=True)
    assert reader.accept(end) == PagePackets((b"x",), True)
