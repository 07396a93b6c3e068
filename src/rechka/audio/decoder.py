"""The port of everything that turns a session's bytes into samples."""

from typing import Protocol

from rechka.audio.formats import invalid_audio
from rechka.audio.ogg_opus import OggOpusDecoder
from rechka.audio.pcm import PcmDecoder
from rechka.audio.samples import Samples
from rechka.errors import RequestError
from rechka.spec import AudioEncoding, RecognitionSpec

__all__ = ["AudioDecoder", "create_decoder"]


class AudioDecoder(Protocol):
    """Decodes one session's audio. After an error it is of no more use.

    Threading: used by one thread at a time.
    """

    @property
    def rate_hz(self) -> int:
        """Rate of the samples; constant."""
        ...

    @property
    def piece_bytes(self) -> int:
        """Most bytes to decode at once where a long call would keep others waiting.

        A few bytes can hold minutes of compressed silence.
        """
        ...

    def decode(self, chunk: bytes) -> Samples:
        """Take the next bytes, cut anywhere; return the samples that are known now.

        Raises:
            RequestError: The bytes are not what the settings say.
        """
        ...

    def flush(self) -> Samples:
        """Return the rest at the end of the audio. Raises as `decode`."""
        ...


def create_decoder(spec: RecognitionSpec) -> AudioDecoder:
    """Return a decoder for what the settings announce.

    Raises:
        RequestError: The encoding is not for streams.
    """
    match spec.encoding:
        case AudioEncoding.LINEAR16_PCM:
            return PcmDecoder(spec.sample_rate_hz)
        case AudioEncoding.OGG_OPUS:
            return OggOpusDecoder()
        case AudioEncoding.MP3:
            raise _not_streamed(spec.encoding)


def _not_streamed(encoding: AudioEncoding) -> RequestError:
    return invalid_audio(f"{encoding} is not accepted in a stream")
