"""Words that give the numbers after or before them a form of their own in Russian."""

from typing import Final

from rechka.text.numbers.russian_context import TIME_PREPOSITIONS
from rechka.text.numbers.vocabulary import words_of

__all__ = ["CODE_WORDS", "COUNTED_AFTER_FORTY", "COUNTED_BEFORE", "SCORE_WORDS", "TIME_WORDS"]

CODE_WORDS: Final = frozenset(
    words_of("код кода коду кодом пин пинкод пин-код пароль пароля паролем индекс индекса шифр")
)
"""Words soon after which numbers are the groups of a code."""

SCORE_WORDS: Final = frozenset(
    words_of(
        "счет счетом сыграли сыграл выиграли выиграл выиграла проиграли проиграл проиграла"
        " победили победил победила обыграли закончили завершился закончился"
    )
)
"""Words after which two numbers are the score of a match."""

COUNTED_BEFORE: Final = frozenset(
    words_of("человек лет штук минут часов дней раз рублей километров метров месяцев недель")
)
"""Nouns before a number that is about so: "человек пять шесть"."""

COUNTED_AFTER_FORTY: Final = frozenset(
    words_of("лет минут секунд часов дней человек тысяч миллионов штук недель месяцев")
)
"""Words before which "сорока" is 40 and no magpie."""

TIME_WORDS: Final = TIME_PREPOSITIONS | {"сейчас", "время", "времени", "ровно"}
"""Words after which two numbers are hours and minutes."""
