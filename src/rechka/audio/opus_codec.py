"""Opus packets to samples, by libopus as PyAV carries it."""

from typing import cast

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext

from rechka.audio.opus import OPUS_RATE_HZ, packet_samples
from rechka.audio.samples import Samples

__all__ = ["OpusPacketDecoder"]

# FFmpeg's own Opus decoder does not conceal losses; libopus does.
_CODEC = "libopus"
# Concealment repeats the sound before the loss and fades it out; after 100 ms
# nothing is left that resembles speech.
_CONCEALED_SAMPLES = OPUS_RATE_HZ // 10
_DEFAULT_TOC = 0x78  # 20 ms of wide-band speech, mono, for a loss at the beginning.
_FRAME_COUNT = 0x03


class OpusPacketDecoder:
    """One decoder state: packets in, float32 mono at 48 kHz out.

    Stereo comes out as the mean of both channels. Every packet gives exactly the
    samples that its first bytes announce; pre-skip and end are left to the caller.

    Threading: used by one thread at a time.
    """

    def __init__(self) -> None:
        codec = cast("AudioCodecContext", av.CodecContext.create(_CODEC, "r"))
        codec.layout = "mono"
        codec.sample_rate = OPUS_RATE_HZ
        codec.options = {"request_sample_fmt": "flt"}
        self._codec = codec
        self._toc = _DEFAULT_TOC
        self.last_packet_samples = OPUS_RATE_HZ // 50
        """Length of the packet decoded last."""

    def length(self, packet: bytes) -> int:
        """Return how many samples the packet will give.

        A packet that does not tell counts as long as the one decoded last.
        """
        return packet_samples(packet) or self.last_packet_samples

    def decode(self, packet: bytes) -> tuple[Samples, bool]:
        """Decode one packet.

        Returns:
            The samples, and whether they were decoded; else they are concealed.
        """
        samples = packet_samples(packet)
        decoded = None if samples is None else self._run(packet)
        if decoded is None or len(decoded) != samples:
            return self.conceal(samples or self.last_packet_samples), False
        self._toc = packet[0]
        self.last_packet_samples = samples
        return decoded, True

    def conceal(self, count: int) -> Samples:
        """Return `count` samples in place of lost ones: a fading sound, then silence."""
        filled = np.zeros(count, dtype=np.float32)
        end = 0
        while end < min(count, _CONCEALED_SAMPLES):
            # A packet of nothing but this byte makes libopus conceal one frame.
            block = self._run(bytes((self._toc & ~_FRAME_COUNT,)))
            if block is None or not len(block):
                break
            block = block[: count - end]
            filled[end : end + len(block)] = block
            end += len(block)
        return filled

    def _run(self, packet: bytes) -> Samples | None:
        try:
            frames = self._codec.decode(av.Packet(packet))
        except av.FFmpegError:
            return None
        blocks = [frame.to_ndarray().reshape(-1) for frame in frames]
        return np.concatenate(blocks) if blocks else None
