"""API version 2: its messages to and from the project's own types."""

from google.protobuf.duration_pb2 import Duration

from rechka.errors import ErrorCode, RequestError
from rechka.results import Final, Hypothesis, Partial, Result, Word
from rechka.spec import DEFAULT_LANGUAGE, DEFAULT_MODEL, AudioEncoding, RecognitionSpec
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2 as pb

__all__ = ["decode_config", "decode_response", "encode_config", "encode_result", "not_a_message"]

# Unspecified means Ogg Opus, as documented.
_ENCODINGS: dict[int, AudioEncoding] = {
    pb.RecognitionSpec.AUDIO_ENCODING_UNSPECIFIED: AudioEncoding.OGG_OPUS,
    pb.RecognitionSpec.LINEAR16_PCM: AudioEncoding.LINEAR16_PCM,
    pb.RecognitionSpec.OGG_OPUS: AudioEncoding.OGG_OPUS,
    pb.RecognitionSpec.MP3: AudioEncoding.MP3,
}
_ENCODING_FIELD = "config.specification.audio_encoding"


def decode_config(config: pb.RecognitionConfig, *, normalize_partials: bool) -> RecognitionSpec:
    """Return what a client asks for, with the defaults where it says nothing.

    Args:
        config: As it came.
        normalize_partials: From the call's metadata.

    Raises:
        RequestError: The encoding is a number that the contract does not have.
            Values that the server at hand may or may not serve are not judged here.
    """
    spec = config.specification
    encoding = _ENCODINGS.get(spec.audio_encoding)
    if encoding is None:
        problem = (
            f"got {spec.audio_encoding}; accepted: {AudioEncoding.LINEAR16_PCM} (1), "
            f"{AudioEncoding.OGG_OPUS} (2)"
        )
        raise RequestError.about(_ENCODING_FIELD, problem)
    return RecognitionSpec(
        language=spec.language_code or DEFAULT_LANGUAGE,
        model=spec.model or DEFAULT_MODEL,
        encoding=encoding,
        sample_rate_hz=spec.sample_rate_hertz or 48_000,
        channel_count=spec.audio_channel_count or 1,
        partial_results=spec.partial_results,
        single_utterance=spec.single_utterance,
        profanity_filter=spec.profanity_filter,
        raw_results=spec.raw_results,
        literature_text=spec.literature_text,
        normalize_partials=normalize_partials,
        folder_id=config.folder_id,
    )


def not_a_message(field: str) -> RequestError:
    """Return the error about bytes that cannot be decoded.

    Args:
        field: What they would have been.
    """
    problem = "not a message of the API"
    return RequestError(
        ErrorCode.UNEXPECTED_MESSAGE, f"{field}: {problem}", violations={field: problem}
    )


def encode_config(spec: RecognitionSpec) -> pb.RecognitionConfig:
    """Return the first message's settings; `normalize_partials` goes as metadata.

    Raises:
        RequestError: A text holds what cannot be sent.
    """
    _check_text("language", spec.language)
    _check_text("model", spec.model)
    _check_text("folder_id", spec.folder_id)
    return pb.RecognitionConfig(
        specification=pb.RecognitionSpec(
            audio_encoding=spec.encoding.value,
            sample_rate_hertz=spec.sample_rate_hz,
            language_code=spec.language,
            profanity_filter=spec.profanity_filter,
            model=spec.model,
            partial_results=spec.partial_results,
            single_utterance=spec.single_utterance,
            raw_results=spec.raw_results,
            literature_text=spec.literature_text,
            audio_channel_count=spec.channel_count,
        ),
        folder_id=spec.folder_id,
    )


def _check_text(field: str, text: str) -> None:
    """Refuse what has no UTF-8: half of a surrogate pair, as of bytes that were misread."""
    try:
        text.encode()
    except UnicodeEncodeError:
        problem = f"got {text!r}; accepted: text that can be written as UTF-8"
        raise RequestError(
            ErrorCode.INVALID_CONFIG, f"{field}: {problem}", violations={field: problem}
        ) from None


def encode_result(result: Result) -> pb.StreamingRecognitionResponse:
    """Return a response with exactly one chunk. Words travel with finals only."""
    if isinstance(result, Partial):
        text = pb.SpeechRecognitionAlternative(
            text=result.hypothesis.text, confidence=result.hypothesis.confidence
        )
        chunk = pb.SpeechRecognitionChunk(alternatives=[text])
    else:
        chunk = pb.SpeechRecognitionChunk(
            alternatives=[_encode_alternative(item) for item in result.alternatives],
            final=True,
            end_of_utterance=result.end_of_utterance,
        )
    return pb.StreamingRecognitionResponse(chunks=[chunk])


def decode_response(response: pb.StreamingRecognitionResponse) -> list[Result]:
    """Return the results of a response, one for each chunk that has text."""
    return [_decode_chunk(chunk) for chunk in response.chunks if chunk.alternatives]


def _decode_chunk(chunk: pb.SpeechRecognitionChunk) -> Result:
    alternatives = tuple(_decode_alternative(item) for item in chunk.alternatives)
    words = alternatives[0].words
    start_ms = words[0].start_ms if words else None
    end_ms = words[-1].end_ms if words else None
    if not chunk.final:
        return Partial(alternatives[0], start_ms=start_ms, end_ms=end_ms)
    return Final(
        alternatives,
        end_of_utterance=chunk.end_of_utterance,
        start_ms=start_ms,
        end_ms=end_ms,
    )


def _encode_alternative(hypothesis: Hypothesis) -> pb.SpeechRecognitionAlternative:
    return pb.SpeechRecognitionAlternative(
        text=hypothesis.text,
        confidence=hypothesis.confidence,
        words=[
            pb.WordInfo(
                start_time=_encode_time(word.start_ms),
                end_time=_encode_time(word.end_ms),
                word=word.text,
                confidence=word.confidence,
            )
            for word in hypothesis.words
        ],
    )


def _decode_alternative(alternative: pb.SpeechRecognitionAlternative) -> Hypothesis:
    return Hypothesis(
        alternative.text,
        words=tuple(
            Word(
                word.word,
                start_ms=word.start_time.ToMilliseconds(),
                end_ms=word.end_time.ToMilliseconds(),
                confidence=word.confidence,
            )
            for word in alternative.words
        ),
        confidence=alternative.confidence,
    )


def _encode_time(time_ms: int) -> Duration:
    seconds, rest_ms = divmod(time_ms, 1000)
    return Duration(seconds=seconds, nanos=rest_ms * 1_000_000)
