"""What server and recognizers say: its messages to and from the project's own types."""

from rechka.recognition.port import (
    Finished,
    Heard,
    Hotword,
    Observation,
    StreamOptions,
)
from rechka.results import Hypothesis, Word
from rechka.wire.generated.rechka.recognizer.v1 import recognizer_pb2 as pb

__all__ = [
    "decode_event",
    "decode_open",
    "encode_event",
    "encode_open",
]


def encode_open(options: StreamOptions) -> pb.Open:
    """Return what opens a stream."""
    return pb.Open(
        language=options.language,
        model=options.model,
        sample_rate_hz=options.sample_rate_hz,
        max_alternatives=options.max_alternatives,
        hotwords=[pb.Hotword(text=item.text, boost=item.boost) for item in options.hotwords],
    )


def decode_open(message: pb.Open) -> StreamOptions:
    """Return what a stream is opened with."""
    return StreamOptions(
        language=message.language,
        model=message.model,
        sample_rate_hz=message.sample_rate_hz,
        max_alternatives=max(1, message.max_alternatives),
        hotwords=tuple(Hotword(item.text, item.boost) for item in message.hotwords),
    )


def encode_event(event: Heard | Finished) -> pb.Response:
    """Return an event's message.

    Filled in place: a message that is given to another one's constructor is serialized and
    parsed on the way.
    """
    response = pb.Response()
    if isinstance(event, Finished):
        finished = response.finished
        finished.utterance = event.utterance
        for alternative in event.alternatives:
            _encode_hypothesis(alternative, finished.alternatives.add())
        finished.news_at = event.news_at
        return response
    heard, observation = response.heard, event.observation
    heard.utterance = event.utterance
    _encode_hypothesis(observation.hypothesis, heard.hypothesis)
    if observation.trailing_silence_ms is not None:
        heard.trailing_silence_ms = observation.trailing_silence_ms
    heard.decoded_ms = event.decoded_ms
    heard.news_at = event.news_at
    return response


def decode_event(response: pb.Response) -> Heard | Finished:
    """Return the event of a message that is not `opened`."""
    if response.HasField("finished"):
        finished = response.finished
        alternatives = tuple(_decode_hypothesis(item) for item in finished.alternatives)
        return Finished(finished.utterance, alternatives, finished.news_at)
    heard = response.heard
    silence_ms = heard.trailing_silence_ms if heard.HasField("trailing_silence_ms") else None
    observation = Observation(_decode_hypothesis(heard.hypothesis), silence_ms)
    return Heard(heard.utterance, observation, heard.decoded_ms, heard.news_at)


def _encode_hypothesis(hypothesis: Hypothesis, message: pb.Hypothesis) -> None:
    message.text = hypothesis.text
    message.confidence = hypothesis.confidence
    add = message.words.add
    for word in hypothesis.words:
        encoded = add()
        encoded.text = word.text
        encoded.start_ms = word.start_ms
        encoded.end_ms = word.end_ms
        encoded.confidence = word.confidence


def _decode_hypothesis(message: pb.Hypothesis) -> Hypothesis:
    words = tuple(
        Word(word.text, word.start_ms, word.end_ms, word.confidence) for word in message.words
    )
    return Hypothesis(message.text, words, message.confidence)
