"""How often and how soon a lost session is opened again."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from rechka.errors import RechkaError

__all__ = ["Retries", "RetryPolicy"]

# A failure after this much more audio is a new one, not another try of the last.
_PROGRESS_MS = 10_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Exponential back-off with jitter.

    Attributes:
        first_attempts: Tries to reach the server the first time; 1 means no second try.
        attempts: Tries to go on after a session is lost, without progress between.
        initial_s: Wait before the second try.
        factor: Each wait is longer than the last by this.
        max_s: Longest wait, also where the server advises a longer one.
    """

    first_attempts: int = 3
    attempts: int = 6
    initial_s: float = 0.25
    factor: float = 2.0
    max_s: float = 15.0

    def __post_init__(self) -> None:
        """Check the values."""
        if min(self.first_attempts, self.attempts) < 1 or min(self.initial_s, self.max_s) < 0:
            raise ValueError("attempts must be at least 1 and waits not below zero")


class Retries:
    """Counts the tries of one stream.

    Args:
        policy: How many and how soon.
        uniform: Returns a number between its two arguments.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        *,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._policy = policy
        self._uniform = uniform
        self._failures = 0
        self._progress_ms = 0.0
        self._commit_ms = 0.0
        self._first_error: RechkaError | None = None

    def wait_s(
        self, error: RechkaError, *, progress_ms: float, commit_ms: float, is_connected: bool
    ) -> float:
        """Return how long to wait before the next try.

        Args:
            error: Why the session was lost.
            progress_ms: How far the audio was ever sent.
            commit_ms: How far it is settled.
            is_connected: Whether a server has ever answered.

        Raises:
            RechkaError: There were tries enough. It is the error, or the first of
                them where no server has ever answered.
        """
        if commit_ms > self._commit_ms or progress_ms >= self._progress_ms + _PROGRESS_MS:
            self._failures = 0
            self._progress_ms, self._commit_ms = progress_ms, commit_ms
        self._failures += 1
        if self._failures == 1:
            self._first_error = error
        policy = self._policy
        if self._failures >= (policy.attempts if is_connected else policy.first_attempts):
            # Of a host with several addresses the gRPC library tells at first how the
            # last one failed, and later how any of them did.
            raise error if is_connected else (self._first_error or error)
        wait_s = policy.initial_s * policy.factor ** (self._failures - 1)
        # Many clients that lost the same server must not come back at once.
        wait_s = self._uniform(wait_s / 2, wait_s)
        return min(policy.max_s, max(wait_s, error.retry_after_s or 0.0))
