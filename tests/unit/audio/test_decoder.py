import pytest

from rechka.audio.decoder import create_decoder
from rechka.errors import RequestError
from rechka.spec import AudioEncoding, RecognitionSpec


def test_pcm_keeps_the_rate_of_the_settings() -> None:
    spec = RecognitionSpec(encoding=AudioEncoding.LINEAR16_PCM, sample_rate_hz=8000)
    decoder = create_decoder(spec)
    assert decoder.rate_hz == 8000
    assert len(decoder.decode(bytes(320))) == 160


def test_opus_is_decoded_at_48_khz_whatever_the_settings_say() -> None:
    decoder = create_decoder(RecognitionSpec(encoding=AudioEncoding.OGG_OPUS, sample_rate_hz=8000))
    assert decoder.rate_hz == 48_000
    assert len(decoder.flush()) == 0


@pytest.mark.parametrize("encoding", [AudioEncoding.LINEAR16_PCM, AudioEncoding.OGG_OPUS])
def test_pieces_are_small_enough_to_share_a_loop(encoding: AudioEncoding) -> None:
    assert 0 < create_decoder(RecognitionSpec(encoding=encoding)).piece_bytes <= 8192


def test_mp3_is_not_for_streams() -> None:
    with pytest.raises(RequestError, match="MP3 is not accepted in a stream"):
        create_decoder(RecognitionSpec(encoding=AudioEncoding.MP3))
