from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.opus_audio import encode, join, tones
from rechka.audio.ogg import Page
from rechka.audio.ogg_opus import OggOpusDecoder
from rechka.audio.samples import Samples
from rechka.errors import ErrorCode, RequestError

_SOUND = tones(1.2)


@cache
def _pages() -> tuple[Page, ...]:
    return tuple(encode(_SOUND))


def decode(*chunks: bytes) -> Samples:
    decoder = OggOpusDecoder()
    return np.concatenate([*(decoder.decode(chunk) for chunk in chunks), decoder.flush()])


def refusal(*chunks: bytes) -> RequestError:
    with pytest.raises(RequestError) as caught:
        decode(*chunks)
    error = caught.value
    assert error.code is ErrorCode.INVALID_AUDIO
    reason = error.violations["audio_content"]
    assert error.message == f"Invalid audio received: {reason}"
    return error


def test_bytes_that_end_before_a_header_are_refused() -> None:
    assert "no OpusHead" in refusal(b"OggS").message
    assert "LINEAR16_PCM" in refusal(bytes(100)).message


def test_garbage_is_refused_after_a_bounded_number_of_bytes() -> None:
    decoder = OggOpusDecoder()
    for _ in range(64):
        decoder.decode(bytes(1024))
    with pytest.raises(RequestError, match="Invalid audio received: no OpusHead in the first"):
        decoder.decode(bytes(1024))


def test_garbage_before_the_stream_is_passed_over() -> None:
    stream = join(list(_pages()))
    np.testing.assert_array_equal(decode(bytes(5000) + stream), decode(stream))


def test_garbage_in_the_middle_is_refused_after_a_bounded_number_of_bytes() -> None:
    pages = list(_pages())
    before, after = join(pages[:4]), join(pages[4:])
    assert len(decode(before, bytes(60_000), after)) == len(_SOUND)
    assert "no valid Ogg page within 65536 bytes" in refusal(before, bytes(70_000)).message
    assert "no valid Ogg page" in refusal(before + bytes(70_000) + after).message


def test_pages_without_audio_are_refused_after_a_bounded_number_of_bytes() -> None:
    pages = list(_pages())
    other = Page(serial=99, sequence=0, granule=0, lacing=b"\xfe" * 255, body=bytes(64_770))
    assert "no valid Opus packet" in refusal(join([*pages[:3], *[other] * 20])).message


@pytest.mark.parametrize(
    ("magic", "name"),
    [
        (b"\x01vorbis", "Vorbis"),
        (b"\x7fFLAC", "FLAC"),
        (b"Speex   ", "Speex"),
        (b"PCM     ", "an unknown codec"),
    ],
)
def test_another_codec_is_named(magic: bytes, name: str) -> None:
    body = magic + bytes(30)
    begin = Page(
        serial=1, sequence=0, granule=0, lacing=bytes((len(body),)), body=body, is_first=True
    )
    data = Page(serial=1, sequence=1, granule=0, lacing=b"\x01", body=b"x")
    assert refusal(join([begin, data])).message.endswith(f"holds {name}, not Opus")
    assert name in refusal(begin.encode()).message


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"RIFF\x24\0\0\0WAVEfmt ", "a WAV header"),
        (b"ID3\x04\0\0\0\0\x02\x01TSSE", "an MP3 header"),
        (b"fLaC\0\0\0\x22", "a FLAC header"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B", "a WebM header"),
        (b"\xff\xfb\x90\x64" + bytes(413) + (b"\xff\xfb\x90\x64" + bytes(413)) * 3, "MP3 frames"),
    ],
)
def test_another_format_is_named_at_once(head: bytes, name: str) -> None:
    assert name in refusal(head).message
    assert name in refusal(*(bytes((byte,)) for byte in head)).message


@pytest.mark.parametrize(("where", "value"), [(slice(8, 9), 0x10), (slice(9, 10), 3)])
def test_an_unsupported_header_is_refused(where: slice, value: int) -> None:
    first, *rest = _pages()
    body = bytearray(first.body)
    body[where] = bytes((value,))
    assert "Opus" in refusal(join([replace(first, body=bytes(body)), *rest])).message


@given(st.lists(st.one_of(st.binary(max_size=4000), st.integers(0, 9)), max_size=30))
@settings(max_examples=60)
def test_anything_is_decoded_or_refused_in_bounded_memory(parts: list[bytes | int]) -> None:
    pages = [page.encode() for page in _pages()]
    decoder = OggOpusDecoder()
    try:
        for part in parts:
            chunk = pages[part % len(pages)] if isinstance(part, int) else part
            assert np.isfinite(decoder.decode(chunk)).all()
            assert len(decoder._reader._pending) < 65_307
        decoder.flush()
    except RequestError as error:
        code = error.code
    else:
        code = ErrorCode.INVALID_AUDIO
    assert code is ErrorCode.INVALID_AUDIO
