"""One logical Ogg Opus stream: from its pages to samples at the right times (RFC 7845)."""

import numpy as np

from rechka.audio.ogg import NO_GRANULE, Page
from rechka.audio.ogg_packets import PacketReader
from rechka.audio.opus import OPUS_RATE_HZ, OpusHead, is_opus_tags
from rechka.audio.opus_codec import OpusPacketDecoder
from rechka.audio.samples import Samples

__all__ = ["OpusStream"]

# A granule position that jumps by more is taken for a fault, not for a loss.
_LONGEST_LOSS_SAMPLES = 60 * OPUS_RATE_HZ
# So is all that would make more than half of the stream a loss, but for this much.
_FREE_LOSS_SAMPLES = 60 * OPUS_RATE_HZ


class OpusStream:
    """Decodes the pages of one logical stream.

    Time zero is the first sample after pre-skip, also where a recording was
    joined in its middle. What is lost later is replaced by as many samples as
    the granule positions tell, so that everything after it keeps its time.

    Args:
        page: The stream's first page.
        head: The header on that page.

    Threading: used by one thread at a time.
    """

    def __init__(self, page: Page, head: OpusHead) -> None:
        self.serial = page.serial
        self.packets_decoded = 0
        """Packets decoded without an error so far."""
        self._packets = PacketReader(page.sequence + 1)
        self._to_skip = head.pre_skip_samples
        self._gain = np.float32(10 ** (head.gain_db / 20))
        self._codec: OpusPacketDecoder | None = None
        # Granule position at the end of what was put out; None before any audio.
        self._position: int | None = None
        self._is_after_loss = False
        # Some writers give granule positions that mean something else.
        self._is_granule_exact = True
        self._output_samples = 0
        self._concealed_samples = 0

    def accept(self, page: Page) -> Samples:
        """Return the samples of the stream's next page."""
        found = self._packets.accept(page)
        if found is None:
            return np.zeros(0, dtype=np.float32)
        self._is_after_loss |= found.is_after_loss
        packets = [packet for packet in found.packets if not self._is_header(packet)]
        if self._codec is None:
            if not packets:
                return np.zeros(0, dtype=np.float32)
            # Not before, so that a flood of headers costs little.
            self._codec = OpusPacketDecoder()
        lengths = sum(map(self._codec.length, packets))
        lost, kept = self._place(page, lengths)
        blocks = [self._codec.conceal(lost)]
        for packet in packets:
            block, is_decoded = self._codec.decode(packet)
            self.packets_decoded += is_decoded
            blocks.append(block)
        return self._finish(np.concatenate(blocks)[: lost + kept])

    def _is_header(self, packet: bytes) -> bool:
        return self._codec is None and is_opus_tags(packet)

    def _place(self, page: Page, lengths: int) -> tuple[int, int]:
        """Return how many samples are lost before the page, and how many of it count.

        Args:
            page: The page.
            lengths: Samples that its packets give.
        """
        start = self._position
        if page.granule == NO_GRANULE:
            self._position = None if start is None else start + lengths
            return 0, lengths
        if start is None:
            start = max(0, page.granule - lengths)
        lost = 0
        if self._is_after_loss and self._position is not None:
            lost = self._believable(self._lost_samples(page, page.granule - lengths - start))
        elif self._position is not None and not page.is_last and page.granule - start != lengths:
            self._is_granule_exact = False
        is_trimmed = page.is_last and self._is_granule_exact and page.granule >= start
        self._is_after_loss = False
        self._position = page.granule
        return lost, min(lengths, page.granule - start - lost) if is_trimmed else lengths

    def _lost_samples(self, page: Page, missing: int) -> int:
        """Return how much was lost, where the positions tell that `missing` samples are."""
        if not page.is_last or self._codec is None:
            return missing
        # The page's end is trimmed, so its position tells too little; packets are whole.
        packet_samples = self._codec.last_packet_samples
        return -(-missing // packet_samples) * packet_samples

    def _believable(self, lost: int) -> int:
        total = self._concealed_samples + lost
        if not 0 < lost <= _LONGEST_LOSS_SAMPLES:
            return 0
        if total > _FREE_LOSS_SAMPLES + self._output_samples - self._concealed_samples:
            return 0
        self._concealed_samples = total
        return lost

    def _finish(self, samples: Samples) -> Samples:
        """Drop the pre-skip, apply the gain and keep to full scale."""
        skipped = min(self._to_skip, len(samples))
        self._to_skip -= skipped
        samples = samples[skipped:]
        self._output_samples += len(samples)
        clipped: Samples = np.clip(samples * self._gain, np.float32(-1), np.float32(1))
        return clipped
