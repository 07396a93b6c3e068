"""LINEAR16_PCM: signed 16-bit little-endian mono samples, cut anywhere."""

import numpy as np

from rechka.audio.formats import HEAD_BYTES, Mp3Detector, header_format, invalid_audio
from rechka.audio.samples import Samples, from_pcm16
from rechka.spec import AudioEncoding

__all__ = ["PcmDecoder"]


class PcmDecoder:
    """Turns PCM bytes into samples.

    The first 16 bytes are held back until it is clear that they are no header
    of another format; after that nothing is delayed but half a sample.

    Args:
        rate_hz: Rate of the samples.
    """

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self.piece_bytes = 8192
        self._held = b""
        self._is_checked = False
        self._mp3 = Mp3Detector()

    def decode(self, chunk: bytes) -> Samples:
        """Return the samples that are complete now.

        Raises:
            RequestError: The bytes are another format's.
        """
        if self._mp3.accept(chunk):
            raise _other_format("MP3 frames")
        pcm = self._held + chunk
        if not self._is_checked:
            if len(pcm) < HEAD_BYTES:
                self._held = pcm
                return np.zeros(0, dtype=np.float32)
            self._check(pcm)
        whole = len(pcm) & ~1
        self._held = pcm[whole:]
        return from_pcm16(pcm[:whole])

    def flush(self) -> Samples:
        """Return what was held back; half a sample at the end is no audio.

        Raises:
            RequestError: The bytes are another format's.
        """
        self._check(self._held)
        pcm, self._held = self._held, b""
        return from_pcm16(pcm[: len(pcm) & ~1])

    def _check(self, head: bytes) -> None:
        if not self._is_checked and (name := header_format(head[:HEAD_BYTES])) is not None:
            raise _other_format(name)
        self._is_checked = True


def _other_format(name: str) -> Exception:
    advice = (
        f"set audio_encoding to {AudioEncoding.OGG_OPUS} if it is Opus"
        if "Ogg" in name
        else "send the samples without the header"
        if "WAV" in name
        else "send plain 16-bit samples"
    )
    return invalid_audio(
        f"the stream begins with {name} while audio_encoding is "
        f"{AudioEncoding.LINEAR16_PCM}; {advice}"
    )
