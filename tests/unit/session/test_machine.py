"""The session machine: what may come when, and how much."""

import pytest

from rechka.errors import ErrorCode, LimitError, RechkaError, RequestError
from rechka.session.machine import SessionMachine, SessionState
from rechka.settings import LimitSettings
from rechka.spec import AudioEncoding, RecognitionSpec

PCM = RecognitionSpec(encoding=AudioEncoding.LINEAR16_PCM, sample_rate_hz=8000)


def make(**limits: float) -> SessionMachine:
    return SessionMachine(LimitSettings.model_validate(limits), now_s=100.0)


def test_audio_before_settings_is_refused() -> None:
    machine = make()
    with pytest.raises(RequestError) as caught:
        machine.receive_audio(10)
    assert caught.value.code is ErrorCode.UNEXPECTED_MESSAGE
    assert caught.value.violations.keys() == {"config"}
    assert machine.received_bytes == 0


def test_settings_come_once() -> None:
    machine = make()
    machine.receive_spec(PCM)
    machine.receive_audio(10)
    with pytest.raises(RequestError, match="once, in the first message") as caught:
        machine.receive_spec(PCM)
    assert caught.value.code is ErrorCode.UNEXPECTED_MESSAGE


@pytest.mark.parametrize(("opened", "accepted"), [(False, "config"), (True, "audio_content")])
def test_an_empty_message_is_refused_with_what_is_due(opened: bool, accepted: str) -> None:  # noqa: FBT001
    machine = make()
    if opened:
        machine.receive_spec(PCM)
    with pytest.raises(RequestError, match=f"accepted: {accepted}"):
        machine.receive_nothing()


def test_the_byte_that_is_too_many_is_refused_and_does_not_count() -> None:
    machine = make(audio_bytes=10 * 2**20)
    machine.receive_spec(PCM)
    machine.receive_audio(10 * 2**20)
    with pytest.raises(LimitError) as caught:
        machine.receive_audio(1)
    assert str(caught.value) == "audio should be less than 10MB"
    assert machine.received_bytes == 10 * 2**20


def test_samples_are_admitted_up_to_the_duration() -> None:
    machine = make(audio_s=1.5)
    machine.receive_spec(PCM)
    assert machine.admit_samples(8000, rate_hz=8000) == 8000
    assert machine.admit_samples(8000, rate_hz=8000) == 4000
    assert machine.admit_samples(1, rate_hz=8000) == 0
    assert machine.decoded_s == pytest.approx(1.5)
    error = machine.duration_error()
    assert (error.code, str(error)) == (
        ErrorCode.SESSION_TOO_LONG,
        "Exceeded maximum allowed stream duration",
    )


def test_idleness_counts_from_when_the_server_began_to_wait() -> None:
    machine = make(idle_s=5)
    assert machine.idle_at_s == 105.0
    machine.wait(now_s=200.0)
    assert machine.idle_at_s == 205.0
    assert machine.idle_error().code is ErrorCode.IDLE_TIMEOUT


def test_a_half_close_is_allowed_before_anything() -> None:
    machine = make()
    machine.receive_half_close()
    assert machine.state is SessionState.CLOSED


def test_a_single_utterance_leads_to_discarding_and_audio_still_counts() -> None:
    machine = make()
    machine.receive_spec(PCM)
    machine.end_single_utterance()
    machine.receive_audio(7)
    assert (machine.state, machine.received_bytes) == (SessionState.DISCARDING, 7)


@pytest.mark.parametrize(
    ("spec", "field", "got", "accepted"),
    [
        (RecognitionSpec(folder_id="x" * 51), "config.folder_id", "51", "at most 50"),
        (
            RecognitionSpec(encoding=AudioEncoding.MP3),
            "config.specification.audio_encoding",
            "MP3",
            "OGG_OPUS",
        ),
        (
            RecognitionSpec(encoding=AudioEncoding.LINEAR16_PCM, sample_rate_hz=44100),
            "config.specification.sample_rate_hertz",
            "44100",
            "8000, 16000, 48000",
        ),
        (
            RecognitionSpec(channel_count=2),
            "config.specification.audio_channel_count",
            "2",
            "1",
        ),
    ],
)
def test_a_setting_out_of_the_contract_is_named(
    spec: RecognitionSpec, field: str, got: str, accepted: str
) -> None:
    with pytest.raises(RequestError) as caught:
        make().receive_spec(spec)
    problem = caught.value.violations[field]
    assert got in problem
    assert accepted in problem
    assert field in str(caught.value)


def test_every_wrong_setting_is_named_at_once() -> None:
    spec = RecognitionSpec(folder_id="x" * 51, channel_count=2)
    with pytest.raises(RechkaError) as caught:
        make().receive_spec(spec)
    assert len(caught.value.violations) == 2


def test_the_rate_does_not_matter_with_opus() -> None:
    machine = make()
    machine.receive_spec(RecognitionSpec(encoding=AudioEncoding.OGG_OPUS, sample_rate_hz=44100))
    assert machine.state is SessionState.OPEN
