from google.rpc import status_pb2 as _status_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DescribeRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DescribeResponse(_message.Message):
    __slots__ = ("models",)
    MODELS_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[Model]
    def __init__(self, models: _Optional[_Iterable[_Union[Model, _Mapping]]] = ...) -> None: ...

class Model(_message.Message):
    __slots__ = ("name", "engine", "language", "tags", "sample_rates_hz", "max_alternatives", "has_confidences", "has_word_times", "has_trailing_silence", "max_streams", "device")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_RATES_HZ_FIELD_NUMBER: _ClassVar[int]
    MAX_ALTERNATIVES_FIELD_NUMBER: _ClassVar[int]
    HAS_CONFIDENCES_FIELD_NUMBER: _ClassVar[int]
    HAS_WORD_TIMES_FIELD_NUMBER: _ClassVar[int]
    HAS_TRAILING_SILENCE_FIELD_NUMBER: _ClassVar[int]
    MAX_STREAMS_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    name: str
    engine: str
    language: str
    tags: _containers.RepeatedScalarFieldContainer[str]
    sample_rates_hz: _containers.RepeatedScalarFieldContainer[int]
    max_alternatives: int
    has_confidences: bool
    has_word_times: bool
    has_trailing_silence: bool
    max_streams: int
    device: str
    def __init__(self, name: _Optional[str] = ..., engine: _Optional[str] = ..., language: _Optional[str] = ..., tags: _Optional[_Iterable[str]] = ..., sample_rates_hz: _Optional[_Iterable[int]] = ..., max_alternatives: _Optional[int] = ..., has_confidences: _Optional[bool] = ..., has_word_times: _Optional[bool] = ..., has_trailing_silence: _Optional[bool] = ..., max_streams: _Optional[int] = ..., device: _Optional[str] = ...) -> None: ...

class MeasureRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class MeasureResponse(_message.Message):
    __slots__ = ("streams", "waiting", "load", "busy_s", "decoded_s", "steps", "batched", "resident_bytes")
    STREAMS_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    LOAD_FIELD_NUMBER: _ClassVar[int]
    BUSY_S_FIELD_NUMBER: _ClassVar[int]
    DECODED_S_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    BATCHED_FIELD_NUMBER: _ClassVar[int]
    RESIDENT_BYTES_FIELD_NUMBER: _ClassVar[int]
    streams: int
    waiting: int
    load: float
    busy_s: float
    decoded_s: float
    steps: int
    batched: int
    resident_bytes: int
    def __init__(self, streams: _Optional[int] = ..., waiting: _Optional[int] = ..., load: _Optional[float] = ..., busy_s: _Optional[float] = ..., decoded_s: _Optional[float] = ..., steps: _Optional[int] = ..., batched: _Optional[int] = ..., resident_bytes: _Optional[int] = ...) -> None: ...

class Request(_message.Message):
    __slots__ = ("open", "audio", "finish", "describe", "measure", "hurry")
    OPEN_FIELD_NUMBER: _ClassVar[int]
    AUDIO_FIELD_NUMBER: _ClassVar[int]
    FINISH_FIELD_NUMBER: _ClassVar[int]
    DESCRIBE_FIELD_NUMBER: _ClassVar[int]
    MEASURE_FIELD_NUMBER: _ClassVar[int]
    HURRY_FIELD_NUMBER: _ClassVar[int]
    open: Open
    audio: bytes
    finish: Finish
    describe: DescribeRequest
    measure: MeasureRequest
    hurry: Hurry
    def __init__(self, open: _Optional[_Union[Open, _Mapping]] = ..., audio: _Optional[bytes] = ..., finish: _Optional[_Union[Finish, _Mapping]] = ..., describe: _Optional[_Union[DescribeRequest, _Mapping]] = ..., measure: _Optional[_Union[MeasureRequest, _Mapping]] = ..., hurry: _Optional[_Union[Hurry, _Mapping]] = ...) -> None: ...

class Open(_message.Message):
    __slots__ = ("language", "model", "sample_rate_hz", "max_alternatives", "hotwords")
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_RATE_HZ_FIELD_NUMBER: _ClassVar[int]
    MAX_ALTERNATIVES_FIELD_NUMBER: _ClassVar[int]
    HOTWORDS_FIELD_NUMBER: _ClassVar[int]
    language: str
    model: str
    sample_rate_hz: int
    max_alternatives: int
    hotwords: _containers.RepeatedCompositeFieldContainer[Hotword]
    def __init__(self, language: _Optional[str] = ..., model: _Optional[str] = ..., sample_rate_hz: _Optional[int] = ..., max_alternatives: _Optional[int] = ..., hotwords: _Optional[_Iterable[_Union[Hotword, _Mapping]]] = ...) -> None: ...

class Hotword(_message.Message):
    __slots__ = ("text", "boost")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    BOOST_FIELD_NUMBER: _ClassVar[int]
    text: str
    boost: float
    def __init__(self, text: _Optional[str] = ..., boost: _Optional[float] = ...) -> None: ...

class Finish(_message.Message):
    __slots__ = ("utterance",)
    UTTERANCE_FIELD_NUMBER: _ClassVar[int]
    utterance: int
    def __init__(self, utterance: _Optional[int] = ...) -> None: ...

class Hurry(_message.Message):
    __slots__ = ("finish_at_silence_ms",)
    FINISH_AT_SILENCE_MS_FIELD_NUMBER: _ClassVar[int]
    finish_at_silence_ms: int
    def __init__(self, finish_at_silence_ms: _Optional[int] = ...) -> None: ...

class Response(_message.Message):
    __slots__ = ("opened", "heard", "finished", "described", "measured", "error")
    OPENED_FIELD_NUMBER: _ClassVar[int]
    HEARD_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    DESCRIBED_FIELD_NUMBER: _ClassVar[int]
    MEASURED_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    opened: Opened
    heard: Heard
    finished: Finished
    described: DescribeResponse
    measured: MeasureResponse
    error: _status_pb2.Status
    def __init__(self, opened: _Optional[_Union[Opened, _Mapping]] = ..., heard: _Optional[_Union[Heard, _Mapping]] = ..., finished: _Optional[_Union[Finished, _Mapping]] = ..., described: _Optional[_Union[DescribeResponse, _Mapping]] = ..., measured: _Optional[_Union[MeasureResponse, _Mapping]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class Opened(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Heard(_message.Message):
    __slots__ = ("utterance", "hypothesis", "trailing_silence_ms", "decoded_ms", "news_at")
    UTTERANCE_FIELD_NUMBER: _ClassVar[int]
    HYPOTHESIS_FIELD_NUMBER: _ClassVar[int]
    TRAILING_SILENCE_MS_FIELD_NUMBER: _ClassVar[int]
    DECODED_MS_FIELD_NUMBER: _ClassVar[int]
    NEWS_AT_FIELD_NUMBER: _ClassVar[int]
    utterance: int
    hypothesis: Hypothesis
    trailing_silence_ms: int
    decoded_ms: int
    news_at: int
    def __init__(self, utterance: _Optional[int] = ..., hypothesis: _Optional[_Union[Hypothesis, _Mapping]] = ..., trailing_silence_ms: _Optional[int] = ..., decoded_ms: _Optional[int] = ..., news_at: _Optional[int] = ...) -> None: ...

class Finished(_message.Message):
    __slots__ = ("utterance", "alternatives", "news_at")
    UTTERANCE_FIELD_NUMBER: _ClassVar[int]
    ALTERNATIVES_FIELD_NUMBER: _ClassVar[int]
    NEWS_AT_FIELD_NUMBER: _ClassVar[int]
    utterance: int
    alternatives: _containers.RepeatedCompositeFieldContainer[Hypothesis]
    news_at: int
    def __init__(self, utterance: _Optional[int] = ..., alternatives: _Optional[_Iterable[_Union[Hypothesis, _Mapping]]] = ..., news_at: _Optional[int] = ...) -> None: ...

class Hypothesis(_message.Message):
    __slots__ = ("text", "words", "confidence")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    WORDS_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    text: str
    words: _containers.RepeatedCompositeFieldContainer[Word]
    confidence: float
    def __init__(self, text: _Optional[str] = ..., words: _Optional[_Iterable[_Union[Word, _Mapping]]] = ..., confidence: _Optional[float] = ...) -> None: ...

class Word(_message.Message):
    __slots__ = ("text", "start_ms", "end_ms", "confidence")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    START_MS_FIELD_NUMBER: _ClassVar[int]
    END_MS_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    text: str
    start_ms: int
    end_ms: int
    confidence: float
    def __init__(self, text: _Optional[str] = ..., start_ms: _Optional[int] = ..., end_ms: _Optional[int] = ..., confidence: _Optional[float] = ...) -> None: ...
