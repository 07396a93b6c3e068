"""Audio in pieces that know their time."""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.marked_opus import PACKET_MS, MarkedOpusReader, encode
from fakes.marked_speech import random_speech
from rechka.audio.ogg import Page, PageReader
from rechka.client.chunks import AudioChunk, PcmFraming
from rechka.client.opus import OpusFraming, opus_length_ms
from rechka.errors import ErrorCode, RequestError


def cut(data: bytes, seed: int) -> list[bytes]:
    """Cut bytes at random places; pieces may be empty."""
    dice = random.Random(seed)
    places = sorted(dice.randint(0, len(data)) for _ in range(dice.randint(0, 30)))
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


@given(st.binary(max_size=5_000), st.integers(0, 10_000), st.integers(10, 200))
def test_pcm_cut_anywhere_gives_the_same_bytes_at_the_right_times(
    data: bytes, seed: int, chunk_ms: int
) -> None:
    framing = PcmFraming(8_000, chunk_ms=chunk_ms)
    chunks = [chunk for piece in cut(data, seed) for chunk in framing.feed(piece)]
    chunks += framing.flush()
    assert b"".join(chunk.data for chunk in chunks) == data[: len(data) // 2 * 2]
    position_ms = 0.0
    for index, chunk in enumerate(chunks):
        assert chunk.index == index
        assert chunk.start_ms == pytest.approx(position_ms)
        assert 0 < len(chunk.data) <= chunk_ms * 16
        assert len(chunk.data) % 2 == 0
        assert chunk.encode(chunks[0]) == chunk.data
        position_ms = chunk.end_ms


def test_tiny_pieces_are_put_together() -> None:
    framing = PcmFraming(8_000, chunk_ms=100)
    chunks = [chunk for _ in range(1_000) for chunk in framing.feed(b"\0")]
    assert {len(chunk.data) for chunk in chunks} == {160}


def test_pcm_is_cut_at_the_sample_at_or_before_a_position() -> None:
    chunk = next(iter(PcmFraming(1_000, chunk_ms=100).feed(bytes(range(200)))))
    assert chunk.since(0).data == chunk.data
    assert chunk.since(-5).data == chunk.data
    later = chunk.since(42.7)
    assert later.start_ms == 42
    assert later.data == chunk.data[84:]
    assert later.end_ms == chunk.end_ms


def test_a_rate_of_zero_is_refused() -> None:
    with pytest.raises(RequestError, match="sample rate: got 0"):
        PcmFraming(0, chunk_ms=100)


def framed(data: bytes, seed: int = 0) -> list[AudioChunk]:
    framing = OpusFraming()
    chunks = [chunk for piece in cut(data, seed) for chunk in framing.feed(piece)]
    return [*chunks, *framing.flush()]


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 255))
def test_opus_cut_anywhere_is_decoded_to_the_same(seed: int, packets_per_page: int) -> None:
    speech = random_speech(seed, utterances=3, step_ms=PACKET_MS)
    chunks = framed(encode(speech, packets_per_page=packets_per_page), seed)
    reader = MarkedOpusReader()
    decoded = [value for chunk in chunks for value in reader.decode(chunk.encode(chunks[0]))]
    assert decoded == list(speech.samples)
    for before, after in itertools.pairwise(chunks):
        assert after.start_ms == pytest.approx(before.end_ms)
    assert all(chunk.end_ms - chunk.start_ms <= 200 for chunk in chunks)


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(1, 255), st.data())
def test_opus_that_begins_anywhere_is_a_sound_stream(
    seed: int, packets_per_page: int, data: st.DataObject
) -> None:
    speech = random_speech(seed, utterances=3, step_ms=PACKET_MS)
    chunks = framed(encode(speech, packets_per_page=packets_per_page))
    position_ms = data.draw(st.floats(0, chunks[-1].end_ms - 0.1))
    first = next(chunk for chunk in chunks if chunk.end_ms > position_ms)
    rest = [first.since(position_ms), *chunks[first.index + 1 :]]
    assert position_ms - PACKET_MS < rest[0].start_ms <= position_ms
    reader = MarkedOpusReader()
    decoded = [value for chunk in rest for value in reader.decode(chunk.encode(rest[0]))]
    assert decoded == list(speech.samples[round(rest[0].start_ms) :])
    for chunk in rest:
        assert len(chunk.encode(rest[0])) <= chunk.size_bytes


def test_chained_streams_go_on_in_time() -> None:
    one = random_speech(1, utterances=2, step_ms=PACKET_MS)
    two = random_speech(2, utterances=2, step_ms=PACKET_MS)
    chunks = framed(encode(one, serial=1) + encode(two, serial=2))
    expected = list(one.samples + two.samples)
    reader = MarkedOpusReader()
    assert [
        value for chunk in chunks for value in reader.decode(chunk.encode(chunks[0]))
    ] == expected
    # The same from the middle of the first stream on.
    rest = chunks[5:]
    reader = MarkedOpusReader()
    decoded = [value for chunk in rest for value in reader.decode(chunk.encode(rest[0]))]
    assert decoded == expected[round(rest[0].start_ms) :]
    second = next(chunk for chunk in chunks if chunk.index == 0 and chunk is not chunks[0])
    assert second.start_ms == len(one.samples)


def test_a_recorded_broadcast_begins_at_zero_all_the_same() -> None:
    speech = random_speech(3, utterances=2, step_ms=PACKET_MS)
    chunks = framed(encode(speech, first_granule=3_600 * 48_000))
    assert chunks[0].start_ms == 0
    reader = MarkedOpusReader()
    decoded = [value for chunk in chunks for value in reader.decode(chunk.encode(chunks[0]))]
    assert decoded == list(speech.samples)


def pages_of(data: bytes) -> list[Page]:
    reader = PageReader()
    reader.feed(data)
    pages = []
    while (page := reader.next_page()) is not None:
        pages.append(page)
    return pages


def test_a_lost_page_keeps_its_time_and_is_shown_to_the_server() -> None:
    speech = random_speech(4, utterances=3, step_ms=PACKET_MS)
    pages = pages_of(encode(speech, packets_per_page=10))
    chunks = framed(b"".join(page.encode() for page in [*pages[:6], *pages[7:]]))
    gaps = [after.start_ms - before.end_ms for before, after in itertools.pairwise(chunks)]
    assert [gap for gap in gaps if gap] == [pytest.approx(200)]
    sent = pages_of(b"".join(chunk.encode(chunks[0]) for chunk in chunks))
    sequence = [page.sequence for page in sent]
    assert sequence != list(range(len(sent)))
    assert sent[-1].granule == pages[-1].granule


def test_the_trimmed_end_stays_trimmed() -> None:
    speech = random_speech(5, utterances=1, step_ms=PACKET_MS)
    pages = pages_of(encode(speech))
    trimmed = Page(
        serial=pages[-1].serial,
        sequence=pages[-1].sequence,
        granule=pages[-1].granule - 100,
        lacing=pages[-1].lacing,
        body=pages[-1].body,
        is_last=True,
    )
    chunks = framed(b"".join(page.encode() for page in [*pages[:-1], trimmed]))
    sent = pages_of(chunks[-1].encode(chunks[0]))
    assert sent[-1].granule == trimmed.granule
    assert sent[-1].is_last


@pytest.mark.parametrize(
    ("head", "text"),
    [
        (b"RIFF\x24\x80\0\0WAVEfmt ", r"a WAV header \(RIFF\); use FileSource, which reads WAV"),
        (b"fLaC\0\0\0\x22", r"a FLAC header \(fLaC\); accepted: Ogg Opus, PCM, a WAV file"),
    ],
)
@pytest.mark.parametrize("size", [20, 70_000])
def test_another_format_than_ogg_opus_is_named(head: bytes, text: str, size: int) -> None:
    with pytest.raises(RequestError, match=text):
        framed(head + bytes(size))


@pytest.mark.parametrize("data", [b"no ogg at all", bytes(70_000)])
def test_what_is_no_ogg_is_refused(data: bytes) -> None:
    with pytest.raises(RequestError, match="no Ogg Opus header") as caught:
        framed(data)
    assert caught.value.code is ErrorCode.INVALID_AUDIO


def test_no_bytes_are_no_audio() -> None:
    assert framed(b"") == []


def test_the_length_of_a_file_is_told_by_its_end() -> None:
    speech = random_speech(6, utterances=3, step_ms=PACKET_MS)
    data = encode(speech)
    assert opus_length_ms(data[-3_000:]) == pytest.approx(len(speech.samples), abs=2 * PACKET_MS)
    assert opus_length_ms(b"") is None
