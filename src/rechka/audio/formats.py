"""Which format some bytes are, told by how they begin, and the error about it."""

import re

from rechka.errors import ErrorCode, RequestError

__all__ = ["HEAD_BYTES", "Mp3Detector", "header_format", "invalid_audio"]

HEAD_BYTES = 16
"""So many bytes from the beginning are enough for `header_format`."""

# Each pattern fixes 30 bits or more, so that plain samples never match by accident.
_HEADERS = {
    "a WAV header (RIFF)": rb"(?:RIFF|RIFX|RF64)....WAVE",
    "an Ogg header (OggS)": rb"OggS\0[\0-\7]",
    "a FLAC header (fLaC)": rb"fLaC[\x00\x80]\x00\x00\x22",
    "an MP3 header (ID3)": rb"ID3[\2-\4]\0[\x00\x10-\xf0][\0-\x7f]{4}",
    "a WebM header (EBML)": rb"\x1aE\xdf\xa3(?:[\x80-\xff]|\x01.{7})\x42[\x82\x86\xf7]",
    "an MP4 header (ftyp)": rb"\0\0\0.ftyp",
    "an AIFF header (FORM)": rb"FORM....AIF[FC]",
    "an AU header (.snd)": rb"\.snd\0\0",
    "an AMR header (#!AMR)": rb"#!AMR(?:-WB)?\n",
}
_PATTERNS = tuple((name, re.compile(pattern, re.DOTALL)) for name, pattern in _HEADERS.items())


def header_format(head: bytes) -> str | None:
    """Return what header the bytes begin with, such as "a WAV header (RIFF)"; None if none."""
    return next((name for name, pattern in _PATTERNS if pattern.match(head)), None)


def invalid_audio(reason: str) -> RequestError:
    """Return the error for audio that cannot be decoded.

    Args:
        reason: What is wrong, and what to do about it where that is known.
    """
    return RequestError.about(
        "audio_content",
        reason,
        message=f"Invalid audio received: {reason}",
        code=ErrorCode.INVALID_AUDIO,
    )


# MPEG audio, layers I to III: bitrates in kbit/s by index, per version and layer.
_BITRATES = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES_HZ = (44_100, 48_000, 32_000)
# Version, layer and sample rate stay the same within a stream.
_CONSTANT_BITS = 0xFFFE_0C00


class Mp3Detector:
    """Recognizes MP3 without an ID3 tag: three consecutive frames that fit together.

    Three, because two bytes that look like a frame's beginning are common in
    samples. It reads at most the first 5 KB and delays nobody.
    """

    _FRAMES = 3
    _MOST_BYTES = 5_120

    def __init__(self) -> None:
        self._head = b""
        self._is_decided = False

    def accept(self, received: bytes) -> bool:
        """Take the next bytes; tell whether the stream is MP3 as far as is known now."""
        if self._is_decided:
            return False
        self._head += received[: self._MOST_BYTES - len(self._head)]
        at = 0
        first = None
        for _ in range(self._FRAMES):
            if len(self._head) < at + 4:
                self._is_decided = len(self._head) >= self._MOST_BYTES
                return False
            header = int.from_bytes(self._head[at : at + 4], "big")
            first = header if first is None else first
            size_bytes = _mpeg_frame_bytes(header)
            if not size_bytes or (header ^ first) & _CONSTANT_BITS:
                self._is_decided = True
                self._head = b""
                return False
            at += size_bytes
        return True


def _mpeg_frame_bytes(header: int) -> int:
    """Return the length of the MPEG audio frame with this header, 0 if it is none."""
    version = {3: 1, 2: 2, 0: 2.5}.get(header >> 19 & 3)
    layer = 4 - (header >> 17 & 3)
    bitrate_index = header >> 12 & 15
    rate_index = header >> 10 & 3
    if header >> 21 != 0x7FF or version is None or layer == 4:
        return 0
    if bitrate_index in {0, 15} or rate_index == 3:
        return 0
    rate_hz = _RATES_HZ[rate_index] // {1: 1, 2: 2, 2.5: 4}[version]
    bitrate = 1000 * _BITRATES[1 if version == 1 else 2, layer][bitrate_index - 1]
    is_padded = header >> 9 & 1
    if layer == 1:
        return 4 * (12 * bitrate // rate_hz + is_padded)
    samples = 576 if version != 1 and layer == 3 else 1152
    return samples // 8 * bitrate // rate_hz + is_padded
