"""Long audio over short sessions: no word lost, none doubled, all times right."""

from __future__ import annotations

import random
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.marked_opus import MarkedOpusReader, encode
from fakes.marked_speech import (
    RATE_HZ,
    MarkedRecognizer,
    Speech,
    SpeechMaker,
    breathless_speech,
    random_speech,
)
from rechka.client.chunks import AudioChunk, PcmFraming
from rechka.client.limits import SessionLimits
from rechka.client.opus import OpusFraming
from rechka.client.rollover import Rollover, Step
from rechka.errors import (
    AccessError,
    CapacityError,
    ErrorCode,
    InternalError,
    LimitError,
    RechkaError,
    RequestError,
    UnavailableError,
)
from rechka.results import Final, Hypothesis, Partial, Result

LIMITS = SessionLimits(audio_s=20, soft_margin_s=5, hard_margin_s=1)
LOST = UnavailableError(ErrorCode.UNAVAILABLE, "the server went away")


def as_samples(data: bytes) -> array[int]:
    return array("h", data)


@dataclass
class Run:
    """A simulated stream: the machine, a server for each session, and chance.

    Attributes:
        limits: What the client believes.
        served_ms: What the servers accept; more than that is a failed test.
        most_lag: Results reach the client up to so many messages late.
        losses: Number of sessions that break somewhere.
    """

    speech: Speech
    chunks: list[AudioChunk]
    limits: SessionLimits = LIMITS
    served_ms: float = 20_000
    served_bytes: float = float("inf")
    max_utterance_ms: int = 1_000_000
    has_word_times: bool = True
    reader: Callable[[], Callable[[bytes], array[int]]] = lambda: as_samples
    seed: int = 0
    most_lag: int = 5
    losses: int = 0
    results: list[Result] = field(default_factory=list)
    heard_ms: int = 0

    def run(self) -> Run:
        self.dice = random.Random(self.seed)
        self.machine = Rollover(self.limits)
        self.coming = list(reversed(self.chunks))
        for _ in range(10_000):
            match self.machine.step():
                case Step.DONE:
                    return self
                case Step.OPEN:
                    self._session()
                case Step.NEED_AUDIO:
                    self._feed()
                case step:
                    pytest.fail(f"{step} outside of a session")
        pytest.fail("no end")

    def _feed(self) -> None:
        if self.coming:
            self.machine.add(self.coming.pop())
        else:
            self.machine.finish()

    def _session(self) -> None:
        server = MarkedRecognizer(
            self.speech.lengths,
            max_utterance_ms=self.max_utterance_ms,
            has_word_times=self.has_word_times,
        )
        decode = self.reader()
        lag = self.dice.randint(0, self.most_lag)
        breaks_after = self.dice.randint(0, 150) if self.losses > 0 else None
        unread: list[list[Result]] = []
        served_ms = served_bytes = 0
        self.machine.opened()
        while True:
            match self.machine.step():
                case Step.SEND:
                    data = self.machine.take()
                    samples = decode(data)
                    served_ms += len(samples)
                    served_bytes += len(data)
                    assert served_ms <= self.served_ms
                    assert served_bytes <= self.served_bytes
                    unread.append(server.hear(samples))
                    if len(unread) > lag:
                        self._receive(unread.pop(0))
                    if breaks_after is not None and len(unread) + served_ms / 100 > breaks_after:
                        self.losses -= 1
                        self.machine.fail(LOST)
                        break
                case Step.NEED_AUDIO:
                    self._feed()
                case Step.HALF_CLOSE:
                    self.machine.half_closed()
                    unread.append(server.finish())
                case Step.AWAIT_RESULTS if unread:
                    self._receive(unread.pop(0))
                case Step.AWAIT_RESULTS:
                    self.results += self.machine.end()
                    break
                case Step.ABANDON:
                    self.machine.abandoned()
                    break
                case step:
                    pytest.fail(f"{step} in a session")
        self.heard_ms += served_ms

    def _receive(self, results: list[Result]) -> None:
        for result in results:
            self.results += self.machine.receive(result)

    @property
    def finals(self) -> list[Final]:
        return [result for result in self.results if isinstance(result, Final)]

    @property
    def texts(self) -> list[str]:
        return " ".join(final.alternatives[0].text for final in self.finals).split()

    def assert_exact(self, *, within_ms: int = 1) -> None:
        assert self.texts == self.speech.texts
        heard = [word for final in self.finals for word in final.alternatives[0].words]
        for word, (_, start_ms, end_ms) in zip(heard, self.speech.words, strict=True):
            assert abs(word.start_ms - start_ms) <= within_ms
            assert abs(word.end_ms - end_ms) <= within_ms
        for final in self.finals:
            assert final.start_ms == final.alternatives[0].words[0].start_ms
            assert final.end_ms == final.alternatives[0].words[-1].end_ms


def pcm_chunks(speech: Speech, *, chunk_ms: int = 100) -> list[AudioChunk]:
    framing = PcmFraming(RATE_HZ, chunk_ms=chunk_ms)
    return [*framing.feed(speech.pcm), *framing.flush()]


def opus_chunks(data: bytes) -> list[AudioChunk]:
    framing = OpusFraming()
    return [*framing.feed(data), *framing.flush()]


def test_one_session_is_enough_for_short_audio() -> None:
    speech = random_speech(1, utterances=3)
    run = Run(speech, pcm_chunks(speech)).run()
    run.assert_exact()
    assert run.machine.sessions == 1
    assert any(isinstance(result, Partial) for result in run.results)


@settings(max_examples=60)
@given(st.integers(0, 1_000_000), st.integers(0, 40), st.integers(20, 500))
def test_words_and_times_are_the_same_over_many_sessions(
    seed: int, most_lag: int, chunk_ms: int
) -> None:
    speech = random_speech(seed, utterances=30)
    chunks = pcm_chunks(speech, chunk_ms=chunk_ms)
    run = Run(speech, chunks, seed=seed, most_lag=most_lag).run()
    run.assert_exact()
    assert run.machine.sessions > len(speech.samples) // 20_000
    assert run.heard_ms < 1.6 * len(speech.samples)


@settings(max_examples=30)
@given(st.integers(0, 1_000_000))
def test_answers_that_come_only_after_the_half_close_lose_nothing(seed: int) -> None:
    speech = random_speech(seed, utterances=30)
    run = Run(speech, pcm_chunks(speech), seed=seed, most_lag=100_000).run()
    run.assert_exact()


@settings(max_examples=30)
@given(st.integers(0, 1_000_000), st.integers(0, 40))
def test_a_speaker_without_a_pause_is_cut_between_words(seed: int, most_lag: int) -> None:
    speech = breathless_speech(seed, words=200)
    run = Run(speech, pcm_chunks(speech), seed=seed, most_lag=most_lag).run()
    run.assert_exact()
    assert run.heard_ms < 2 * len(speech.samples)


@settings(max_examples=30)
@given(st.integers(0, 1_000_000), st.integers(0, 40))
def test_utterances_that_end_for_their_length_lose_nothing(seed: int, most_lag: int) -> None:
    speech = breathless_speech(seed, words=400)
    limits = SessionLimits(audio_s=60, soft_margin_s=20, hard_margin_s=2)
    run = Run(
        speech,
        pcm_chunks(speech),
        limits=limits,
        served_ms=60_000,
        max_utterance_ms=16_000,
        seed=seed,
        most_lag=most_lag,
    ).run()
    run.assert_exact()


@settings(max_examples=40)
@given(st.integers(0, 1_000_000), st.integers(1, 6))
def test_lost_sessions_lose_no_word(seed: int, losses: int) -> None:
    speech = random_speech(seed, utterances=20)
    run = Run(speech, pcm_chunks(speech), seed=seed, losses=losses, most_lag=20).run()
    run.assert_exact()


@settings(max_examples=30)
@given(st.integers(0, 1_000_000), st.integers(0, 20), st.integers(1, 200))
def test_opus_words_and_times_are_the_same_over_many_sessions(
    seed: int, most_lag: int, packets_per_page: int
) -> None:
    speech = random_speech(seed, utterances=20, step_ms=20)
    chunks = opus_chunks(encode(speech, packets_per_page=packets_per_page))
    run = Run(
        speech,
        chunks,
        reader=lambda: MarkedOpusReader().decode,
        seed=seed,
        most_lag=most_lag,
        losses=1,
    ).run()
    # A session's first packet is dropped as pre-skip, and cuts are as long as a packet.
    run.assert_exact(within_ms=40)
    assert run.machine.sessions > 2


def test_a_limit_on_bytes_is_kept_as_well() -> None:
    speech = random_speech(5, utterances=30)
    limits = SessionLimits(audio_s=300, audio_bytes=30_000, soft_margin_s=5, hard_margin_s=1)
    run = Run(speech, pcm_chunks(speech), limits=limits, served_ms=15_000, served_bytes=30_000)
    run.run().assert_exact()


def test_a_chunk_that_fits_into_no_session_is_left_to_the_server() -> None:
    speech = SpeechMaker()
    speech.pause(60_000)
    made = speech.made()
    run = Run(made, pcm_chunks(made, chunk_ms=30_000), served_ms=60_000).run()
    assert run.heard_ms == 60_000


def test_long_silence_rolls_over_with_a_short_tail_heard_again() -> None:
    speech = SpeechMaker()
    speech.pause(200_000)
    made = speech.made()
    run = Run(made, pcm_chunks(made)).run()
    assert run.texts == []
    assert run.heard_ms < 1.3 * len(made.samples)


def test_a_session_ends_in_a_pause_when_there_is_one() -> None:
    speech = SpeechMaker()
    for _ in range(20):
        speech.say(1_000)
        speech.pause(1_000)
    made = speech.made()
    run = Run(made, pcm_chunks(made), most_lag=0).run()
    run.assert_exact()
    # Only what came after the last word's end is heard again: the pause.
    assert run.heard_ms < len(made.samples) + 500 * run.machine.sessions


def test_without_word_times_sessions_end_at_the_end_of_an_utterance() -> None:
    speech = random_speech(11, utterances=20)
    run = Run(speech, pcm_chunks(speech), has_word_times=False, most_lag=0).run()
    assert run.texts == speech.texts
    assert run.heard_ms == len(speech.samples)


# One step after another, for what chance does not reach.


def machine_with(chunks: list[AudioChunk], *, single: bool = False) -> Rollover:
    machine = Rollover(LIMITS, single_utterance=single)
    machine.add(chunks[0])
    assert machine.step() is Step.OPEN
    machine.opened()
    for chunk in chunks[1:]:
        assert machine.step() is Step.SEND
        machine.take()
        machine.add(chunk)
    machine.take()
    assert machine.step() is Step.NEED_AUDIO
    return machine


def two_words() -> tuple[Speech, list[Result]]:
    """Return a second of speech with a pause after it, and the results of it."""
    speech = SpeechMaker()
    speech.say(500)
    speech.pause(500)
    speech.say(500)
    speech.pause(500)
    made = speech.made()
    return made, MarkedRecognizer(made.lengths).hear(made.samples)


def test_no_audio_still_asks_the_server() -> None:
    machine = Rollover(LIMITS)
    assert machine.step() is Step.NEED_AUDIO
    machine.finish()
    assert machine.step() is Step.OPEN
    machine.opened()
    assert machine.step() is Step.HALF_CLOSE
    machine.half_closed()
    assert machine.end() == []
    assert machine.step() is Step.DONE


@pytest.mark.parametrize(
    "error",
    [
        RequestError(ErrorCode.INVALID_CONFIG, "language"),
        AccessError(ErrorCode.UNAUTHENTICATED, "token"),
        AccessError(ErrorCode.PERMISSION_DENIED, "role"),
        InternalError(ErrorCode.INTERNAL, "fault"),
    ],
)
def test_errors_that_another_try_does_not_help_are_raised(error: RechkaError) -> None:
    speech, _ = two_words()
    machine = machine_with(pcm_chunks(speech))
    with pytest.raises(type(error)):
        machine.fail(error)


def test_no_room_is_asked_for_again_before_the_first_result() -> None:
    speech, results = two_words()
    full = CapacityError(ErrorCode.OVERLOADED, "full", retry_after_s=1)
    machine = machine_with(pcm_chunks(speech))
    machine.fail(full)
    assert machine.step() is Step.OPEN
    machine.opened()
    machine.take()
    machine.receive(results[0])
    with pytest.raises(CapacityError):
        machine.fail(full)


def test_a_loss_after_finals_without_times_is_raised_because_a_replay_would_double_them() -> None:
    speech, _ = two_words()
    untimed = MarkedRecognizer(speech.lengths, has_word_times=False).hear(speech.samples)
    machine = machine_with(pcm_chunks(speech))
    for result in untimed:
        machine.receive(result)
    with pytest.raises(UnavailableError):
        machine.fail(LOST)


def test_after_a_loss_the_next_session_begins_behind_the_last_final() -> None:
    speech, results = two_words()
    machine = machine_with(pcm_chunks(speech))
    for result in results:
        machine.receive(result)
    machine.fail(LOST)
    machine.opened()
    heard = as_samples(machine.take())
    assert machine.commit_ms == 1_600
    assert len(heard) == 100
    assert set(heard) == {0}


def test_a_stall_ends_the_session_and_the_next_audio_opens_another() -> None:
    speech, results = two_words()
    chunks = pcm_chunks(speech)
    machine = machine_with(chunks)
    machine.stall()
    assert machine.step() is Step.HALF_CLOSE
    machine.half_closed()
    for result in results:
        machine.receive(result)
    machine.end()
    assert machine.step() is Step.NEED_AUDIO
    machine.add(chunks[0])
    assert machine.step() is Step.OPEN


def test_after_an_idle_timeout_nothing_is_opened_until_audio_comes() -> None:
    speech, _ = two_words()
    machine = machine_with(pcm_chunks(speech))
    idle = LimitError(ErrorCode.IDLE_TIMEOUT, "idle")
    machine.fail(idle)
    assert machine.step() is Step.NEED_AUDIO
    machine.finish()
    assert machine.step() is Step.OPEN
    machine.opened()
    assert as_samples(machine.take()) == speech.samples[:100]


def test_a_server_with_lower_limits_is_believed() -> None:
    speech = random_speech(3, utterances=20)
    chunks = pcm_chunks(speech)
    machine = machine_with(chunks[:100])
    machine.fail(LimitError(ErrorCode.SESSION_TOO_LONG, "too long"))
    machine.opened()
    sent = 0
    for _ in range(100):
        if machine.step() is not Step.SEND:
            break
        sent += len(as_samples(machine.take()))
    assert machine.step() is Step.HALF_CLOSE
    assert 5_000 < sent <= 8_000


def test_a_session_that_ended_for_its_slow_reader_tells_nothing_of_the_limits() -> None:
    speech = random_speech(3, utterances=20)
    chunks = pcm_chunks(speech)[:100]
    machine = machine_with(chunks)
    machine.fail(LimitError(ErrorCode.SLOW_READER, "no result was read"))
    assert machine.step() is Step.OPEN
    machine.opened()
    sent = b""
    while machine.step() is Step.SEND:
        sent += machine.take()
    assert machine.step() is Step.NEED_AUDIO
    assert as_samples(sent) == speech.samples[: len(as_samples(sent))]
    assert len(as_samples(sent)) == 10_000


def test_a_single_utterance_ends_the_stream() -> None:
    speech, results = two_words()
    machine = machine_with(pcm_chunks(speech), single=True)
    delivered = [item for result in results for item in machine.receive(result)]
    assert [item.alternatives[0].text for item in delivered if isinstance(item, Final)] == ["w1"]
    assert machine.step() is Step.ABANDON
    machine.abandoned()
    assert machine.step() is Step.DONE


def test_a_single_utterance_that_is_taken_back_does_not_end_the_stream() -> None:
    speech, results = two_words()
    machine = machine_with(pcm_chunks(speech), single=True)
    machine.receive(Final((Hypothesis(""),)))
    assert machine.step() is Step.NEED_AUDIO
    for result in results:
        machine.receive(result)
    assert machine.step() is Step.ABANDON


def test_a_server_that_ends_too_early_is_an_unavailable_one() -> None:
    speech, _ = two_words()
    machine = machine_with(pcm_chunks(speech))
    with pytest.raises(UnavailableError) as caught:
        machine.end()
    machine.fail(caught.value)
    assert machine.step() is Step.OPEN
