"""Units, currencies and months of Russian, as they stand beside numbers."""

from typing import Final

from rechka.text.numbers.vocabulary import words_of

__all__ = ["CURRENCIES", "FRACTION_PLACES", "MONTHS", "UNITS", "UNIT_PAIRS"]


def _forms(stem: str, endings: str) -> list[str]:
    return [stem + ending.strip("-") for ending in endings.split()]


_MASCULINE: Final = "- а у ом е ы ов ам ами ах"

_FEMININE: Final = "а ы е у ой - ам ами ах"

_SOFT: Final = "ь я ю ем е и ей ям ями ях"


def _table(rows: dict[str, list[str]]) -> dict[str, str]:
    return {form: sign for sign, forms in rows.items() for form in forms}


CURRENCIES: Final = _table(
    {
        "₽": _forms("рубл", _SOFT),
        "$": _forms("доллар", _MASCULINE),
        "€": ["евро"],
    }
)
"""Forms of a currency's name to its sign."""

UNITS: Final = _table(
    {
        "км": _forms("километр", _MASCULINE),
        "м": _forms("метр", _MASCULINE),
        "см": _forms("сантиметр", _MASCULINE),
        "мм": _forms("миллиметр", _MASCULINE),
        "кг": [*_forms("килограмм", _MASCULINE)],
        "г": [*_forms("грамм", _MASCULINE)],
        "т": _forms("тонн", _FEMININE),
        "л": _forms("литр", _MASCULINE),
        "мл": _forms("миллилитр", _MASCULINE),
        "га": _forms("гектар", _MASCULINE),
        "Вт": _forms("ватт", _MASCULINE),
        "кВт": _forms("киловатт", _MASCULINE),
        "В": _forms("вольт", _MASCULINE),
        "МБ": _forms("мегабайт", _MASCULINE),
        "ГБ": _forms("гигабайт", _MASCULINE),
        "ТБ": _forms("терабайт", _MASCULINE),
    }
)
"""Forms of a unit's name to its abbreviation."""

UNIT_PAIRS: Final = {
    phrase: unit
    for stem, unit in (("километр", "км/ч"), ("метр", "м/с"))
    for form in _forms(stem, _MASCULINE)
    for phrase in [f"{form} в {'час' if unit == 'км/ч' else 'секунду'}"]
} | {
    f"{adjective} {form}": unit
    for form, unit in (
        *((form, "м²") for form in _forms("метр", _MASCULINE)),
        *((form, "км²") for form in _forms("километр", _MASCULINE)),
    )
    for adjective in ("квадратный", "квадратных", "квадратного", "квадратными", "квадратным")
}
"""Units of more than one word."""

MONTHS: Final = frozenset(
    words_of("января февраля марта апреля мая июня июля августа сентября октября ноября декабря")
)
LABELS: Final = frozenset(
    words_of(
        "дом дома дому доме корпус корпуса корпусе строение квартира квартиры квартиру квартире"
        " номер номера номеру номером номере офис офисе кабинет кабинете кабинета подъезд подъезде"
        " комната комнате комнату глава главе страница странице страницу пункт пункта рейс рейса"
        " вагон вагоне ряд ряду вариант варианта шаг том линия терминал терминале павильон этаж"
        " палата палату палате маршрут автобус трамвай размер параграф статья версия"
    )
)

FRACTION_PLACES: Final = {
    "десятая": 1, "десятых": 1, "десятую": 1, "десятой": 1, "десятыми": 1, "десятые": 1,
    "сотая": 2, "сотых": 2, "сотую": 2, "сотой": 2, "сотыми": 2, "сотые": 2,
    "тысячная": 3, "тысячных": 3, "тысячную": 3, "тысячной": 3, "тысячными": 3,
}  # fmt: skip
"""Names of decimal places to the number of digits."""
