"""The margins of a session, and the waits between tries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rechka.client.limits import SessionLimits
from rechka.client.retry import Retries, RetryPolicy
from rechka.errors import CapacityError, ErrorCode, RechkaError, UnavailableError

LOST = UnavailableError(ErrorCode.UNAVAILABLE, "lost")


def test_the_defaults_are_the_vendors_with_margins() -> None:
    limits = SessionLimits()
    assert not limits.is_near(259_000, 259 * 16_000)
    assert limits.is_near(260_000, 260 * 16_000)
    assert not limits.is_reached(298_000, 298 * 16_000)
    assert limits.is_reached(298_001, 298 * 16_000)


def test_bytes_bite_first_at_48_kilohertz() -> None:
    limits = SessionLimits()
    last_ms = 10 * 1024 * 1024 / 96
    assert not limits.is_reached(last_ms - 2_000, int((last_ms - 2_000) * 96))
    assert limits.is_reached(last_ms - 1_990, int((last_ms - 1_990) * 96))
    assert limits.is_near(last_ms * 0.76, int(last_ms * 0.76 * 96))
    assert not limits.is_near(last_ms * 0.6, int(last_ms * 0.6 * 96))


@given(st.floats(1, 600), st.integers(1_000, 10**7), st.integers(100, 200_000))
def test_near_comes_before_reached_and_reached_before_the_limit(
    audio_s: float, audio_bytes: int, bytes_per_s: int
) -> None:
    limits = SessionLimits(audio_s=audio_s, audio_bytes=audio_bytes)
    capacity_ms = min(audio_s * 1000, audio_bytes * 1000 / bytes_per_s)
    positions = [capacity_ms * part / 100 for part in range(1, 101)]
    near = [limits.is_near(at, int(at * bytes_per_s / 1000)) for at in positions]
    reached = [limits.is_reached(at, int(at * bytes_per_s / 1000)) for at in positions]
    assert near == sorted(near)
    assert reached == sorted(reached)
    assert sum(near) >= sum(reached)


@pytest.mark.parametrize(
    "values",
    [{"audio_s": 0}, {"audio_bytes": 0}, {"idle_s": -1}, {"soft_margin_s": -1}],
)
def test_limits_without_room_are_refused(values: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must"):
        SessionLimits(**values)


def waits(error: RechkaError, policy: RetryPolicy, *, is_connected: bool) -> list[float]:
    """Return the waits until the error is raised; each is the longest possible."""
    retries = Retries(policy, uniform=lambda _low, high: high)
    found: list[float] = []
    while len(found) < 100:
        try:
            wait_s = retries.wait_s(error, progress_ms=0, commit_ms=0, is_connected=is_connected)
        except type(error):
            return found
        found.append(wait_s)
    pytest.fail("it never ends")


def test_waits_grow_up_to_the_longest_and_end() -> None:
    policy = RetryPolicy(attempts=7, initial_s=1, factor=2, max_s=10)
    assert waits(LOST, policy, is_connected=True) == [1, 2, 4, 8, 10, 10]


def test_a_server_that_never_answered_is_given_up_soon() -> None:
    assert waits(LOST, RetryPolicy(initial_s=1), is_connected=False) == [1, 2]


def test_a_server_that_never_answered_is_given_up_with_the_first_error() -> None:
    retries = Retries(RetryPolicy(first_attempts=2))
    retries.wait_s(LOST, progress_ms=0, commit_ms=0, is_connected=False)
    other = UnavailableError(ErrorCode.UNAVAILABLE, "other")
    with pytest.raises(UnavailableError, match="lost"):
        retries.wait_s(other, progress_ms=0, commit_ms=0, is_connected=False)


def test_one_attempt_means_no_second_try() -> None:
    assert waits(LOST, RetryPolicy(first_attempts=1), is_connected=False) == []


def test_the_servers_advice_is_a_lower_bound_within_reason() -> None:
    policy = RetryPolicy(attempts=4, initial_s=1, max_s=10)
    advised = CapacityError(ErrorCode.OVERLOADED, "full", retry_after_s=3)
    assert waits(advised, policy, is_connected=True) == [3, 3, 4]
    too_long = CapacityError(ErrorCode.OVERLOADED, "full", retry_after_s=3_600)
    assert waits(too_long, policy, is_connected=True) == [10, 10, 10]


def test_jitter_takes_up_to_half_of_a_wait() -> None:
    asked: list[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        asked.append((low, high))
        return low

    retries = Retries(RetryPolicy(initial_s=1), uniform=uniform)
    wait_s = retries.wait_s(LOST, progress_ms=0, commit_ms=0, is_connected=True)
    assert (wait_s, asked) == (0.5, [(0.5, 1)])


def test_progress_makes_a_failure_a_new_one() -> None:
    retries = Retries(RetryPolicy(attempts=2, initial_s=1), uniform=lambda _low, high: high)
    for progress_ms in range(0, 100_000, 10_000):
        wait_s = retries.wait_s(LOST, progress_ms=progress_ms, commit_ms=0, is_connected=True)
        assert wait_s == 1
    for commit_ms in range(1, 10):
        wait_s = retries.wait_s(LOST, progress_ms=90_000, commit_ms=commit_ms, is_connected=True)
        assert wait_s == 1
    with pytest.raises(UnavailableError):
        retries.wait_s(LOST, progress_ms=91_000, commit_ms=9, is_connected=True)


def test_policies_without_a_try_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        RetryPolicy(attempts=0)
