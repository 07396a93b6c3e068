"""The end of an utterance, frame by frame."""

from collections.abc import Callable

import pytest

from rechka.recognition.port import Observation
from rechka.results import Hypothesis
from rechka.session.endpoint import Boundary, Endpointer, EndpointParameters
from rechka.settings import EndpointingPreset, EndpointingSettings

FRAME_MS = 30
SPOKEN_MS = 990
PARAMETERS = EndpointParameters(pause_ms=600, min_speech_ms=90, max_utterance_ms=10_000)


Says = Callable[[int], Observation]


def feed(
    endpointer: Endpointer, *, is_voice: bool, ms: int, says: Says | None = None
) -> int | None:
    """Feed frames; return after how many ms a boundary came, None if none did.

    Args:
        endpointer: What is tested.
        is_voice: Of each frame.
        ms: Length of all.
        says: What the engine has heard after so many ms, when it is asked; None: it is
            behind.
    """
    for done in range(FRAME_MS, ms + 1, FRAME_MS):
        boundary = endpointer.accept(is_voice=is_voice)
        if boundary is Boundary.DOUBT:
            if says is not None:
                endpointer.observe(says(done), decoded_ms=SPOKEN_MS + done)
            boundary = endpointer.settle()
        if boundary is not None:
            return done
    return None


def speaking() -> Endpointer:
    endpointer = Endpointer(PARAMETERS, frame_ms=FRAME_MS)
    assert feed(endpointer, is_voice=True, ms=90) == 90
    assert feed(endpointer, is_voice=True, ms=SPOKEN_MS) is None
    return endpointer


def heard(text: str, silence_ms: int | None) -> Observation:
    return Observation(Hypothesis(text), trailing_silence_ms=silence_ms)


def test_an_utterance_begins_after_enough_voice_and_knows_its_onset() -> None:
    endpointer = Endpointer(PARAMETERS, frame_ms=FRAME_MS)
    assert feed(endpointer, is_voice=False, ms=3000) is None
    assert endpointer.accept(is_voice=True) is None
    assert endpointer.accept(is_voice=False) is None
    assert endpointer.accept(is_voice=True) is None
    assert endpointer.accept(is_voice=True) is Boundary.BEGIN
    assert endpointer.onset_ms == 4 * FRAME_MS


def test_sounds_shorter_than_the_least_speech_begin_nothing() -> None:
    endpointer = Endpointer(PARAMETERS, frame_ms=FRAME_MS)
    for _ in range(20):
        assert feed(endpointer, is_voice=True, ms=60) is None
        assert feed(endpointer, is_voice=False, ms=270) is None


def test_a_pause_ends_the_utterance_when_the_engine_has_no_say() -> None:
    assert feed(speaking(), is_voice=False, ms=3000) == 600


def test_a_gap_shorter_than_the_pause_does_not_end_it() -> None:
    endpointer = speaking()
    assert feed(endpointer, is_voice=False, ms=570) is None
    assert feed(endpointer, is_voice=True, ms=90) is None
    assert feed(endpointer, is_voice=False, ms=570) is None


def test_a_click_inside_the_pause_does_not_lengthen_it() -> None:
    endpointer = speaking()
    assert feed(endpointer, is_voice=False, ms=300) is None
    assert endpointer.accept(is_voice=True) is None
    assert feed(endpointer, is_voice=False, ms=3000) == 600 - 300 - FRAME_MS


def test_an_engine_that_still_hears_speech_holds_the_end_back_up_to_twice_the_pause() -> None:
    assert feed(speaking(), is_voice=False, ms=3000, says=lambda _: heard("hello", 0)) == 1200


def test_a_word_after_the_voice_holds_the_end_back_until_half_a_pause_after_it() -> None:
    ends = feed(speaking(), is_voice=False, ms=3000, says=lambda ms: heard("hello", ms - 420))
    assert ends == 720


def test_an_engine_that_heard_no_word_agrees_to_the_end() -> None:
    assert feed(speaking(), is_voice=False, ms=3000, says=lambda _: heard("", 0)) == 600


@pytest.mark.parametrize("told_ms", [0, 300, 570, 600])
def test_what_the_engine_told_before_it_is_asked_changes_nothing(told_ms: int) -> None:
    endpointer = speaking()

    def says(ms: int) -> Observation:
        return heard("hello", min(ms, 330) if ms < 540 else ms - 450)

    for done in range(FRAME_MS, 600, FRAME_MS):
        if done <= told_ms:
            endpointer.observe(says(done), decoded_ms=SPOKEN_MS + done)
        boundary = endpointer.accept(is_voice=False)
        if boundary is Boundary.DOUBT:
            endpointer.observe(says(done), decoded_ms=SPOKEN_MS + done)
            boundary = endpointer.settle()
        assert boundary is None
    assert endpointer.accept(is_voice=False) is Boundary.DOUBT
    endpointer.observe(says(600), decoded_ms=SPOKEN_MS + 600)
    assert endpointer.settle() is None
    later = feed(endpointer, is_voice=False, ms=3000, says=lambda ms: says(ms + 600))
    assert later == 150


def test_an_engine_that_is_behind_has_no_say() -> None:
    endpointer = speaking()
    endpointer.observe(heard("hello", 0), decoded_ms=500)
    assert feed(endpointer, is_voice=False, ms=3000) == 600


def test_an_engine_that_does_not_judge_is_not_asked() -> None:
    endpointer = Endpointer(PARAMETERS, frame_ms=FRAME_MS, has_judge=False)
    assert feed(endpointer, is_voice=True, ms=90) == 90
    boundaries = [endpointer.accept(is_voice=False) for _ in range(600 // FRAME_MS)]
    assert boundaries == [None] * (600 // FRAME_MS - 1) + [Boundary.END]


def test_an_engine_that_hears_silence_ends_it_against_noise_after_twice_the_pause() -> None:
    endpointer = speaking()
    endpointer.observe(heard("hello", 0), decoded_ms=SPOKEN_MS)
    ends = feed(endpointer, is_voice=True, ms=5000, says=lambda ms: heard("hello", ms))
    assert ends is not None
    assert 1200 <= ends <= 1200 + 210


def test_an_engine_that_is_behind_does_not_end_it_against_noise() -> None:
    endpointer = speaking()
    endpointer.observe(heard("hello", 0), decoded_ms=SPOKEN_MS)
    assert feed(endpointer, is_voice=True, ms=6000) is None


def test_long_sound_without_a_word_is_given_up() -> None:
    ends = feed(speaking(), is_voice=True, ms=9000, says=lambda _: heard("", 0))
    assert ends is not None
    assert 8000 <= SPOKEN_MS + ends <= 8000 + 210


def test_a_word_that_comes_late_keeps_long_sound_from_being_given_up() -> None:
    limits = EndpointParameters(pause_ms=600, min_speech_ms=90, max_utterance_ms=20_000)
    endpointer = Endpointer(limits, frame_ms=FRAME_MS)
    assert feed(endpointer, is_voice=True, ms=90) == 90
    assert feed(endpointer, is_voice=True, ms=SPOKEN_MS) is None
    assert feed(endpointer, is_voice=True, ms=9000, says=lambda _: heard("late", 0)) is None


def test_the_longest_utterance_is_cut() -> None:
    assert feed(speaking(), is_voice=True, ms=20_000) == 10_000 - 990 + (990 - 10_000) % FRAME_MS


def test_near_the_longest_utterance_a_short_gap_is_enough() -> None:
    endpointer = speaking()
    assert feed(endpointer, is_voice=True, ms=7500) is None
    assert feed(endpointer, is_voice=False, ms=600) == 150


def test_the_next_utterance_begins_afresh() -> None:
    endpointer = speaking()
    feed(endpointer, is_voice=False, ms=600)
    assert not endpointer.in_utterance
    assert feed(endpointer, is_voice=True, ms=300) == 90


def test_given_settings_replace_the_values_of_the_preset() -> None:
    settings = EndpointingSettings(preset=EndpointingPreset.DICTATION, pause_ms=333)
    parameters = EndpointParameters.from_settings(settings)
    assert (parameters.pause_ms, parameters.min_speech_ms) == (333, 90)
