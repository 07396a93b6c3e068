"""Numbers said next to one another: telephone numbers and digit-by-digit dictation."""

from collections.abc import Sequence

from rechka.text.numbers.composing import Number

__all__ = ["joined_digits", "spoken_digits"]


def spoken_digits(run: Sequence[Number]) -> str:
    """Return the digits of a run as they were said: 8, 926, 0, 5 is "892605"."""
    return "".join(str(number.value) for number in run)


def joined_digits(run: Sequence[Number]) -> str:
    """Return the digits of dictation digit by digit, "" if it is none.

    Three single digits or more in a row, or groups after a zero ("ноль пять
    двенадцать"), are a code and no list of quantities.
    """
    if any(number.tail for number in run):
        return ""
    singles = all(number.value < 10 for number in run)
    if singles and len(run) >= 3:
        return spoken_digits(run)
    starts_with_zero = run[0].value == 0 and len(run) >= 2 and run[1].value > 0
    return spoken_digits(run) if starts_with_zero else ""
