"""What a client asks for when it opens a session, free of any wire format."""

from dataclasses import dataclass
from enum import StrEnum

from rechka.hotwords import Hotword

__all__ = [
    "DEFAULT_LANGUAGE",
    "DEFAULT_MODEL",
    "SAMPLE_RATES_HZ",
    "AudioEncoding",
    "RecognitionSpec",
]

DEFAULT_LANGUAGE = "ru-RU"
DEFAULT_MODEL = "general"
SAMPLE_RATES_HZ = (8_000, 16_000, 48_000)
"""Rates of LINEAR16_PCM that the API documents."""


class AudioEncoding(StrEnum):
    """How the audio bytes are to be read; names as on the wire."""

    LINEAR16_PCM = "LINEAR16_PCM"
    OGG_OPUS = "OGG_OPUS"
    MP3 = "MP3"
    """Part of the contract for files; never accepted in a stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognitionSpec:
    """The settings of one session, with the API's documented defaults.

    Attributes:
        language: BCP 47 tag, such as "ru-RU"; case does not matter.
        model: Model name with an optional tag, such as "general:rc".
        encoding: How the audio bytes are to be read.
        sample_rate_hz: Rate of LINEAR16_PCM audio; not used for OGG_OPUS.
        channel_count: Channels of the audio; a stream has one.
        partial_results: Whether to send results before the utterance ends.
        single_utterance: Whether to recognize the first utterance only. One whose
            final has no text, since it takes partials back, is none.
        profanity_filter: Whether to keep profanity out of the text.
        raw_results: Whether to leave the text as the engine says it.
        literature_text: Whether to add punctuation and capitals.
        normalize_partials: Whether partial results are written like final ones.
        folder_id: The folder to bill and to check roles in; "" for none.
        hotwords: Phrases to prefer, where the model can; travel as metadata.
    """

    language: str = DEFAULT_LANGUAGE
    model: str = DEFAULT_MODEL
    encoding: AudioEncoding = AudioEncoding.OGG_OPUS
    sample_rate_hz: int = 48_000
    channel_count: int = 1
    partial_results: bool = False
    single_utterance: bool = False
    profanity_filter: bool = False
    raw_results: bool = False
    literature_text: bool = False
    normalize_partials: bool = False
    folder_id: str = ""
    hotwords: tuple[Hotword, ...] = ()
