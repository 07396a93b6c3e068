"""What a session tells to whoever counts: no speech, no names."""

from typing import Protocol

__all__ = ["SessionObserver", "Unobserved"]


class SessionObserver(Protocol):
    """Watches one session. Its methods must neither wait nor raise."""

    def started(self, *, language: str, model: str) -> None:
        """The session has settings that are served."""
        ...

    def heard(self, *, audio_s: float) -> None:
        """So much more audio was taken."""
        ...

    def first_partial(self, *, delay_s: float) -> None:
        """An utterance was answered for the first time, so long after it was noticed."""
        ...

    def answered(self, *, is_final: bool) -> None:
        """A result was delivered."""
        ...

    def final(self, *, delay_s: float) -> None:
        """An utterance was settled, so long after its end was decided."""
        ...

    def ended(self, *, outcome: str) -> None:
        """The session is over: "OK", "CANCELLED" or the code of an error."""
        ...


class Unobserved:
    """A `SessionObserver` that looks away."""

    def started(self, *, language: str, model: str) -> None:
        """Look away."""

    def heard(self, *, audio_s: float) -> None:
        """Look away."""

    def first_partial(self, *, delay_s: float) -> None:
        """Look away."""

    def answered(self, *, is_final: bool) -> None:
        """Look away."""

    def final(self, *, delay_s: float) -> None:
        """Look away."""

    def ended(self, *, outcome: str) -> None:
        """Look away."""
