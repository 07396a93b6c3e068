"""What the first bytes of a file are taken for."""

import struct

import pytest

from rechka.client.headers import Header, read_header
from rechka.errors import ErrorCode, RequestError
from rechka.spec import AudioEncoding


def wav(
    *,
    tag: int = 1,
    channels: int = 1,
    rate_hz: int = 16_000,
    bits: int = 16,
    data_bytes: int = 100,
    before: bytes = b"",
    extension: bytes = b"",
) -> bytes:
    block = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, rate_hz, rate_hz * block, block, bits) + extension
    body = b"WAVE" + before + b"fmt " + struct.pack("<I", len(form)) + form
    body += b"data" + struct.pack("<I", data_bytes)
    return b"RIFF" + struct.pack("<I", len(body) + data_bytes) + body


def refusal(head: bytes) -> str:
    with pytest.raises(RequestError) as caught:
        read_header(head, is_all=True)
    assert caught.value.code is ErrorCode.INVALID_AUDIO
    return caught.value.message


def test_a_wav_header_tells_rate_and_place_of_the_audio() -> None:
    head = wav(rate_hz=8_000, data_bytes=320)
    expected = Header(AudioEncoding.LINEAR16_PCM, 8_000, len(head), 320)
    assert read_header(head + bytes(320), is_all=False) == expected


def test_chunks_before_the_format_are_skipped_with_their_padding() -> None:
    head = wav(before=b"LIST" + struct.pack("<I", 5) + b"abcde\0")
    found = read_header(head, is_all=False)
    assert found is not None
    assert found.audio_from == len(head)


def test_an_extensible_header_of_pcm_is_pcm() -> None:
    extension = struct.pack("<HHIH", 22, 16, 4, 1) + bytes(14)
    found = read_header(wav(tag=0xFFFE, extension=extension), is_all=True)
    assert found is not None
    assert found.rate_hz == 16_000


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_size_that_the_writer_did_not_know_means_to_the_end(size: int) -> None:
    head = wav()[:-4] + struct.pack("<I", size)
    found = read_header(head, is_all=True)
    assert found is not None
    assert found.audio_bytes is None


def test_every_prefix_of_a_header_asks_for_more() -> None:
    head = wav(before=b"LIST" + struct.pack("<I", 4) + b"abcd")
    for length in range(len(head)):
        assert read_header(head[:length], is_all=False) is None


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (wav(channels=2), "2 channels; accepted: 1 channel; mix or pick a channel: ffmpeg"),
        (wav(rate_hz=44_100), "44100 Hz; accepted: 8000, 16000, 48000 Hz; convert it"),
        (wav(bits=24), "24-bit PCM; accepted: 16-bit PCM"),
        (wav(bits=8), "8-bit PCM; accepted: 16-bit PCM"),
        (wav(tag=3, bits=32), "32-bit floating point; accepted: 16-bit PCM"),
        (wav(tag=6, bits=8), "8-bit A-law; accepted: 16-bit PCM"),
        (wav(tag=7, bits=8), "8-bit mu-law; accepted: 16-bit PCM"),
        (wav(tag=0x55), "format 0x0055; accepted: 16-bit PCM"),
    ],
)
def test_other_wav_is_refused_with_what_came_and_what_to_do(head: bytes, said: str) -> None:
    assert said in refusal(head)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"fLaC\x00\x00\x00\x22" + bytes(40), "FLAC"),
        (b"ID3\x03\x00\x00\x00\x00\x00\x21" + bytes(40), "MP3"),
        (b"\x00\x00\x00\x20ftypM4A " + bytes(40), "MP4"),
        (b"OggS\0\2" + bytes(22) + b"\x01vorbis" + bytes(40), "Vorbis"),
        (b"RIFX\0\0\0\0WAVE" + bytes(40), "big-endian WAV"),
    ],
    ids=["FLAC", "MP3", "MP4", "Vorbis", "RIFX"],
)
def test_other_formats_are_refused_by_name(head: bytes, name: str) -> None:
    assert name in refusal(head)


@pytest.mark.parametrize("head", [wav()[:30], b"RIFF\0\0\0\0WAVEdata\0\0\0\0", wav()[:-8]])
def test_a_broken_wav_is_refused(head: bytes) -> None:
    assert "broken WAV" in refusal(head)


def test_a_format_chunk_that_is_too_short_is_refused() -> None:
    head = b"RIFF\0\0\0\0WAVEfmt " + struct.pack("<I", 4) + bytes(4) + b"data" + bytes(4)
    assert "broken WAV" in refusal(head + bytes(40))


def test_ogg_opus_is_known_by_its_head() -> None:
    head = b"OggS\0\2" + bytes(20) + b"\1\x13OpusHead" + bytes(40)
    assert read_header(head, is_all=False) == Header(AudioEncoding.OGG_OPUS)


@pytest.mark.parametrize("head", [b"", b"\0", bytes(100), b"\xff\xfb\x90\x00" + bytes(60)])
def test_anything_else_has_no_header(head: bytes) -> None:
    assert read_header(head, is_all=True) == Header()
