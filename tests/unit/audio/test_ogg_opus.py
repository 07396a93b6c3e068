from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.opus_audio import RATE_HZ, cut, encode, join, renumber, silent_pages, tones
from rechka.audio.ogg import NO_GRANULE, Page
from rechka.audio.ogg_opus import OggOpusDecoder
from rechka.audio.resample import Resampler
from rechka.audio.samples import Samples

_DATA = Path(__file__).parents[4] / "shared" / "data" / "speech" / "en"
# 1.2 s and a bit, so that the end lies inside a packet.
_SOUND = tones(1.2 + 123 / RATE_HZ)
_HEAD_SKIP = slice(10, 12)
_HEAD_GAIN = slice(16, 18)


@cache
def _pages(channels: int = 1) -> tuple[Page, ...]:
    return tuple(encode(_SOUND, channels=channels))


def decode(*chunks: bytes) -> Samples:
    decoder = OggOpusDecoder()
    return np.concatenate([*(decoder.decode(chunk) for chunk in chunks), decoder.flush()])


def similarity(one: Samples, other: Samples) -> float:
    """Return the correlation, 1 for the same wave form at the same place."""
    return float(np.dot(one, other) / np.sqrt(np.dot(one, one) * np.dot(other, other)))


def with_head(pages: list[Page], where: slice, value: int) -> list[Page]:
    body = bytearray(pages[0].body)
    body[where] = value.to_bytes(2, "little", signed=where == _HEAD_GAIN)
    return [replace(pages[0], body=bytes(body)), *pages[1:]]


def test_length_and_place_are_exact_to_the_sample() -> None:
    decoded = decode(join(list(_pages())))
    assert decoded.dtype == np.float32
    assert len(decoded) == len(_SOUND)
    assert similarity(decoded, _SOUND) > 0.99
    for shift in (1, 2, 3):
        assert similarity(decoded[shift:], _SOUND[:-shift]) < similarity(decoded, _SOUND)
        assert similarity(decoded[:-shift], _SOUND[shift:]) < similarity(decoded, _SOUND)


@given(st.lists(st.integers(0, 100_000), max_size=30))
@settings(max_examples=40)
def test_samples_do_not_depend_on_where_the_bytes_are_cut(places: list[int]) -> None:
    stream = join(list(_pages()))
    np.testing.assert_array_equal(decode(*cut(stream, places)), decode(stream))


def test_single_bytes_give_the_same_samples() -> None:
    stream = join(list(_pages()))
    np.testing.assert_array_equal(decode(*(bytes((b,)) for b in stream)), decode(stream))


@given(st.integers(0, 3000))
@settings(max_examples=15)
def test_exactly_the_pre_skip_is_dropped(skip: int) -> None:
    pages = list(_pages())
    whole = decode(join(with_head(pages, _HEAD_SKIP, 0)))
    np.testing.assert_array_equal(decode(join(with_head(pages, _HEAD_SKIP, skip))), whole[skip:])


def test_a_pre_skip_longer_than_a_page_goes_on() -> None:
    pages = list(_pages())
    whole = decode(join(with_head(pages, _HEAD_SKIP, 0)))
    skipped = decode(join(with_head(pages, _HEAD_SKIP, 30_000)))
    np.testing.assert_array_equal(skipped, whole[30_000:])


@pytest.mark.parametrize("trimmed", [0, 1, 100, 400])
def test_the_last_position_trims_the_end(trimmed: int) -> None:
    pages = list(_pages())
    whole = decode(join(pages))
    pages[-1] = replace(pages[-1], granule=pages[-1].granule - trimmed)
    np.testing.assert_array_equal(decode(join(pages)), whole[: len(whole) - trimmed])


@pytest.mark.parametrize("granule", [0, NO_GRANULE, 2**62])
def test_a_senseless_last_position_trims_nothing(granule: int) -> None:
    pages = list(_pages())
    pages[-1] = replace(pages[-1], granule=granule)
    whole = decode(join(pages))
    assert len(_SOUND) <= len(whole) < len(_SOUND) + 960


def test_positions_in_another_unit_cost_no_audio() -> None:
    pages = [replace(page, granule=page.granule // 3) for page in _pages()]
    assert len(_SOUND) <= len(decode(join(pages))) < len(_SOUND) + 960


@pytest.mark.parametrize("length", [1, 100, 648, 959, 960, 2000])
def test_a_short_stream_has_its_exact_length(length: int) -> None:
    assert len(decode(join(encode(_SOUND[:length])))) == length


@pytest.mark.parametrize("serials", [(1, 2), (1, 1)])
def test_streams_follow_one_another(serials: tuple[int, int]) -> None:
    first = encode(_SOUND[:30_000], serial=serials[0])
    second = with_head(encode(_SOUND[20_000:], serial=serials[1]), _HEAD_SKIP, 1000)
    together = decode(join(first + second))
    np.testing.assert_array_equal(
        together, np.concatenate((decode(join(first)), decode(join(second))))
    )
    assert len(together) == 30_000 + len(_SOUND) - 20_000 - (1000 - 312)


def test_a_stream_without_an_end_is_followed_by_another() -> None:
    first = list(_pages())[:-1]
    second = encode(_SOUND, serial=9)
    together = decode(join(first + second))
    np.testing.assert_array_equal(
        together, np.concatenate((decode(join(first)), decode(join(second))))
    )


def test_other_streams_side_by_side_are_passed_over() -> None:
    pages = list(_pages())
    other = [replace(page, serial=99, body=bytes(len(page.body))) for page in pages]
    mixed = [page for pair in zip(other, pages, strict=True) for page in pair]
    np.testing.assert_array_equal(decode(join(mixed)), decode(join(pages)))


def test_of_two_opus_streams_side_by_side_the_first_counts() -> None:
    pages = list(_pages())
    other = [replace(page, serial=99) for page in encode(tones(1.5, seed=5))]
    mixed = [pages[0], other[0], pages[1], other[1], *pages[2:4], *other[2:], *pages[4:]]
    np.testing.assert_array_equal(decode(join(mixed)), decode(join(pages)))


def test_stereo_becomes_the_mean_of_both_sides() -> None:
    decoded = decode(join(list(_pages(2))))
    assert len(decoded) == len(_SOUND)
    scale = np.dot(decoded, _SOUND) / np.dot(_SOUND, _SOUND)
    assert similarity(decoded, _SOUND) > 0.95
    assert 0.45 < scale < 0.55


def test_the_output_gain_is_applied() -> None:
    pages = list(_pages())
    quiet = decode(join(with_head(pages, _HEAD_GAIN, -6 * 256)))
    np.testing.assert_allclose(quiet, decode(join(pages)) * 10 ** (-6 / 20), atol=1e-6)


def test_a_monstrous_gain_stays_within_full_scale() -> None:
    loud = decode(join(with_head(list(_pages()), _HEAD_GAIN, 32_767)))
    assert np.abs(loud).max() == 1.0
    assert np.isfinite(loud).all()


def test_a_lost_page_keeps_the_time_of_what_follows() -> None:
    pages = list(_pages())
    whole = decode(join(pages))
    page_samples = pages[4].granule - pages[3].granule
    damaged = decode(join(pages[:4] + pages[5:]))
    assert len(damaged) == len(whole)
    lost_from = pages[3].granule - 312
    np.testing.assert_array_equal(damaged[:lost_from], whole[:lost_from])
    # The decoder needs some packets to find its way back.
    after = lost_from + page_samples + 4800
    assert similarity(damaged[after:], whole[after:]) > 0.99
    gap = damaged[lost_from : lost_from + page_samples]
    # Concealment fades out within 100 ms.
    assert np.abs(gap[4800:]).max(initial=0) == 0
    assert np.abs(gap).max() < 1.5 * np.abs(whole).max()


def test_the_end_is_exact_after_a_loss_right_before_it() -> None:
    # The last page holds several packets, so that the decoder finds its way back.
    pages = encode(tones(1.13))
    whole = decode(join(pages))
    damaged = decode(join(pages[:-2] + pages[-1:]))
    assert len(damaged) == len(whole) == round(1.13 * RATE_HZ)
    end = slice(pages[-2].granule - 312 + 1920, None)
    assert similarity(damaged[end], whole[end]) > 0.98


def test_a_jump_after_an_earlier_loss_is_no_loss() -> None:
    pages = list(_pages())
    jumped = [replace(page, granule=page.granule + RATE_HZ) for page in pages[6:]]
    assert len(pages) > 7
    assert len(decode(join(pages[:3] + pages[4:6] + jumped))) < len(_SOUND) + 960


def test_a_damaged_packet_keeps_the_time_of_what_follows() -> None:
    pages = list(_pages())
    whole = decode(join(pages))
    page = pages[4]
    # The first packet of the page becomes one that tells no length.
    body = b"\xff" + page.body[1:]
    pages[4] = replace(page, body=body[:1] + b"\x3f" + body[2:])
    assert len(decode(join(pages))) == len(whole)


def test_repeated_pages_are_passed_over() -> None:
    pages = list(_pages())
    repeated = [*pages[:1], *pages[:4], *pages[2:4], *pages[4:], pages[-1]]
    np.testing.assert_array_equal(decode(join(repeated)), decode(join(pages)))


@given(st.lists(st.tuples(st.integers(200, 100_000), st.integers(0, 7)), min_size=1, max_size=5))
@settings(max_examples=40)
def test_flipped_bits_cost_at_most_the_pages_they_hit(flips: list[tuple[int, int]]) -> None:
    pages = list(_pages())
    # Behind the damage there are more bytes than any damaged length can claim.
    stream = bytearray(join(pages))
    for place, bit in flips:
        stream[max(400, place % len(stream))] ^= 1 << bit
    decoder = OggOpusDecoder()
    decoded = decoder.decode(bytes(stream))
    assert len(decoded) <= len(_SOUND) + 960
    assert np.isfinite(decoded).all()


def test_a_recording_joined_in_its_middle_begins_at_zero() -> None:
    pages = list(_pages())
    joined = decode(join(pages[:2] + pages[4:]))
    assert len(joined) == len(_SOUND) + 312 - pages[3].granule - 312


def test_a_jump_of_the_position_does_not_fill_the_memory() -> None:
    pages = list(_pages())
    for hours in (0.1, 1, 10_000):
        jumped = [
            replace(page, sequence=page.sequence + 5, granule=page.granule + round(hours * 1.728e8))
            for page in pages[4:]
        ]
        assert len(decode(join(pages[:4] + jumped))) < 2 * RATE_HZ


@pytest.mark.parametrize(("gap_seconds", "filled_seconds"), [(59, 59), (61, 0)])
def test_at_most_a_minute_is_filled_in_at_once(gap_seconds: int, filled_seconds: int) -> None:
    # More than two minutes.
    pages = silent_pages(11, packets=100)
    granule = pages[-1].granule + gap_seconds * RATE_HZ
    pages[-1] = replace(pages[-1], sequence=99, granule=granule)
    decoded = decode(join([*_pages()[:2], *pages]))
    assert len(decoded) == 11 * 100 * 5760 - 312 + filled_seconds * RATE_HZ


def test_many_losses_do_not_fill_the_memory() -> None:
    pages = list(_pages())
    page = pages[3]
    flood = [
        replace(page, sequence=10 * number, granule=number * 50 * RATE_HZ)
        for number in range(1, 99)
    ]
    # A minute is free; beyond that no more is lost than was decoded.
    assert len(decode(join(pages[:3] + flood))) < (60 + 50 + 99) * RATE_HZ


def test_nothing_is_written_to_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    pages = list(_pages())
    pages[4] = replace(pages[4], body=bytes(reversed(pages[4].body)))
    decode(join(pages))
    assert capfd.readouterr() == ("", "")


def test_long_comments_are_passed_over() -> None:
    pages = list(_pages())
    body = b"OpusTags" + bytes(500_000)
    tags = [
        Page(
            serial=1,
            sequence=0,
            granule=NO_GRANULE,
            lacing=b"\xff" * 255,
            body=body[start : start + 65_025].ljust(65_025, b"\0"),
            is_continued=start > 0,
        )
        for start in range(0, len(body), 65_025)
    ]
    end = Page(serial=1, sequence=0, granule=0, lacing=b"\0", body=b"", is_continued=True)
    long = renumber([pages[0], *tags, end, *pages[2:]])
    np.testing.assert_array_equal(decode(join(long)), decode(join(pages)))


def test_a_stream_without_audio_is_empty() -> None:
    assert len(decode()) == 0
    assert len(decode(b"")) == 0
    assert len(decode(join(list(_pages())[:2]))) == 0


def test_long_audio_goes_on_without_an_end() -> None:
    # Packets of 2.5 ms that hold any bytes; 1.2 MB of them.
    rng = np.random.default_rng(0)
    packets = 255
    pages = [
        Page(
            serial=1,
            sequence=2 + number,
            granule=120 * packets * (number + 1),
            lacing=b"\xfe" * packets,
            body=b"".join(b"\x80" + rng.bytes(253) for _ in range(packets)),
        )
        for number in range(19)
    ]
    assert len(decode(*(page.encode() for page in [*_pages()[:2], *pages]))) == 19 * 30_600 - 312


@given(st.lists(st.binary(max_size=300), max_size=40))
@settings(max_examples=60)
def test_any_packets_give_the_length_that_they_announce(packets: list[bytes]) -> None:
    head, tags = _pages()[:2]
    pages = [
        Page(
            serial=1,
            sequence=0,
            granule=number,
            lacing=b"\xff" * (len(packet) // 255) + bytes((len(packet) % 255,)),
            body=packet,
        )
        for number, packet in enumerate(packets, start=1)
    ]
    decoded = decode(join(renumber([head, tags, *pages])))
    assert len(decoded) <= 5760 * len(packets)
    assert np.isfinite(decoded).all()
    assert np.abs(decoded).max(initial=0) <= 1


@pytest.mark.parametrize("path", sorted(_DATA.glob("*.ogg")), ids=lambda path: path.name)
def test_real_recordings_decode_as_by_another_decoder(path: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    expected, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    decoded = decode(path.read_bytes())
    resampler = Resampler(RATE_HZ, rate_hz)
    resampled = np.concatenate((resampler.accept(decoded), resampler.flush()))
    assert abs(len(resampled) - len(expected)) <= 1
    length = min(len(resampled), len(expected))
    # Decoders differ a little in how they bring speech to their output rate.
    assert similarity(resampled[:length], expected.mean(axis=1)[:length]) > 0.98
