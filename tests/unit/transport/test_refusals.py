from collections.abc import Iterator

import pytest

from rechka.errors import CapacityError, ErrorCode
from rechka.spec import AudioEncoding, RecognitionSpec
from rechka.testing.clock import VirtualClock
from rechka.transport.refusals import Refusals

FULL = CapacityError(ErrorCode.OVERLOADED, "full", retry_after_s=1.5)


def spec_of(language: str) -> RecognitionSpec:
    return RecognitionSpec(language=language, encoding=AudioEncoding.OGG_OPUS)


def refused(refusals: Refusals, *languages: str) -> Iterator[str]:
    """Yield the languages that are refused now."""
    for language in languages:
        try:
            refusals.check(spec_of(language))
        except CapacityError:
            yield language


def test_what_was_refused_is_refused_again_for_a_moment() -> None:
    clock = VirtualClock()
    refusals = Refusals(clock)
    assert not list(refused(refusals, "ru-RU", "tr-TR"))
    refusals.note(spec_of("ru-RU"), FULL)
    # Another model may have room.
    assert list(refused(refusals, "ru-RU", "tr-TR")) == ["ru-RU"]
    clock.advance(0.4)
    assert list(refused(refusals, "ru-RU")) == ["ru-RU"]
    clock.advance(0.2)
    assert not list(refused(refusals, "ru-RU"))


def test_every_refusal_is_an_error_of_its_own_that_says_the_same() -> None:
    refusals = Refusals(VirtualClock())
    refusals.note(spec_of("ru-RU"), FULL)
    errors = []
    for _ in range(2):
        with pytest.raises(CapacityError, match="full") as refusal:
            refusals.check(spec_of("ru-RU"))
        errors.append(refusal.value)
        assert refusal.value.code is ErrorCode.OVERLOADED
        assert refusal.value.retry_after_s == 1.5
    assert len({id(error) for error in (FULL, *errors)}) == 3


def test_a_session_that_ends_makes_room() -> None:
    refusals = Refusals(VirtualClock())
    refusals.note(spec_of("ru-RU"), FULL)
    refusals.note(spec_of("tr-TR"), FULL)
    assert list(refused(refusals, "ru-RU", "tr-TR")) == ["ru-RU", "tr-TR"]
    refusals.forget()
    assert not list(refused(refusals, "ru-RU", "tr-TR"))


def test_what_is_remembered_does_not_grow() -> None:
    clock = VirtualClock()
    refusals = Refusals(clock)
    for number in range(1_000):
        refusals.note(spec_of(f"x-{number}"), FULL)
        clock.advance(0.1)
    assert len(refusals._latest) <= 6


def wait_s(refusals: Refusals) -> float:
    """Return how long one more caller is told to wait."""
    told = refusals.note(spec_of("ru-RU"), FULL).retry_after_s
    assert told is not None
    return told


def test_the_more_are_refused_the_later_they_are_to_come_again() -> None:
    clock = VirtualClock()
    refusals = Refusals(clock)
    waits_s = []
    for _ in range(200):
        waits_s.append(wait_s(refusals))
        clock.advance(0.05)
    assert waits_s == sorted(waits_s)
    assert waits_s[0] == 1.5
    # Twenty a second, four times what is borne.
    assert 4.5 < waits_s[-1] < 6.5
    clock.advance(60)
    assert wait_s(refusals) == 1.5


def test_nobody_is_told_to_wait_without_end() -> None:
    refusals = Refusals(VirtualClock())
    assert max(wait_s(refusals) for _ in range(10_000)) == 10.0
