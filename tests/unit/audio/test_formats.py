import io

import av
import numpy as np
import pytest
from av.audio.stream import AudioStream

from rechka.audio.formats import HEAD_BYTES, Mp3Detector, header_format


def written(container_format: str, codec: str) -> bytes:
    """Return a second of quiet noise as a real file of the format."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container_format) as container:
        stream = container.add_stream(codec, rate=48_000)
        assert isinstance(stream, AudioStream)
        stream.layout = "mono"
        noise = np.random.default_rng(0).standard_normal((1, 48_000)).astype(np.float32) / 50
        frame = av.AudioFrame.from_ndarray(noise, format="fltp", layout="mono")
        frame.sample_rate = 48_000
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=48_000)
        for converted in resampler.resample(frame):
            container.mux(stream.encode(converted))
        container.mux(stream.encode(None))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("container_format", "codec", "name"),
    [
        ("wav", "pcm_s16le", "WAV"),
        ("ogg", "libopus", "Ogg"),
        ("flac", "flac", "FLAC"),
        ("mp3", "libmp3lame", "MP3"),
        ("webm", "libopus", "WebM"),
        ("matroska", "libopus", "WebM"),
        ("mp4", "aac", "MP4"),
        ("aiff", "pcm_s16be", "AIFF"),
        ("au", "pcm_s16be", "AU"),
    ],
)
def test_real_files_are_recognized(container_format: str, codec: str, name: str) -> None:
    found = header_format(written(container_format, codec)[:HEAD_BYTES])
    assert found is not None
    assert name in found


def test_real_mp3_without_a_tag_is_recognized() -> None:
    tagged = written("mp3", "libmp3lame")
    frames = tagged[tagged.index(b"\xff\xfb") :]
    assert header_format(frames[:HEAD_BYTES]) is None
    assert Mp3Detector().accept(frames)
    detector = Mp3Detector()
    found = [detector.accept(frames[start : start + 7]) for start in range(0, 4000, 7)]
    assert any(found)


def test_two_frames_do_not_make_mp3() -> None:
    frame = b"\xff\xfb\x90\x64" + bytes(413)
    detector = Mp3Detector()
    assert not detector.accept(frame * 2)
    assert not detector.accept(bytes(6000))
    assert not detector.accept(frame * 3)


def test_frames_that_do_not_fit_together_do_not_make_mp3() -> None:
    at_44_khz = b"\xff\xfb\x90\x64" + bytes(413)
    at_48_khz = b"\xff\xfb\x94\x64" + bytes(380)
    assert Mp3Detector().accept(at_48_khz * 3)
    assert not Mp3Detector().accept(at_44_khz + at_48_khz + at_44_khz)


@pytest.mark.parametrize(
    ("head", "size_bytes"),
    [
        (b"\xff\xfb\x90\x64", 417),  # MPEG-1 layer III, 128 kbit/s, 44.1 kHz.
        (b"\xff\xfb\x92\x64", 418),  # The same, padded.
        (b"\xff\xf3\x40\xc4", 104),  # MPEG-2 layer III, 32 kbit/s, 22.05 kHz.
        (b"\xff\xe3\x18\xc4", 72),  # MPEG-2.5 layer III, 8 kbit/s, 8 kHz.
        (b"\xff\xfd\x84\x04", 384),  # MPEG-1 layer II, 128 kbit/s, 48 kHz.
        (b"\xff\xff\x84\x04", 256),  # MPEG-1 layer I, 256 kbit/s, 48 kHz.
    ],
)
def test_frame_lengths_follow_the_header(head: bytes, size_bytes: int) -> None:
    frame = head + bytes(size_bytes - 4)
    assert Mp3Detector().accept(frame * 3)
    assert not Mp3Detector().accept((frame + b"\0") * 3 + bytes(6000))
