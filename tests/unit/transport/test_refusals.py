import pytest

from rechka.errors import CapacityError, ErrorCode
from rechka.spec import AudioEncoding, RecognitionSpec
from rechka.testing.clock import VirtualClock
from rechka.transport.refusals import Refusals

FULL = CapacityError(ErrorCode.OVERLOADED, "full", retry_after_s=1.0)


def _spec(language: str) -> RecognitionSpec:
    return RecognitionSpec(language=language, encoding=AudioEncoding.OGG_OPUS)


def test_what_was_refused_is_refused_again_for_a_moment() -> None:
    clock = VirtualClock()
    refusals = Refusals(clock)
    refusals.check(_spec("ru-RU"))
    refusals.note(_spec("ru-RU"), FULL)
    with pytest.raises(CapacityError, match="full"):
        refusals.check(_spec("ru-RU"))
    # Another model may have room.
    refusals.check(_spec("tr-TR"))
    clock.advance(1.0)
    refusals.check(_spec("ru-RU"))


def test_a_session_that_ends_makes_room() -> None:
    refusals = Refusals(VirtualClock())
    refusals.note(_spec("ru-RU"), FULL)
    refusals.forget()
    refusals.check(_spec("ru-RU"))
