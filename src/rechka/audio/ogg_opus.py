"""OGG_OPUS: a byte stream of Ogg pages, cut anywhere, to samples."""

import numpy as np

from rechka.audio.formats import HEAD_BYTES, Mp3Detector, header_format, invalid_audio
from rechka.audio.ogg import Page, PageReader
from rechka.audio.opus import OPUS_RATE_HZ, OpusHead
from rechka.audio.opus_stream import OpusStream
from rechka.audio.samples import Samples
from rechka.errors import RequestError
from rechka.spec import AudioEncoding

__all__ = ["OggOpusDecoder"]

# Without an OpusHead after so many bytes, or without a valid page, it is no Ogg Opus.
_BYTES_WITHOUT_PAGE = 65_536
# Comments may hold a picture, so audio may begin later than that.
_BYTES_WITHOUT_AUDIO = 1_048_576
_OTHER_CODECS = {
    b"\x01vorbis": "Vorbis",
    b"\x7fFLAC": "FLAC",
    b"Speex   ": "Speex",
    b"\x80theora": "Theora",
    b"fishead\0": "Skeleton",
}


class OggOpusDecoder:
    """Turns Ogg Opus bytes into samples at 48 kHz.

    Damaged and lost pages are passed over and their time is kept. Logical
    streams may follow one another; of several side by side the first Opus stream
    counts. Memory is bounded by a page of bytes and the samples that it gives:
    255 packets of at most 120 ms, and at most 60 s in place of what was lost.

    Threading: used by one thread at a time.
    """

    def __init__(self) -> None:
        self.rate_hz = OPUS_RATE_HZ
        self.piece_bytes = 1024
        self._reader = PageReader()
        self._head = b""
        self._mp3 = Mp3Detector()
        self._stream: OpusStream | None = None
        self._has_stream_begun = False
        self._is_among_first_pages = False
        self._other_codecs: list[str] = []
        self._last_page_bytes = 0
        self._last_audio_bytes = 0

    def decode(self, chunk: bytes) -> Samples:
        """Return the samples of the pages that are complete now.

        Raises:
            RequestError: The bytes are no Ogg Opus, or too little of them is.
        """
        self._check_head(chunk)
        self._reader.feed(chunk)
        blocks = [np.zeros(0, dtype=np.float32)]
        while (page := self._reader.next_page()) is not None:
            self._check_progress()
            self._last_page_bytes = self._reader.position_bytes
            blocks.append(self._accept(page))
        self._check_progress()
        return np.concatenate(blocks)

    def flush(self) -> Samples:
        """Return the rest, which is nothing: a page is decoded as soon as it is whole.

        Raises:
            RequestError: There were bytes, but no beginning of an Opus stream.
        """
        if self._head and not self._has_stream_begun:
            raise self._no_stream("the audio")
        return np.zeros(0, dtype=np.float32)

    def _check_head(self, chunk: bytes) -> None:
        name = None
        if len(self._head) < HEAD_BYTES:
            self._head += chunk[: HEAD_BYTES - len(self._head)]
            name = header_format(self._head)
        if self._mp3.accept(chunk):
            name = "MP3 frames"
        if name is not None and "Ogg" not in name:
            raise invalid_audio(
                f"the stream begins with {name} while audio_encoding is {AudioEncoding.OGG_OPUS}"
            )

    def _check_progress(self) -> None:
        position = self._reader.position_bytes
        if not self._has_stream_begun and position > _BYTES_WITHOUT_PAGE:
            raise self._no_stream(f"the first {_BYTES_WITHOUT_PAGE} bytes")
        if position - self._last_page_bytes > _BYTES_WITHOUT_PAGE:
            raise invalid_audio(f"no valid Ogg page within {_BYTES_WITHOUT_PAGE} bytes")
        if position - self._last_audio_bytes > _BYTES_WITHOUT_AUDIO:
            raise invalid_audio(f"no valid Opus packet within {_BYTES_WITHOUT_AUDIO} bytes")

    def _accept(self, page: Page) -> Samples:
        if page.is_first:
            self._begin(page)
            return np.zeros(0, dtype=np.float32)
        self._is_among_first_pages = False
        stream = self._stream
        if stream is None and self._other_codecs:
            raise invalid_audio(f"the Ogg stream holds {', '.join(self._other_codecs)}, not Opus")
        if stream is None or page.serial != stream.serial:
            return np.zeros(0, dtype=np.float32)
        decoded_before = stream.packets_decoded
        samples = stream.accept(page)
        if stream.packets_decoded > decoded_before:
            self._last_audio_bytes = self._reader.position_bytes
        return samples

    def _begin(self, page: Page) -> None:
        # All streams side by side begin before any of them goes on (RFC 3533, 6).
        if not self._is_among_first_pages:
            self._stream = None
            self._other_codecs = []
        self._is_among_first_pages = True
        if self._stream is not None:
            return
        if not OpusHead.is_head(page.body):
            names = (name for magic, name in _OTHER_CODECS.items() if page.body.startswith(magic))
            name = next(names, "an unknown codec")
            if name not in self._other_codecs:
                self._other_codecs.append(name)
            return
        try:
            head = OpusHead.parse(page.body)
        except ValueError as error:
            raise invalid_audio(str(error)) from None
        self._stream = OpusStream(page, head)
        self._has_stream_begun = True

    def _no_stream(self, where: str) -> RequestError:
        codecs = ", ".join(self._other_codecs)
        found = f"an Ogg stream of {codecs}" if codecs else "no OpusHead"
        return invalid_audio(
            f"{found} in {where} while audio_encoding is {AudioEncoding.OGG_OPUS}; "
            f"for plain samples set audio_encoding to {AudioEncoding.LINEAR16_PCM}"
        )
