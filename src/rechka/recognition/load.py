"""How full a worker is, when its streams are of models that differ in what they cost."""

from fractions import Fraction

from rechka.errors import CapacityError, ErrorCode
from rechka.recognition.port import ModelInfo

__all__ = ["Load", "no_room"]


class Load:
    """The shares that the streams of one worker take.

    A stream of a model that serves 16 in time takes a sixteenth of the worker, whatever
    the models of the other streams are.

    Args:
        max_streams: Most streams at once of any models; 0 means what the models advise.
    """

    def __init__(self, max_streams: int = 0) -> None:
        self._max_streams = max_streams
        self._taken = Fraction(0)

    def share(self, model: ModelInfo) -> Fraction:
        """Return the share that a stream of this model takes."""
        return Fraction(1, self._max_streams or model.max_streams)

    @property
    def taken(self) -> Fraction:
        """The sum of the shares in use, from 0 to 1."""
        return self._taken

    def take(self, share: Fraction) -> bool:
        """Take a share; return False, and take none, where there is no room."""
        if self._taken + share > 1:
            return False
        self._taken += share
        return True

    def give_back(self, share: Fraction) -> None:
        """Give a share back that was taken."""
        self._taken -= share


def no_room() -> CapacityError:
    """Return the error that there is no share for one more stream."""
    return CapacityError(
        ErrorCode.OVERLOADED,
        "The server has as many streams as it can serve in time; try again later",
        retry_after_s=1.0,
    )
