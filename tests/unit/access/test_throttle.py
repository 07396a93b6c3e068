"""Failed log-ins of one address."""

import pytest

from access_fixtures import Clock
from rechka.access.throttle import LoginThrottle


@pytest.fixture
def throttle(clock: Clock) -> LoginThrottle:
    return LoginThrottle(6, clock=clock)


def fail(throttle: LoginThrottle, address: str, times: int) -> None:
    for _ in range(times):
        throttle.failed(address)


def test_failures_below_the_limit_cost_nothing(throttle: LoginThrottle) -> None:
    fail(throttle, "192.0.2.1", 5)
    assert throttle.blocked_for_s("192.0.2.1") == 0.0


def test_the_limit_blocks_until_one_failure_wears_off(
    throttle: LoginThrottle, clock: Clock
) -> None:
    fail(throttle, "192.0.2.1", 6)
    assert throttle.blocked_for_s("192.0.2.1") == pytest.approx(10.0)
    assert throttle.blocked_for_s("192.0.2.2") == 0.0
    clock.now_s += 10.0
    assert throttle.blocked_for_s("192.0.2.1") == 0.0
    throttle.failed("192.0.2.1")
    assert throttle.blocked_for_s("192.0.2.1") == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("no address", "no address", True),
    ],
)
def test_addresses_of_one_network_are_one_caller(
    throttle: LoginThrottle,
    left: str,
    right: str,
    same: bool,  # noqa: FBT001
) -> None:
    fail(throttle, left, 6)
    assert (throttle.blocked_for_s(right) > 0.0) == same


def test_no_limit_and_no_address_block_nothing(throttle: LoginThrottle, clock: Clock) -> None:
    fail(throttle, "", 100)
    assert throttle.blocked_for_s("") == 0.0
    unlimited = LoginThrottle(0, clock=clock)
    fail(unlimited, "192.0.2.1", 100)
    assert unlimited.blocked_for_s("192.0.2.1") == 0.0


def test_very_many_addresses_do_not_fill_the_memory(throttle: LoginThrottle) -> None:
    for number in range(25_000):
        throttle.failed(f"host {number}")
    assert len(throttle._counts) == 20_000
