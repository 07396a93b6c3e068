"""Units, currencies and months of English, as they stand beside numbers."""

from typing import Final

from rechka.text.numbers.vocabulary import words_of

__all__ = ["CURRENCIES", "MONTHS", "UNITS", "UNIT_PHRASES"]

CURRENCIES: Final = {"dollar": "$", "dollars": "$", "euro": "€", "euros": "€"}
"""Name of a currency to the sign before the digits; "pounds" may be a weight and stay."""

UNITS: Final = {
    form: sign
    for stem, sign in (
        ("kilometer", "km"), ("kilometre", "km"), ("meter", "m"), ("metre", "m"),
        ("centimeter", "cm"), ("centimetre", "cm"), ("millimeter", "mm"), ("millimetre", "mm"),
        ("kilogram", "kg"), ("gram", "g"), ("liter", "L"), ("litre", "L"), ("milliliter", "mL"),
        ("millilitre", "mL"), ("kilowatt", "kW"), ("watt", "W"), ("volt", "V"),
        ("megabyte", "MB"), ("gigabyte", "GB"), ("terabyte", "TB"), ("hectare", "ha"),
    )
    for form in (stem, stem + "s")
}  # fmt: skip
"""Name of a unit to its abbreviation."""

UNIT_PHRASES: Final = {
    "miles per hour": "mph", "miles an hour": "mph", "kilometers per hour": "km/h",
    "kilometres per hour": "km/h", "kilometers an hour": "km/h", "meters per second": "m/s",
    "metres per second": "m/s", "square meters": "m²", "square metres": "m²",
    "square kilometers": "km²", "square kilometres": "km²",
}  # fmt: skip
"""Units of more than one word."""

MONTHS: Final = frozenset(
    words_of(
        "january february march april may june july august september october november december"
    )
)
LABELS: Final = frozenset(
    words_of(
        "number room gate page chapter step flight platform terminal apartment suite building"
        " house route line channel version part section level phase item bus track verse act"
        " season episode volume exit floor zone option grade unit lane table row seat day"
    )
)
