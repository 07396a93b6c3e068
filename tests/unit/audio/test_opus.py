import pytest

from rechka.audio.opus import OpusHead, is_opus_tags, packet_samples


def head(
    *, version: int = 1, channels: int = 1, skip: int = 312, gain: int = 0, family: int = 0
) -> bytes:
    return (
        b"OpusHead"
        + bytes((version, channels))
        + skip.to_bytes(2, "little")
        + (48_000).to_bytes(4, "little")
        + gain.to_bytes(2, "little", signed=True)
        + bytes((family,))
    )


def test_a_header_is_read() -> None:
    packet = head(channels=2, skip=3840, gain=-1536)
    assert OpusHead.is_head(packet)
    assert OpusHead.parse(packet) == OpusHead(channels=2, pre_skip_samples=3840, gain_db=-6.0)


def test_a_later_compatible_version_is_read() -> None:
    assert OpusHead.parse(head(version=15)).channels == 1


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (head(version=16), "version 16"),
        (head(channels=3), "3 channels"),
        (head(channels=0), "0 channels"),
        (head(channels=2, family=1), "mapping family 1"),
        (head()[:18], "18 bytes"),
    ],
)
def test_what_cannot_be_decoded_is_named(packet: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        OpusHead.parse(packet)


def test_comments_are_told_from_audio() -> None:
    assert is_opus_tags(b"OpusTags....")
    assert not is_opus_tags(b"\x78audio")


@pytest.mark.parametrize(
    ("packet", "samples"),
    [
        (b"\x00", 480),  # Configuration 0: SILK, 10 ms.
        (b"\x18", 2880),  # Configuration 3: SILK, 60 ms.
        (b"\x60", 480),  # Configuration 12: hybrid, 10 ms.
        (b"\x80", 120),  # Configuration 16: CELT, 2.5 ms.
        (b"\xf8", 960),  # Configuration 31: CELT, 20 ms.
        (b"\x19", 5760),  # Two frames of 60 ms.
        (b"\x1a", 5760),
        (b"\xfb\x03", 2880),  # Three frames of 20 ms.
        (b"\x83\x30", 5760),  # 48 frames of 2.5 ms.
        (b"\xfb\x07", None),  # 140 ms are more than a packet may hold.
        (b"\xfb\x00", None),
        (b"\xfb", None),
        (b"", None),
    ],
)
def test_lengths_are_read_from_the_first_bytes(packet: bytes, samples: int | None) -> None:
    assert packet_samples(packet) == samples
