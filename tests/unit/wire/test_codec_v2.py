"""Version 2 messages to and from the project's own types."""

from dataclasses import fields

import pytest

from rechka.errors import RequestError
from rechka.results import Final, Hypothesis, Partial, Word
from rechka.spec import AudioEncoding, RecognitionSpec
from rechka.wire.codec_v2 import decode_config, decode_response, encode_config, encode_result
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2 as pb


def test_an_empty_config_means_the_documented_defaults() -> None:
    spec = decode_config(pb.RecognitionConfig(), normalize_partials=False)
    assert spec == RecognitionSpec(
        language="ru-RU",
        model="general",
        encoding=AudioEncoding.OGG_OPUS,
        sample_rate_hz=48_000,
        channel_count=1,
    )


def test_every_setting_survives_the_wire() -> None:
    spec = RecognitionSpec(
        language="en-US",
        model="general:rc",
        encoding=AudioEncoding.LINEAR16_PCM,
        sample_rate_hz=8000,
        channel_count=2,
        partial_results=True,
        single_utterance=True,
        profanity_filter=True,
        raw_results=True,
        literature_text=True,
        normalize_partials=True,
        folder_id="b1g",
    )
    # Phrases travel as metadata alone. A field left at its default would prove nothing.
    same = {field.name for field in fields(spec) if getattr(spec, field.name) == field.default}
    assert same == {"hotwords"}
    wire = pb.RecognitionConfig.FromString(encode_config(spec).SerializeToString())
    assert decode_config(wire, normalize_partials=True) == spec


def test_an_unknown_encoding_is_refused_by_name() -> None:
    config = pb.RecognitionConfig()
    config.specification.audio_encoding = 9  # type: ignore[assignment]
    with pytest.raises(RequestError, match="audio_encoding: got 9; accepted: LINEAR16_PCM"):
        decode_config(config, normalize_partials=False)


@pytest.mark.parametrize("field", ["language", "model", "folder_id"])
def test_text_that_has_no_utf8_is_refused_by_name(field: str) -> None:
    spec = RecognitionSpec(**{field: "x\udcff"})  # type: ignore[arg-type]
    with pytest.raises(RequestError, match=f"{field}: got 'x.udcff'; accepted: text"):
        encode_config(spec)


def test_a_partial_is_one_chunk_that_is_not_final() -> None:
    response = encode_result(Partial(Hypothesis("Hello")))
    (chunk,) = response.chunks
    assert (chunk.final, chunk.end_of_utterance) == (False, False)
    assert [item.text for item in chunk.alternatives] == ["Hello"]
    assert decode_response(response) == [Partial(Hypothesis("Hello"))]


def test_a_final_keeps_alternatives_words_and_times() -> None:
    words = (Word("Hello", 20, 1234, 0.5), Word("world", 61_001, 61_002, 0.25))
    final = Final(
        (Hypothesis("Hello world", words, 0.5), Hypothesis("Yellow world", (), 0.25)),
        start_ms=20,
        end_ms=61_002,
    )
    response = encode_result(final)
    (chunk,) = response.chunks
    assert (chunk.final, chunk.end_of_utterance) == (True, True)
    assert decode_response(response) == [final]


def test_a_chunk_without_alternatives_is_passed_over() -> None:
    response = pb.StreamingRecognitionResponse(chunks=[pb.SpeechRecognitionChunk()])
    assert decode_response(response) == []
