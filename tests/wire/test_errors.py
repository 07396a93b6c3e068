"""Every row of the table of errors: code, text, details."""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
import grpc.aio
import pytest
from structlog.testing import capture_logs

from rechka.access.administration import Administration
from rechka.access.audit import Actor
from rechka.access.identities import Account, AccountKind, Role
from rechka.access.issuing import issue_token
from rechka.errors import CapacityError, ErrorCode
from rechka.observability.busy import Busy
from rechka.recognition.port import ModelInfo, RecognizerStream, StreamOptions
from rechka.testing.clock import VirtualClock
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2 as pb
from rechka.wire.generated.yandex.cloud.ai.stt.v2 import stt_service_pb2_grpc as pb_grpc
from rechka.wire.status import from_status
from wire_client import Message, Outcome, Running, Start, audio, config, outcome_of, told

Status = grpc.StatusCode


async def assert_refused(
    running: Running, messages: Sequence[Message], code: Status, text: str, **metadata: str
) -> ErrorCode:
    """Expect a refusal; return its stable code."""
    outcome = await told(lambda: running.recognize(messages, **metadata))
    assert outcome.code is code
    assert outcome.error is not None
    assert text in outcome.error.message
    assert outcome.error.request_id
    # The client's library may lose the headers of a call whose status follows at once.
    if outcome.initial_metadata:
        assert outcome.error.request_id == outcome.initial_metadata["x-request-id"]
    return outcome.error.code


async def test_too_many_bytes(start: Start, pcm: bytes) -> None:
    running = await start(limits={"audio_bytes": 10 * 2**20, "audio_s": 10_000})
    silence = [Message(audio_content=bytes(2**20))] * 11
    messages = [config(sample_rate_hertz=48000), *silence]
    code = await assert_refused(
        running, messages, Status.INVALID_ARGUMENT, "audio should be less than 10MB"
    )
    assert code is ErrorCode.AUDIO_TOO_LARGE


async def test_one_message_with_too_many_bytes(start: Start) -> None:
    running = await start()
    messages = [config(), Message(audio_content=bytes(10 * 2**20 + 1))]
    await assert_refused(
        running, messages, Status.INVALID_ARGUMENT, "audio should be less than 10MB"
    )


async def test_too_much_audio_is_answered_up_to_the_limit(start: Start, pcm: bytes) -> None:
    running = await start(limits={"audio_s": 2.0})
    outcome = await running.recognize([config(), *audio(pcm)])
    assert outcome.code is Status.OUT_OF_RANGE
    assert outcome.error is not None
    assert outcome.error.message == "Exceeded maximum allowed stream duration"
    assert outcome.error.code is ErrorCode.SESSION_TOO_LONG
    assert len(outcome.finals) == 1


async def test_undecodable_opus(start: Start) -> None:
    running = await start()
    messages = [config(audio_encoding="OGG_OPUS"), *audio(b"\x5a" * 200_000)]
    code = await assert_refused(
        running, messages, Status.INVALID_ARGUMENT, "Invalid audio received"
    )
    assert code is ErrorCode.INVALID_AUDIO


@pytest.mark.parametrize("size", [3, 2000])
async def test_a_little_that_is_no_opus_is_refused_at_the_end(start: Start, size: int) -> None:
    running = await start()
    messages = [config(audio_encoding="OGG_OPUS"), *audio(b"\x5a" * size)]
    await assert_refused(running, messages, Status.INVALID_ARGUMENT, "Invalid audio received")


async def test_a_wav_header_in_pcm_is_recognized_and_said(start: Start) -> None:
    running = await start()
    header = (
        b"RIFF\x24\x80\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data"
    )
    messages = [config(), *audio(header + bytes(8000))]
    await assert_refused(running, messages, Status.INVALID_ARGUMENT, "WAV")


@pytest.mark.parametrize(
    ("head", "text"),
    [
        (b"ID3\x04\0\0\0\0\x02\x01TSSE", "an MP3 header"),
        (b"\xff\xfb\x90\x64" + bytes(413), "MP3 frames"),
    ],
)
@pytest.mark.parametrize("encoding", ["LINEAR16_PCM", "OGG_OPUS"])
async def test_mp3_instead_of_what_the_settings_say_is_recognized_and_said(
    start: Start, head: bytes, text: str, encoding: str
) -> None:
    running = await start()
    messages = [config(audio_encoding=encoding), *audio(head * 20)]
    code = await assert_refused(running, messages, Status.INVALID_ARGUMENT, text)
    assert code is ErrorCode.INVALID_AUDIO


async def test_an_ogg_header_in_pcm_is_recognized_and_said(start: Start, opus: bytes) -> None:
    running = await start()
    await assert_refused(running, [config(), *audio(opus)], Status.INVALID_ARGUMENT, "Ogg")


@pytest.mark.parametrize(
    ("authorization", "text"),
    [
        ("Bearer t1.nothing", "The token is invalid"),
        ("", "The request has no credentials"),
        ("Basic eA==", "accepted: 'authorization: Bearer"),
    ],
)
async def test_bad_credentials(start: Start, authorization: str, text: str) -> None:
    running = await start()
    code = await assert_refused(
        running, [config()], Status.UNAUTHENTICATED, text, authorization=authorization
    )
    assert code is ErrorCode.UNAUTHENTICATED


async def test_an_expired_token(start: Start) -> None:
    running = await start()
    account = Account("someone", AccountKind.USER)
    old = issue_token(running.server.signer, account, now_s=time.time() - 61, life_s=60)
    await assert_refused(
        running,
        [config()],
        Status.UNAUTHENTICATED,
        "The token has expired",
        authorization=f"Bearer {old.secret}",
    )


async def test_an_unknown_api_key(start: Start) -> None:
    running = await start()
    key = "AQVNxxxxxxxxxxxxxxxxxx98iI"
    text = f"Unknown api key 'AQVN****98iI ({zlib.crc32(key.encode()):08X})'"
    await assert_refused(
        running, [config()], Status.UNAUTHENTICATED, text, authorization=f"Api-Key {key}"
    )


async def test_an_api_key_is_as_good_as_a_token(start: Start, pcm: bytes) -> None:
    running = await start()
    outcome = await running.recognize(
        [config(), *audio(pcm)], authorization=f"Api-Key {running.access.api_key}"
    )
    assert len(outcome.finals) == 3


async def user(running: Running, *roles: Role) -> str:
    """Add a user with roles in the folder "b1g"; return the authorization metadata."""
    operator = Administration(running.server.store, Actor("os:test"))
    await operator.create_folder("folder", folder_id="b1g")
    await operator.create_account(AccountKind.USER, "Ann", account_id="someone")
    for role in roles:
        await operator.grant(role, account_id="someone", folder_id="b1g")
    issued = await operator.create_token(running.server.signer, "someone")
    return f"Bearer {issued.secret}"


async def test_a_user_without_a_folder(start: Start) -> None:
    running = await start()
    await assert_refused(
        running,
        [config()],
        Status.UNAUTHENTICATED,
        "You have to specify folder ID for user account",
        authorization=await user(running, Role.EDITOR),
    )


async def test_a_folder_other_than_the_service_accounts(start: Start) -> None:
    running = await start()
    code = await assert_refused(
        running,
        [config(folder_id="x")],
        Status.INVALID_ARGUMENT,
        f"Specified folder ID 'x' does not match with service account folder ID "
        f"'{running.access.folder_id}'",
    )
    assert code is ErrorCode.FOLDER_MISMATCH


@pytest.mark.parametrize("roles", [(), (Role.VIEWER,)])
async def test_no_role_that_is_enough(start: Start, roles: tuple[Role, ...]) -> None:
    running = await start()
    code = await assert_refused(
        running,
        [config(folder_id="b1g")],
        Status.PERMISSION_DENIED,
        "Permission to [resource-manager.folder b1g] denied",
        authorization=await user(running, *roles),
    )
    assert code is ErrorCode.PERMISSION_DENIED


async def test_the_folder_may_come_as_metadata_and_the_settings_win(start: Start) -> None:
    running = await start()
    authorization = await user(running, Role.EDITOR)
    for messages, folder in (([config()], "b1g"), ([config(folder_id="b1g")], "other")):
        outcome = await running.recognize(messages, authorization=authorization, x_folder_id=folder)
        assert outcome.error is None


async def test_a_full_server_refuses_at_once_and_says_when_to_retry(
    start: Start, pcm: bytes
) -> None:
    running = await start(engine_options={"max_streams": 1})
    # A first result shows that the session has its stream.
    first = await running.begin(pcm[:24_000])
    # The second refusal is told without asking anybody.
    for _ in range(2):
        outcome = await running.recognize([config()])
        assert outcome.code is Status.RESOURCE_EXHAUSTED
        assert outcome.error is not None
        assert outcome.error.code is ErrorCode.OVERLOADED
        assert outcome.error.retry_after_s
    await first.done_writing()
    assert (await outcome_of(first)).error is None
    assert (await running.recognize([config()])).error is None


async def test_a_server_whose_own_thread_is_busy_refuses_too(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Busy) -> None:
        raise CapacityError(ErrorCode.OVERLOADED, "no time", retry_after_s=1.0)

    monkeypatch.setattr(Busy, "check", refuse)
    running = await start()
    outcome = await running.recognize([config()])
    assert outcome.code is Status.RESOURCE_EXHAUSTED
    assert outcome.error is not None
    assert outcome.error.code is ErrorCode.OVERLOADED
    assert outcome.error.retry_after_s


async def test_no_message_for_five_seconds(start: Start, pcm: bytes) -> None:
    clock = VirtualClock()
    running = await start(clock=clock)
    call = running.open()
    messages = [config(), *audio(pcm[: 8000 * 2])]
    for message in messages:
        await call.write(message)
    await clock.wait_for_scopes(len(messages) + 1)
    clock.advance(4.9)
    await call.write(Message(audio_content=b""))
    await clock.wait_for_scopes(len(messages) + 2)
    clock.advance(5.1)
    outcome = await outcome_of(call)
    assert outcome.code is Status.DEADLINE_EXCEEDED
    assert outcome.error is not None
    assert outcome.error.code is ErrorCode.IDLE_TIMEOUT
    assert "No message came for 5 s" in outcome.error.message
    # What was said before is not lost.
    assert len(outcome.finals) == 1


@pytest.mark.parametrize(
    ("changes", "field", "texts"),
    [
        (
            {"language_code": "xx-XX"},
            "language_code",
            ["'xx-XX'", "en-US", "models list --available"],
        ),
        ({"model": "medical"}, "model", ["'medical'", "general"]),
        ({"audio_encoding": "MP3"}, "audio_encoding", ["MP3", "LINEAR16_PCM", "OGG_OPUS"]),
        ({"sample_rate_hertz": 44100}, "sample_rate_hertz", ["44100", "8000, 16000, 48000"]),
        ({"sample_rate_hertz": -1}, "sample_rate_hertz", ["-1", "8000, 16000, 48000"]),
        ({"audio_channel_count": 2}, "audio_channel_count", ["2", "1"]),
    ],
)
async def test_a_setting_that_is_not_served_is_named(
    start: Start, changes: dict[str, Any], field: str, texts: list[str]
) -> None:
    running = await start()
    outcome = await running.recognize([config(**changes)])
    assert outcome.code is Status.INVALID_ARGUMENT
    assert outcome.error is not None
    assert outcome.error.code is ErrorCode.INVALID_CONFIG
    problem = outcome.error.violations[f"config.specification.{field}"]
    for text in texts:
        assert text in problem


@pytest.mark.parametrize("field", ["language_code", "model"])
@pytest.mark.parametrize("letter", ["x", "щ"])
async def test_a_value_of_any_length_is_refused_by_its_field(
    start: Start, field: str, letter: str
) -> None:
    running = await start()
    for length in (2_000, 6_000, 1_000_000):
        outcome = await told(lambda: running.recognize([config(**{field: letter * length})]))  # noqa: B023
        assert outcome.code is Status.INVALID_ARGUMENT
        assert outcome.error is not None
        ((name, problem),) = outcome.error.violations.items()
        assert name == f"config.specification.{field}"
        assert f"got '{letter}" in problem
        assert "…'; accepted: " in problem


async def test_an_encoding_of_the_future_is_named(start: Start) -> None:
    running = await start()
    message = config()
    message.config.specification.audio_encoding = 77  # type: ignore[assignment]
    await assert_refused(
        running, [message], Status.INVALID_ARGUMENT, "got 77; accepted: LINEAR16_PCM"
    )


async def test_a_folder_id_that_is_too_long(start: Start) -> None:
    running = await start()
    await assert_refused(
        running,
        [config(folder_id="x" * 51)],
        Status.INVALID_ARGUMENT,
        "config.folder_id: got 51 characters; accepted: at most 50",
    )


async def test_a_folder_id_of_the_metadata_that_is_too_long_is_named_as_such(start: Start) -> None:
    running = await start()
    await assert_refused(
        running,
        [config()],
        Status.INVALID_ARGUMENT,
        "metadata.x-folder-id: got 60 characters; accepted: at most 50",
        x_folder_id="x" * 60,
    )


async def test_audio_before_the_settings(start: Start) -> None:
    running = await start()
    code = await assert_refused(
        running, audio(b"1234"), Status.INVALID_ARGUMENT, "got audio_content in the first message"
    )
    assert code is ErrorCode.UNEXPECTED_MESSAGE


async def test_settings_twice_and_what_was_said_is_answered(start: Start, pcm: bytes) -> None:
    running = await start()
    messages = [config(), *audio(pcm[: 8000 * 2]), config()]
    outcome = await running.recognize(messages)
    assert outcome.code is Status.INVALID_ARGUMENT
    assert outcome.error is not None
    assert outcome.error.code is ErrorCode.UNEXPECTED_MESSAGE
    assert len(outcome.finals) == 1


async def test_an_empty_message(start: Start) -> None:
    running = await start()
    await assert_refused(running, [Message()], Status.INVALID_ARGUMENT, "accepted: config")
    await assert_refused(running, [config(), Message()], Status.INVALID_ARGUMENT, "audio_content")


@pytest.mark.parametrize("before", [0, 3])
async def test_bytes_that_are_no_message_are_the_clients_fault(
    start: Start, pcm: bytes, before: int
) -> None:
    running = await start()
    messages = [config(), *audio(pcm[: 8000 * 2], chunk_bytes=8000)][:before]
    raw = [*(message.SerializeToString() for message in messages), b"\xff\xff\xff"]
    channel: Any = running.channel
    method = "/yandex.cloud.ai.stt.v2.SttService/StreamingRecognize"
    with capture_logs() as logged:

        async def hold() -> Outcome:
            recognize = channel.stream_stream(
                method, response_deserializer=pb.StreamingRecognitionResponse.FromString
            )
            return await outcome_of(recognize(iter(raw), metadata=running.metadata(), timeout=600))

        outcome = await told(hold)
    assert outcome.code is Status.INVALID_ARGUMENT
    assert outcome.error is not None
    assert outcome.error.code is ErrorCode.UNEXPECTED_MESSAGE
    assert outcome.error.message == "streaming_request: not a message of the API"
    # What was said before is answered.
    assert len(outcome.finals) == (1 if before else 0)
    assert [item for item in logged if item["log_level"] == "error"] == []


@pytest.mark.parametrize(
    "method",
    [
        "/yandex.cloud.ai.stt.v2.SttService/LongRunningRecognize",
        "/yandex.cloud.iam.v1.IamTokenService/Create",
    ],
)
async def test_a_request_that_is_no_message_is_the_clients_fault(start: Start, method: str) -> None:
    running = await start()
    channel: Any = running.channel
    with capture_logs() as logged:
        call = channel.unary_unary(method)(
            b"\xff\xff\xff", metadata=running.metadata(), timeout=600
        )
        assert await call.code() is Status.INVALID_ARGUMENT
    assert await call.details() == "request: not a message of the API"
    assert [item for item in logged if item["log_level"] == "error"] == []


class BrokenRecognizer:
    """Fails with a text that must not leave the server."""

    models = (
        ModelInfo(
            name="m", engine="broken", language="en-US", tags=("general",), sample_rates_hz=(16000,)
        ),
    )

    async def open(self, options: StreamOptions) -> RecognizerStream:
        raise RuntimeError("the secret detail")


async def test_our_own_failure_tells_the_request_id_and_nothing_else(start: Start) -> None:
    running = await start(recognizer=BrokenRecognizer())
    outcome = await running.recognize([config()])
    assert outcome.code is Status.INTERNAL
    assert outcome.error is not None
    request_id = outcome.initial_metadata["x-request-id"]
    assert outcome.error.message == f"Internal error; request id {request_id}"
    assert outcome.error.violations == {}


async def test_an_engine_that_fails_ends_its_session_alone(start: Start, pcm: bytes) -> None:
    running = await start(lines=["raise an error"], engine_options={"raise_on": "raise"})
    outcome = await running.recognize([config(), *audio(pcm)])
    assert outcome.code is Status.INTERNAL


async def test_files_are_not_recognized_and_that_is_said(start: Start) -> None:
    running = await start()
    stub = pb_grpc.SttServiceStub(running.channel)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.LongRunningRecognize(
            pb.LongRunningRecognitionRequest(), metadata=running.metadata()
        )
    assert caught.value.code() is Status.UNIMPLEMENTED
    assert "StreamingRecognize" in str(caught.value.details())


@pytest.mark.parametrize(
    "method",
    [
        "/speechkit.stt.v3.Recognizer/RecognizeStreaming",
        "/yandex.cloud.ai.stt.v2.SttService/Nope",
        "/grpc.health.v1.Health/Nope",
        "/foo",
        "foo",
        "/" + "x" * 5000,
    ],
)
@pytest.mark.parametrize("is_streaming", [True, False])
async def test_a_method_that_is_not_served_says_what_is(
    start: Start, method: str, *, is_streaming: bool
) -> None:
    running = await start()
    channel: Any = running.channel
    # Without credentials: who asks for another API has to learn of this one first.
    if is_streaming:
        call = channel.stream_stream(method)(timeout=600)
    else:
        call = channel.unary_unary(method)(b"\n\0", timeout=600)
    assert await call.code() is Status.UNIMPLEMENTED
    error = from_status(await call.code(), await call.details(), await call.trailing_metadata())
    assert error.code is ErrorCode.UNIMPLEMENTED
    # Not compared with the header: grpcio loses that where the status comes right behind it.
    assert error.request_id
    assert method[:100] in error.message
    assert "/yandex.cloud.ai.stt.v2.SttService/StreamingRecognize" in error.message
    assert len(error.message) < 300


async def test_a_cancel_disturbs_nobody(start: Start, pcm: bytes) -> None:
    running = await start(engine_options={"max_streams": 1})
    for _ in range(3):
        call = running.open()
        await call.write(config())
        await call.write(audio(pcm)[0])
        await call.initial_metadata()
        call.cancel()
        assert await call.code() is Status.CANCELLED
    while (outcome := await running.recognize([config(), *audio(pcm)])).error is not None:
        # The engine stream of a canceled call is given back a moment later.
        assert outcome.code is Status.RESOURCE_EXHAUSTED
    assert len(outcome.finals) == 3


async def test_a_clients_deadline_is_kept(start: Start) -> None:
    running = await start()

    async def messages() -> AsyncIterator[Message]:
        yield config()
        await asyncio.Event().wait()

    outcome = await outcome_of(running.open(messages(), timeout=0.05))
    assert outcome.code is Status.DEADLINE_EXCEEDED
