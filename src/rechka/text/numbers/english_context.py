"""Words around English numbers that decide how they are written, and idioms."""

from typing import Final

from rechka.text.numbers.vocabulary import words_of

__all__ = [
    "AFTER_TIMES",
    "IDIOMS",
    "LABELS",
    "ORDINAL_NOUNS",
    "TIME_PREPOSITIONS",
]

LABELS: Final = frozenset(
    words_of(
        "number room gate page chapter step flight platform terminal apartment suite building"
        " house route line channel version part section level phase item bus track verse act"
        " season episode volume exit floor zone option grade unit lane table row seat day press"
        " dial boeing extension highway interstate bay pier locker aisle"
    )
)
"""Nouns after which "one" and "zero" are numbers too."""

ORDINAL_NOUNS: Final = frozenset(
    words_of("floor avenue street grade century edition anniversary birthday amendment row chapter")
)
"""Nouns before which small ordinals are digits too."""

TIME_PREPOSITIONS: Final = frozenset(
    words_of("at by until till after before around from about past")
)
"""Words after which a number is an hour of the day."""

AFTER_TIMES: Final = frozenset(
    words_of(
        "in on at or and to for with from until till tomorrow today tonight works sharp is was will"
        " would please we i you he she they the this that every instead because so if when but then"
        " if as if again monday tuesday wednesday thursday friday saturday sunday"
    )
)
"""Words after which "ten thirty" before them is a time though no preposition says so."""

IDIOMS: Final = (
    "one or two", "one two three", "one of", "one another", "one day", "no one", "two cents",
    "two peas in a pod", "put two and two together", "two and two together",
    "two's company", "two wrongs", "kill two birds with one stone", "two birds with one stone",
    "takes two to tango", "it takes two", "in two minds", "of two minds", "two faced",
    "two left feet", "second to none", "cloud nine", "nine lives", "dressed to the nines",
    "the whole nine yards", "nine to five", "forty winks", "at sixes and sevens",
    "catch twenty two",
    "high five", "take five", "give me five", "hang ten", "ten to one", "a million times",
    "a million reasons", "a thousand times", "a hundred times", "a thousand words",
    "half a million", "half a billion", "a quarter of a million", "two heads are better than one",
    "twenty something", "twenty somethings", "thirty something", "thirty somethings",
    "one in a million", "a hundred percent sure", "twenty twenty hindsight", "twenty twenty vision",
    "hindsight is twenty twenty", "six feet under", "six of one and half a dozen of the other",
    "six of one", "seven seas", "seventh heaven", "third party", "third wheel", "fifth wheel",
    "eleventh hour", "four corners", "on all fours", "four letter word", "three musketeers",
    "two timing", "two timer", "ten commandments", "zero in", "ground zero", "zero tolerance",
    "back to square one", "square one", "day one", "number one fan", "one man show",
    "the big three", "three cheers", "three's a crowd", "behind the eight ball", "eight ball",
    "nine times out of ten", "ten times out of ten", "the lesser of two evils", "two evils",
    "caught between two stools", "between two stools", "a thousand thanks", "nineteen to the dozen",
    "two way street", "two thumbs up", "five o'clock shadow", "twenty questions",
    "three strikes", "four leaf clover", "seven wonders", "five second rule",
    "fifty fifty", "million dollar question", "sixty four thousand dollar question",
    "a tenth", "the other one", "first and foremost",
    *(
        f"{part} {hour}"
        for part in ("quarter past", "quarter to", "half past", "quarter after")
        for hour in words_of("one two three four five six seven eight nine ten eleven twelve")
    ),
)  # fmt: skip
"""Phrases that stay words."""
