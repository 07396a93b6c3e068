"""What Opus packets say about themselves: the header (RFC 7845) and lengths (RFC 6716).

Plain Python without numpy, because the client needs the times of packets too.
"""

from dataclasses import dataclass
from typing import Final

__all__ = ["OPUS_RATE_HZ", "OpusHead", "is_opus_tags", "packet_samples"]

OPUS_RATE_HZ: Final = 48_000
"""Rate of granule positions and of all lengths, whatever the encoder's input was."""

_HEAD_MAGIC = b"OpusHead"
_TAGS_MAGIC = b"OpusTags"
_HEAD_BYTES = 19
_MAX_PACKET_SAMPLES = 5760
# Samples of a frame by the configuration number of the TOC byte (RFC 6716, table 2).
_SILK_FRAMES = (480, 960, 1920, 2880)
_HYBRID_FRAMES = (480, 960)
_CELT_FRAMES = (120, 240, 480, 960)
_FRAME_SAMPLES = _SILK_FRAMES * 3 + _HYBRID_FRAMES * 2 + _CELT_FRAMES * 4


@dataclass(frozen=True, slots=True)
class OpusHead:
    """The identification header of an Ogg Opus stream (RFC 7845, 5.1).

    Attributes:
        channels: 1 or 2.
        pre_skip_samples: Samples at 48 kHz to drop from the decoder's first output.
        gain_db: Gain to apply to the decoder's output.
    """

    channels: int
    pre_skip_samples: int
    gain_db: float

    @staticmethod
    def is_head(packet: bytes) -> bool:
        """Tell whether the packet means to be such a header, well-formed or not."""
        return packet.startswith(_HEAD_MAGIC)

    @classmethod
    def parse(cls, packet: bytes) -> "OpusHead":
        """Read a header.

        Raises:
            ValueError: It is malformed, or describes what is not decoded here; the
                message says which.
        """
        if len(packet) < _HEAD_BYTES:
            raise ValueError(f"the OpusHead has {len(packet)} bytes, fewer than {_HEAD_BYTES}")
        version, channels, family = packet[8], packet[9], packet[18]
        # Versions of the same upper half are compatible.
        if version & 0xF0:
            raise ValueError(f"the OpusHead has version {version}, above 15")
        if family != 0 or channels not in {1, 2}:
            raise ValueError(
                f"the Opus stream has {channels} channels in mapping family {family}; "
                "1 or 2 channels in mapping family 0 are accepted"
            )
        gain = int.from_bytes(packet[16:18], "little", signed=True)
        return cls(channels, int.from_bytes(packet[10:12], "little"), gain / 256)


def is_opus_tags(packet: bytes) -> bool:
    """Tell whether the packet is the comment header, the second packet of a stream."""
    return packet.startswith(_TAGS_MAGIC)


def packet_samples(packet: bytes) -> int | None:
    """Return the length of an audio packet in samples at 48 kHz, None if it is invalid."""
    if not packet:
        return None
    match packet[0] & 3:
        case 0:
            frames = 1
        case 1 | 2:
            frames = 2
        case _:
            frames = packet[1] & 0x3F if len(packet) > 1 else 0
    samples = frames * _FRAME_SAMPLES[packet[0] >> 3]
    return samples if 0 < samples <= _MAX_PACKET_SAMPLES else None
