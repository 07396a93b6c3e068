from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.opus_audio import cut, read_pages
from rechka.audio.ogg import Page, PageReader, ogg_crc

# The longest: 27 bytes, 255 segment lengths and 255 segments of 255 bytes.
MOST_PAGE_BYTES = 65_307


def bitwise_crc(data: bytes) -> int:
    """The checksum as RFC 3533 words it: one bit after the other."""
    register = 0
    for byte in data:
        register ^= byte << 24
        for _ in range(8):
            register = register << 1 ^ (0x04C11DB7 if register & 0x80000000 else 0)
            register &= 0xFFFFFFFF
    return register


def page(sequence: int = 0, *, packets: tuple[bytes, ...] = (b"packet",), serial: int = 7) -> Page:
    lacing = b"".join(b"\xff" * (len(p) // 255) + bytes((len(p) % 255,)) for p in packets)
    return Page(
        serial=serial, sequence=sequence, granule=960, lacing=lacing, body=b"".join(packets)
    )


@st.composite
def pages(draw: st.DrawFn) -> Page:
    lacing = draw(st.binary(max_size=20))
    return Page(
        serial=draw(st.integers(0, 2**32 - 1)),
        sequence=draw(st.integers(0, 2**32 - 1)),
        granule=draw(st.integers(-(2**63), 2**63 - 1)),
        lacing=lacing,
        body=draw(st.binary(min_size=sum(lacing), max_size=sum(lacing))),
        is_continued=draw(st.booleans()),
        is_first=draw(st.booleans()),
        is_last=draw(st.booleans()),
    )


def read(pieces: list[bytes]) -> list[Page]:
    reader = PageReader()
    found: list[Page] = []
    for piece in pieces:
        reader.feed(piece)
        found += iter(reader.next_page, None)
    return found


@given(st.binary(max_size=300))
def test_the_fast_checksum_is_that_of_the_standard(data: bytes) -> None:
    assert ogg_crc(data) == bitwise_crc(data)


@given(st.lists(pages(), max_size=6), st.lists(st.integers(0, 10_000)))
def test_pages_are_read_as_written_wherever_the_bytes_are_cut(
    written: list[Page], places: list[int]
) -> None:
    assert read(cut(b"".join(p.encode() for p in written), places)) == written


@pytest.mark.parametrize("garbage", [b"x", b"Ogg", b"OggOggOggS", b"OggS\0\0", bytes(70_000)])
def test_garbage_between_pages_is_skipped(garbage: bytes) -> None:
    sound = [page(number) for number in range(4)]
    stream = garbage.join(p.encode() for p in sound) + garbage
    assert read([stream]) == sound
    assert read([bytes((byte,)) for byte in stream]) == sound


def test_a_false_beginning_does_not_hide_the_pages_behind_it() -> None:
    false = b"OggS\0\0" + bytes(20) + b"\x02\xff\xff"
    sound = [page(number) for number in range(40)]
    assert read([false + b"".join(p.encode() for p in sound)]) == sound


@given(st.integers(0, 10_000), st.integers(0, 7))
def test_a_page_with_a_flipped_bit_is_dropped_alone(place: int, bit: int) -> None:
    sound = [page(number, packets=(bytes(500),)) for number in range(5)]
    damaged = bytearray(sound[2].encode())
    damaged[place % len(damaged)] ^= 1 << bit
    # More bytes than any page has, so that a damaged length cannot hold the end back.
    rest = [page(number, packets=(bytes(500),)) for number in range(5, 150)]
    before = b"".join(p.encode() for p in sound[:2])
    after = b"".join(p.encode() for p in sound[3:] + rest)
    assert read([before + bytes(damaged) + after]) == sound[:2] + sound[3:] + rest


@given(st.lists(st.binary(max_size=2000), max_size=20))
def test_no_more_than_a_page_is_kept(chunks: list[bytes]) -> None:
    reader = PageReader()
    total = 0
    for chunk in [*chunks, b"OggS\0\0" + bytes(20) + b"\xff" * 300_000]:
        reader.feed(chunk)
        total += len(chunk)
        list(iter(reader.next_page, None))
        assert len(reader._pending) < MOST_PAGE_BYTES
        assert reader.position_bytes + len(reader._pending) == total


def test_the_position_tells_the_end_of_the_page() -> None:
    reader = PageReader()
    reader.feed(b"xyz" + page().encode() + b"abc")
    assert reader.next_page() == page()
    assert reader.position_bytes == 3 + len(page().encode())


@pytest.mark.parametrize(("lacing", "body"), [(b"\x02", b"x"), (bytes(256), b"")])
def test_a_page_that_cannot_be_is_not_written(lacing: bytes, body: bytes) -> None:
    with pytest.raises(ValueError, match="segment lengths"):
        Page(serial=1, sequence=0, granule=0, lacing=lacing, body=body).encode()


def test_the_longest_page_is_read() -> None:
    longest = page(packets=(bytes(255 * 254 + 254),))
    assert len(longest.lacing) == 255
    assert read_pages(longest.encode()) == [longest]
    full = replace(longest, lacing=b"\xff" * 255, body=bytes(65_025))
    assert len(full.encode()) == MOST_PAGE_BYTES
