import pytest

from rechka.ticks import next_tick, until_tick_s


@pytest.mark.parametrize(
    ("now_s", "left_s"), [(10.0, 1.0), (10.25, 0.75), (10.875, 0.125), (10.9375, 1.0625)]
)
def test_a_wait_ends_at_a_multiple_of_its_interval(now_s: float, left_s: float) -> None:
    assert until_tick_s(now_s, 1.0) == left_s


def test_who_is_woken_a_little_early_does_not_get_the_same_tick_twice() -> None:
    assert until_tick_s(10.999, 1.0) == pytest.approx(1.001)
    assert until_tick_s(11.001, 1.0) == pytest.approx(0.999)


async def test_a_tick_comes() -> None:
    await next_tick(0.01)
