"""What the first bytes of a file say about its audio."""

import struct
from dataclasses import dataclass

from rechka.audio.formats import HEAD_BYTES, header_format
from rechka.errors import ErrorCode, RequestError
from rechka.spec import SAMPLE_RATES_HZ, AudioEncoding

__all__ = ["Header", "read_header"]

_FORMAT_BYTES = 16
_PCM_TAG = 0x0001
_EXTENSIBLE_TAG = 0xFFFE
_TAGS = {0x0003: "floating point", 0x0006: "A-law", 0x0007: "mu-law", 0x0011: "ADPCM"}
# Sizes that a writer puts in when it does not know the size yet.
_OPEN_SIZES = {0, 0x7FFFFFFF, 0xFFFFFFFF}
_MOST_HEADER_BYTES = 1 << 20
_CONVERT = "; convert it: ffmpeg -i INPUT -ac 1 -ar 16000 -c:a pcm_s16le output.wav"


@dataclass(frozen=True, slots=True)
class Header:
    """What was found at the start of the audio.

    Attributes:
        encoding: How to read the audio; None where there is no known header.
        rate_hz: Samples a second, None where the header does not tell.
        audio_from: Bytes before the audio itself.
        audio_bytes: Bytes of the audio, None where it goes on to the end.
    """

    encoding: AudioEncoding | None = None
    rate_hz: int | None = None
    audio_from: int = 0
    audio_bytes: int | None = None


def read_header(head: bytes, *, is_all: bool) -> Header | None:
    """Return what the first bytes say, None if more of them are needed.

    Args:
        head: The audio's first bytes.
        is_all: Whether there are no more.

    Raises:
        RequestError: The audio is of a kind that is not served; the message
            names what came and what to do.
    """
    if len(head) < HEAD_BYTES and not is_all:
        return None
    found = header_format(head)
    if found is None:
        return Header()
    if head.startswith(b"OggS"):
        return _read_ogg(head, is_all=is_all)
    if head.startswith((b"RIFF", b"RF64")):
        return _read_wav(head, is_all=is_all)
    if head.startswith(b"RIFX"):
        found = "a header of big-endian WAV (RIFX)"
    raise _refused(f"it begins with {found}; accepted: WAV, Ogg Opus, raw PCM{_CONVERT}")


def _read_ogg(head: bytes, *, is_all: bool) -> Header | None:
    # 27 bytes of page header, one segment length at least, then the first packet.
    if len(head) < 64 and not is_all:
        return None
    if b"OpusHead" in head[28:64]:
        return Header(AudioEncoding.OGG_OPUS)
    codec = "Vorbis" if b"vorbis" in head[28:64] else "another codec"
    raise _refused(f"got Ogg with {codec}; accepted: Ogg with Opus")


def _read_wav(head: bytes, *, is_all: bool) -> Header | None:
    position, rate_hz = 12, None
    while len(head) >= position + 8:
        name, size = struct.unpack_from("<4sI", head, position)
        if name == b"data":
            if rate_hz is None:
                raise _refused("broken WAV: no format before the data")
            audio_bytes = None if size in _OPEN_SIZES else size
            return Header(AudioEncoding.LINEAR16_PCM, rate_hz, position + 8, audio_bytes)
        if name == b"fmt " and size < _FORMAT_BYTES:
            raise _refused("broken WAV: its format is too short")
        if name == b"fmt " and len(head) >= position + 8 + size:
            rate_hz = _read_format(head[position + 8 : position + 8 + size])
        position += 8 + size + size % 2
    if is_all or position > _MOST_HEADER_BYTES:
        raise _refused("broken WAV: no data in it")
    return None


def _read_format(body: bytes) -> int:
    """Return the rate, if this is the kind of WAV that is served."""
    tag, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if tag == _EXTENSIBLE_TAG and len(body) >= 26:
        (tag,) = struct.unpack_from("<H", body, 24)
    kind = "PCM" if tag == _PCM_TAG else _TAGS.get(tag, f"format {tag:#06x}")
    if tag != _PCM_TAG or bits != 16:
        raise _refused(f"got WAV with {bits}-bit {kind}; accepted: 16-bit PCM{_CONVERT}")
    if channels != 1:
        advice = f"; mix or pick a channel: ffmpeg -i INPUT -ac 1 -ar {rate_hz} output.wav"
        raise _refused(f"got WAV with {channels} channels; accepted: 1 channel{advice}")
    if rate_hz not in SAMPLE_RATES_HZ:
        accepted = ", ".join(map(str, SAMPLE_RATES_HZ))
        raise _refused(f"got WAV at {rate_hz} Hz; accepted: {accepted} Hz{_CONVERT}")
    return int(rate_hz)


def _refused(problem: str) -> RequestError:
    return RequestError(ErrorCode.INVALID_AUDIO, problem)
