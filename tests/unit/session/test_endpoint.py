"""The end of an utterance, frame by frame."""

import pytest

from rechka.recognition.port import Observation
from rechka.results import Hypothesis
from rechka.session.endpoint import Boundary, Endpointer, EndpointParameters
from rechka.settings import EndpointingPreset, EndpointingSettings

FRAME_MS = 30
PARAMETERS = EndpointParameters(pause_ms=600, min_speech_ms=90, max_utterance_ms=10_000)


def feed(endpointer: Endpointer, *, is_voice: bool, ms: int) -> int | None:
    """Feed frames; return after how many ms a boundary came, None if none did."""
    for done in range(FRAME_MS, ms + 1, FRAME_MS):
        if endpointer.accept(is_voice=is_voice) is not None:
            return done
    return None


def speaking() -> Endpointer:
    endpointer = Endpointer(PARAMETERS, frame_ms=FRAME_MS)
    assert feed(endpointer, is_voice=True, ms=90) == 90
    assert feed(endpointer, is_voice=True, ms=990) is None
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
    endpointer = speaking()
    for done in range(FRAME_MS, 3000, FRAME_MS):
        endpointer.observe(heard("hello", 0), decoded_ms=990 + done)
        if endpointer.accept(is_voice=False) is Boundary.END:
            assert done == 1200
            return
    pytest.fail("the utterance did not end")


def test_an_engine_that_lags_behind_has_no_say() -> None:
    endpointer = speaking()
    endpointer.observe(heard("hello", 0), decoded_ms=500)
    assert feed(endpointer, is_voice=False, ms=3000) == 600


def test_an_engine_that_hears_silence_ends_it_against_noise_after_twice_the_pause() -> None:
    endpointer = speaking()
    for done in range(FRAME_MS, 5000, FRAME_MS):
        endpointer.observe(heard("hello", done), decoded_ms=990 + done)
        if endpointer.accept(is_voice=True) is Boundary.END:
            assert done == 1200
            return
    pytest.fail("the utterance did not end")


def test_long_sound_without_a_word_is_given_up() -> None:
    endpointer = speaking()
    for done in range(FRAME_MS, 9000, FRAME_MS):
        endpointer.observe(heard("", 0), decoded_ms=990 + done)
        if endpointer.accept(is_voice=True) is Boundary.END:
            assert 990 + done >= 8000
            return
    pytest.fail("the utterance did not end")


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
