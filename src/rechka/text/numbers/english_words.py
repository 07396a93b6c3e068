"""English number words, with the ordinals and hyphenated compounds."""

from typing import Final

from rechka.text.numbers.composing import Analysis, Atom
from rechka.text.numbers.vocabulary import words_of

__all__ = ["OH", "SCALES", "analyze", "analyze_decade", "analyze_plural"]

SCALES: Final = frozenset({"hundred", "thousand", "million", "billion", "trillion"})
"""Words that are numbers only after another one."""

OH: Final = frozenset({"oh", "o"})
"""Words for zero among digits."""

_UNITS: Final = words_of("one two three four five six seven eight nine")
_TEENS: Final = words_of(
    "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
)
_TENS: Final = words_of("twenty thirty forty fifty sixty seventy eighty ninety")
_SCALE_VALUES: Final = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_IRREGULAR: Final = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth",
    "nine": "ninth", "twelve": "twelfth",
}  # fmt: skip


def _ordinal_word(word: str) -> str:
    return _IRREGULAR.get(word) or (word[:-1] + "ieth" if word.endswith("y") else word + "th")


def _tail(value: int) -> str:
    if 10 <= value % 100 <= 20:
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")


def _words() -> dict[str, Analysis]:
    atoms = {"zero": Atom("zero", 0), "hundred": Atom("times_hundred", 100)}
    atoms |= {word: Atom("unit", 1 + index) for index, word in enumerate(_UNITS)}
    atoms |= {word: Atom("teen", 10 + index) for index, word in enumerate(_TEENS)}
    atoms |= {word: Atom("ten", 20 + 10 * index) for index, word in enumerate(_TENS)}
    atoms |= {word: Atom("scale", value) for word, value in _SCALE_VALUES.items()}
    words = {word: Analysis((atom,)) for word, atom in atoms.items()}
    for word, atom in atoms.items():
        words[_ordinal_word(word)] = Analysis((atom,), _tail(atom.value), is_ordinal=True)
    for ten in _TENS:
        for unit in _UNITS:
            both = (atoms[ten], atoms[unit])
            words[f"{ten}-{unit}"] = Analysis(both)
            words[f"{ten}-{_ordinal_word(unit)}"] = Analysis(
                both, _tail(atoms[unit].value), is_ordinal=True
            )
    words["fourty"] = words["forty"]
    return words


_WORDS: Final = _words()
_PLURALS: Final = {
    "tenths": 10, "hundredths": 100, "halves": 2, "quarters": 4, "quarter": 4,
    **{_ordinal_word(word) + "s": 3 + index for index, word in enumerate(_UNITS[2:])},
}  # fmt: skip
_DECADES: Final = {word[:-1] + "ies": 20 + 10 * index for index, word in enumerate(_TENS)}


def analyze(word: str) -> Analysis | None:
    """Return what a folded word means as a part of a number, None if it is none."""
    return _WORDS.get(word)


def analyze_plural(word: str) -> int:
    """Return the denominator that a plural names, such as 3 for "thirds"; 0 for none."""
    return _PLURALS.get(word, 0)


def analyze_decade(word: str) -> int:
    """Return the tens that a plural such as "eighties" names; 0 for none."""
    return _DECADES.get(word, 0)
