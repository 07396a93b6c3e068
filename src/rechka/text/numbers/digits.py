"""Numbers said next to one another: telephone numbers and digit-by-digit dictation."""

from collections.abc import Sequence

from rechka.text.numbers.composing import Number

__all__ = ["coded_digits", "fraction_digits", "joined_digits", "spoken_digits"]


def spoken_digits(run: Sequence[Number]) -> str:
    """Return the digits of a run as they were said: 8, 926, 0, 5 is "892605"."""
    return "".join(str(number.value) for number in run)


def joined_digits(run: Sequence[Number], *, goes_on: bool) -> tuple[str, int]:
    """Return the digits of dictation, and how many numbers of the run they are; or "", 0.

    Three single digits or more in a row, or groups after a zero ("ноль пять
    двенадцать"), are a code and no list of quantities. Among groups zeros are
    one with the digit after them: 45 08 234.

    Args:
        run: Numbers, at least one.
        goes_on: Whether another number is said just before the run.
    """
    singles = all(number.value < 10 for number in run) and len(run) >= 3
    starts_with_zero = run[0].value == 0 and len(run) >= 2 and not goes_on
    if (singles or starts_with_zero) and not any(number.tail for number in run):
        return spoken_digits(run), len(run)
    used = 0
    while goes_on and used < len(run) and run[used].value == 0 and not run[used].tail:
        used += 1
    if 0 < used < len(run) and run[used].value < 10 and not run[used].tail:
        used += 1
    return (spoken_digits(run[:used]), used) if used > 1 else ("", 0)


def coded_digits(run: Sequence[Number]) -> str:
    """Return the digits of a code said in groups ("twelve thirty four"), "" if it is none.

    For places where the words before say that a code follows.
    """
    is_code = len(run) >= 2 and all(number.value < 1000 and not number.tail for number in run)
    return spoken_digits(run) if is_code else ""


def fraction_digits(run: Sequence[Number]) -> tuple[str, int]:
    """Return the digits after a decimal sign, and how many numbers of the run they are.

    Leading zeros, and all that is said digit by digit; else one number to 999.
    """
    used = 0
    while used < len(run) and run[used].value == 0 and not run[used].tail:
        used += 1
    digits = "0" * used
    singles = used
    while singles < len(run) and run[singles].value < 10:
        singles += 1
    last = singles if singles > used + 1 else min(used + 1, len(run))
    if last > used and run[last - 1].value >= 1000:
        last = used
    return digits + spoken_digits(run[used:last]), last
