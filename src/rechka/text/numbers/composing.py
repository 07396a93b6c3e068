"""How number words add up to a number; the same for all languages."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

__all__ = ["Analysis", "Atom", "Number", "parse_number", "parse_run"]


class Atom(NamedTuple):
    """One number word, or a piece of a compound one.

    Attributes:
        kind: "zero", "unit" (1 to 9), "teen" (10 to 19 in one word), "ten",
            "hundred" (200 in one word), "times_hundred" (multiplies what is
            before it), "unit_times_hundred" (the same, only 2 to 9) or "scale"
            (a thousand and up).
        value: Its value.
    """

    kind: str
    value: int


class Analysis(NamedTuple):
    """What a word means as a part of a number.

    Attributes:
        atoms: In order; several in words such as "twenty-five".
        tail: What is to be written after the digits, such as a case ending;
            a word with a tail ends its number.
        is_ordinal: Whether the word makes the number an ordinal.
    """

    atoms: tuple[Atom, ...]
    tail: str = ""
    is_ordinal: bool = False


class Number(NamedTuple):
    """A number in words [first, end).

    Attributes:
        value: At least 0.
        first: Index of its first word.
        end: Index after its last word.
        tail: What is to be written after the digits.
        is_ordinal: Whether it is an ordinal.
    """

    value: int
    first: int
    end: int
    tail: str = ""
    is_ordinal: bool = False

    @property
    def is_one_word(self) -> bool:
        """Whether it was said in one word."""
        return self.end == self.first + 1


class _Sum(NamedTuple):
    total: int = 0
    group: int = 0
    level: int = 4
    scale: int = 10**15


_LEVELS = {"unit": 1, "teen": 1, "ten": 2, "hundred": 3}


def _plus(so_far: _Sum, atom: Atom) -> _Sum | None:
    """Return the sum with one more atom; None if it cannot follow."""
    total, group, level, scale = so_far
    kind, value = atom
    if kind == "zero":
        return _Sum(level=0, scale=1) if so_far == _Sum() else None
    if kind == "scale":
        if value >= scale or level == 0 or (level == 4 and total):
            return None
        return _Sum(total + max(group, 1) * value, 0, 4, value)
    if kind.endswith("times_hundred"):
        # "Nineteen hundred" is a number, "twenty thousand nineteen hundred" is not.
        is_unit = kind == "unit_times_hundred"
        fits = level == 4 or is_unit < group < (10 if total or is_unit else 100)
        return _Sum(total, max(group, 1) * 100, 3, scale) if fits and scale > 100 else None
    needed = 2 if kind == "teen" else _LEVELS[kind]
    if level <= needed:
        return None
    return _Sum(total, group + value, _LEVELS[kind], scale)


Analyze = Callable[[str], Analysis | None]


def parse_number(
    words: Sequence[str], first: int, analyze: Analyze, *, connector: str = ""
) -> Number | None:
    """Return the longest number that begins at `first`.

    Args:
        words: Folded words.
        first: Where to begin.
        analyze: What a word means; None for a word that is no number.
        connector: Word that may stand after a hundred or a thousand, before the
            rest, such as "and".
    """
    so_far, end = _Sum(), first
    while end < len(words):
        at = end
        is_joint = connector and words[at] == connector and end > first
        if is_joint and so_far.level >= 3 and at + 1 < len(words):
            at += 1
        analysis = analyze(words[at])
        following: _Sum | None = so_far if analysis else None
        for atom in analysis.atoms if analysis else ():
            if at > end and atom.kind in {
                "hundred",
                "times_hundred",
                "unit_times_hundred",
                "scale",
            }:
                following = None
            following = _plus(following, atom) if following else None
        if following is None or analysis is None:
            break
        so_far, end = following, at + 1
        if analysis.tail or analysis.is_ordinal:
            value = so_far.total + so_far.group
            return Number(value, first, end, analysis.tail, analysis.is_ordinal)
    return Number(so_far.total + so_far.group, first, end) if end > first else None


def parse_run(
    words: Sequence[str],
    first: int,
    parse: Callable[[Sequence[str], int], Number | None],
    *,
    most: int | None = 16,
) -> list[Number]:
    """Return the numbers that follow one another from `first`; only the last has a tail.

    Args:
        words: Folded words.
        first: Where to begin.
        parse: The number at a word.
        most: How many numbers to read, by default more than a telephone number has;
            single digits without tails are read to the last of them. A rule that is
            tried at each number of a run needs the bound, or a run costs the square
            of its length; None is for rules that a word before the run calls for.
    """
    run: list[Number] = []
    are_digits = True
    at = first
    while at < len(words):
        number = parse(words, at)
        if number is None or number.is_ordinal:
            break
        are_digits = are_digits and number.value < 10 and not number.tail
        if most is not None and len(run) >= most and not are_digits:
            break
        run.append(number)
        at = number.end
        if number.tail:
            break
    return run
