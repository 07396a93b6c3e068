"""Units, currencies and months of Turkish, as they stand beside numbers."""

from typing import Final

__all__ = ["COUNTERS", "MONTHS", "UNITS", "UNIT_PHRASES"]

UNITS: Final = {
    "kilometre": "km", "metre": "m", "santimetre": "cm", "santim": "cm", "milimetre": "mm",
    "kilogram": "kg", "gram": "g", "litre": "L", "mililitre": "mL", "megabayt": "MB",
    "gigabayt": "GB", "terabayt": "TB", "vat": "W", "kilovat": "kW", "volt": "V",
    "hektar": "ha", "metrekare": "m²", "kilometrekare": "km²", "metreküp": "m³",
    "lira": "TL", "euro": "€", "avro": "€", "dolar": "$",
}  # fmt: skip
"""Name of a unit, without an ending, to its sign."""

UNIT_PHRASES: Final = {"metre kare": "m²", "kilometre kare": "km²", "santimetre kare": "cm²"}
"""Units of more than one word."""

MONTHS: Final = (
    "ocak", "şubat", "mart", "nisan", "mayıs", "haziran", "temmuz", "ağustos", "eylül",
    "ekim", "kasım", "aralık",
)  # fmt: skip
"""Names of months; endings may follow."""

COUNTERS: Final = (
    "kişi", "gün", "saat", "yıl", "hafta", "dakika", "saniye", "tane", "adet", "lira", "kuruş",
    "dolar", "euro", "avro", "kilo", "metre", "kilometre", "santim", "milimetre", "gram", "litre",
    "yaş", "numara", "derece", "çocuk", "öğrenci", "ev", "kitap", "defa", "kez", "sayfa", "kat",
    "parça", "ton", "asker", "milyon", "milyar", "trilyon", "bin", "gigabayt", "megabayt",
    "kelime", "ülke", "elma", "arkadaş", "kardeş", "bardak", "şişe", "paket", "kutu",
    "ders", "soru", "gol", "maç", "oyuncu", "masa", "sandalye", "kere", "dilim", "kadın", "erkek",
    "oda", "bilet", "puan", "adım", "üye", "sene", "ay ", "köy", "oy ",
)  # fmt: skip
"""Beginnings of nouns that are counted: before them even ambiguous words are numbers."""
