"""The words of one utterance, and the numbers that were found in them."""

from collections.abc import Callable, Sequence

from rechka.text.numbers.composing import Number

__all__ = ["Sentence", "read_once"]


class Sentence(tuple[str, ...]):
    """Folded words that remember the number at each of them.

    Most rules ask for the number at their word, and a rule of a run asks for the
    numbers after it too. A number is the same whichever rule asks, so it is read
    once; what is remembered goes with the utterance.

    Attributes:
        numbers: By the index of the first word; None where no number begins.

    Threading: for one thread, as one call has it.
    """

    numbers: dict[int, Number | None]

    def __init__(self, _: Sequence[str] = ()) -> None:
        super().__init__()
        self.numbers = {}


def read_once(
    words: Sequence[str], at: int, read: Callable[[Sequence[str], int], Number | None]
) -> Number | None:
    """Return the number at a word: what `read` gives, or gave before of a `Sentence`.

    Args:
        words: A part of a sentence, which is a plain tuple, remembers nothing.
        at: Index of the number's first word.
        read: The only reading of the language.
    """
    if not isinstance(words, Sentence):
        return read(words, at)
    if at not in words.numbers:
        words.numbers[at] = read(words, at)
    return words.numbers[at]
