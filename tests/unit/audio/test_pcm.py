import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.opus_audio import cut
from rechka.audio.pcm import PcmDecoder
from rechka.audio.samples import Samples, from_pcm16, to_pcm16
from rechka.errors import ErrorCode, RequestError

_WAV = b"RIFF\x24\x08\0\0WAVEfmt \x10\0\0\0"
_MP3_FRAME = b"\xff\xfb\x90\x64" + bytes(413)


def decode(*chunks: bytes) -> Samples:
    decoder = PcmDecoder(8000)
    return np.concatenate([*(decoder.decode(chunk) for chunk in chunks), decoder.flush()])


def single_bytes(data: bytes) -> list[bytes]:
    return [bytes((byte,)) for byte in data]


def refusal(*chunks: bytes) -> str:
    with pytest.raises(RequestError) as caught:
        decode(*chunks)
    assert caught.value.code is ErrorCode.INVALID_AUDIO
    assert caught.value.message.startswith("Invalid audio received: the stream begins with ")
    assert caught.value.violations == {
        "audio_content": caught.value.message.removeprefix("Invalid audio received: ")
    }
    return caught.value.message


@given(st.binary(max_size=3000), st.lists(st.integers(0, 3000)))
def test_samples_do_not_depend_on_where_the_bytes_are_cut(pcm: bytes, places: list[int]) -> None:
    decoded = decode(*cut(b"\x01\x02" + pcm, places))
    np.testing.assert_array_equal(decoded, from_pcm16((b"\x01\x02" + pcm)[: len(pcm) + 2 & ~1]))


def test_full_scale_is_one() -> None:
    decoded = decode(struct.pack("<4h", -32768, 0, 16384, 32767))
    assert decoded.tolist() == [-1.0, 0.0, 0.5, 32767 / 32768]


def test_nothing_is_held_back_after_the_beginning() -> None:
    decoder = PcmDecoder(16_000)
    assert decoder.rate_hz == 16_000
    assert len(decoder.decode(bytes(15))) == 0
    assert len(decoder.decode(bytes(1))) == 8
    assert len(decoder.decode(bytes(3))) == 1
    assert len(decoder.decode(bytes(1))) == 1


@pytest.mark.parametrize("length", range(17))
def test_short_audio_comes_out_at_the_end(length: int) -> None:
    assert len(decode(*single_bytes(bytes(length)))) == length // 2


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (_WAV, "a WAV header (RIFF) while audio_encoding is LINEAR16_PCM; send the samples with"),
        (b"RF64\xff\xff\xff\xffWAVEds64", "a WAV header"),
        (b"OggS\0\2" + bytes(20), "an Ogg header (OggS) while audio_encoding is LINEAR16_PCM; set"),
        (b"fLaC\0\0\0\x22\x10\0\x10\0\0\0\0\0", "a FLAC header"),
        (b"ID3\x03\0\0\0\0\x0f\x76TIT2\0\0", "an MP3 header"),
        (_MP3_FRAME * 3, "MP3 frames"),
        (b"\x1aE\xdf\xa3\x01\0\0\0\0\0\0\x1fB\x86\x81\x01", "a WebM header"),
        (b"\0\0\0\x20ftypM4A \0\0\0\0", "an MP4 header"),
        (b"FORM\0\0\1\0AIFFCOMM", "an AIFF header"),
        (b".snd\0\0\0\x18" + bytes(8), "an AU header"),
        (b"#!AMR\n" + bytes(10), "an AMR header"),
    ],
)
def test_headers_of_other_formats_are_named(head: bytes, name: str) -> None:
    assert name in refusal(head)
    assert name in refusal(*single_bytes(head))


def test_a_header_alone_is_named_at_the_end() -> None:
    assert "WAV" in refusal(_WAV[:12])


@pytest.mark.parametrize(
    "head", [_WAV[:11], b"RIFFxxxxAVI LIST", b"OggS\x01\0", b"ID3\x03\0\0\xff"]
)
def test_what_only_resembles_a_header_is_audio(head: bytes) -> None:
    assert len(decode(head + bytes(9000))) == (len(head) + 9000) // 2


@pytest.mark.parametrize(
    "pattern",
    [
        b"\xff\xff",  # Silence at the value -1.
        b"\xff\xfb",
        b"\xff\xfb\x90\x64",  # The first bytes of an MP3 frame, again and again.
        _MP3_FRAME + bytes(1),
        b"\xfb\xff\xf3\xff",
    ],
)
def test_audio_that_resembles_mp3_is_not_refused(pattern: bytes) -> None:
    pcm = pattern * (12_000 // len(pattern))
    assert len(decode(*cut(pcm, [1, 100, 4000]))) == len(pcm) // 2


@given(st.integers(0, 2**32 - 1))
def test_noise_is_not_refused(seed: int) -> None:
    pcm = b"\xff\xfb" + np.random.default_rng(seed).bytes(8000)
    assert len(decode(pcm)) == 4001


@given(st.lists(st.floats(-2, 2, width=32)))
def test_samples_survive_the_way_to_bytes_and_back(values: list[float]) -> None:
    samples = np.array(values, dtype=np.float32)
    back = from_pcm16(to_pcm16(samples))
    np.testing.assert_allclose(back, np.clip(samples, -1, 32767 / 32768), atol=1 / 65536)
