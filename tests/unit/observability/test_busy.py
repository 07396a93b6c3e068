import pytest

from rechka.errors import CapacityError, ErrorCode
from rechka.observability.busy import Busy


def test_the_share_is_that_of_the_last_while() -> None:
    now = [0.0, 0.0]
    busy = Busy(lambda: 3, timer=lambda: now[0], thread_timer=lambda: now[1])
    busy.note()
    assert busy.share == 0
    now[:] = 2.0, 0.5
    busy.note()
    assert busy.share == 0.25
    now[:] = 3.0, 1.4
    busy.note()
    assert busy.share == pytest.approx(0.9)
    (sample,) = busy.samples()
    assert (sample.name, sample.value) == ("rechka_server_busy", busy.share)


def test_no_session_is_let_in_while_the_thread_has_no_time() -> None:
    calls = 100
    now = [0.0, 0.0]
    busy = Busy(lambda: calls, timer=lambda: now[0], thread_timer=lambda: now[1])
    now[:] = 1.0, 0.79
    busy.note()
    busy.check()
    now[:] = 2.0, 1.6
    busy.note()
    with pytest.raises(CapacityError) as refusal:
        busy.check()
    assert refusal.value.code is ErrorCode.OVERLOADED
    assert refusal.value.retry_after_s == 1.0
    # What keeps the thread busy beside so few sessions is something else.
    calls = 20
    busy.check()


def test_calls_that_came_since_are_expected_to_cost_as_much_as_the_others() -> None:
    now, calls = [0.0, 0.0], 100
    busy = Busy(lambda: calls, timer=lambda: now[0], thread_timer=lambda: now[1])
    now[:] = 1.0, 0.5
    busy.note()
    calls = 160
    busy.check()
    calls = 161
    with pytest.raises(CapacityError):
        busy.check()
