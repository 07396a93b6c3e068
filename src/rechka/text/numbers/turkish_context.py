"""Words around Turkish numbers that decide how they are written, and idioms."""

from typing import Final

from rechka.text.numbers.vocabulary import words_of

__all__ = [
    "IDIOMS",
    "LABELS",
    "TIME_WORDS",
]

LABELS: Final = frozenset(
    words_of(
        "numara numaralı saat sayfa kapı kat daire bölüm madde kanal peron koltuk adım"
        " sınıf ünite seviye blok no sürüm seçenek"
    )
)
"""Nouns after which even ambiguous words are numbers."""

TIME_WORDS: Final = frozenset({"saat", "sabah", "akşam", "gece"})
"""Words after which two numbers are hours and minutes."""

IDIOMS: Final = (
    "bire bir", "birebir", "beş on", "yüzünden düşen bin parça", "kırkı çıktı", "kırkı çıkmadan",
    "üçler yediler kırklar", "bir iki üç", "bir iki", "bir iki kişi", "bin kere", "bin defa",
    "yüz kere", "iki arada bir derede", "kırk yılda bir",
    "kırk yıllık", "beş para etmez", "beş parasız", "yedi cihan", "yediden yetmişe",
    "dört gözle", "dört dörtlük", "dört elle", "dört bir yan", "dört bir yanı", "dört bir yana",
    "dört bir tarafı", "dört duvar", "iki yüzlü", "üç beş", "üç aşağı beş yukarı", "beş altı",
    "üç kağıt", "yüzde yüz eminim", "yüz yüze", "iki yüzü", "iki kere iki dört", "iki kere iki",
    "dokuz doğurmak", "dokuz doğurdu", "dokuz doğurdum", "bin bir", "bin bir gece", "binde bir",
    "kırk katır mı kırk satır mı", "kırk kere", "kırk yıl düşünsem", "bin pişman", "bin dereden",
    "bir varmış bir yokmuş", "beş karış", "bir karış", "on numara", "on parmağında on marifet",
    "iki dirhem bir çekirdek", "iki laf", "iki çift laf", "iki lafın", "iki ayağı", "iki ayağını",
    "iki eli", "iki elim", "dört ayak", "yedi bela", "yedi kat yabancı", "sekiz köşe",
    "dokuz canlı", "ikide bir", "üçün biri", "beşte bir ihtimal", "bin bereket", "bin türlü",
    "iki büklüm", "iki satır", "kırk fırın", "kırk haramiler",
    "beş kuruşsuz", "iki cami arasında", "iki kuş", "bir taşla iki kuş", "iki gözüm",
    "iki dünya", "iki cihan", "dokuz köyden", "bin bir surat", "altı üstü", "altı üstüne",
    "bine bin", "yüz verme", "yüz vermek", "yüz verdi", "yüz buldu", "yüz çevirdi", "yüz karası",
    "yüz kızartıcı", "yüz ifadesi", "yüz yıkamak", "beş yıldız", "beş yıldızlı", "on ikiden vurdu",
    "on ikiden",
    "sıfırdan", "sıfıra sıfır", "sıfır kilometre", "birinci sınıf", "ikinci el", "ikinci baskı",
    *(
        f"{few} dakika {verb}"
        for few in ("iki", "beş")
        for verb in words_of("bekle bekler beklesene dur durur bak bakar gel gelir gelsene izin")
    ),
    "ikinci bahar", "üçüncü şahıs", "üçüncü göz", "üçüncü sayfa haberi", "yedinci sanat",
)  # fmt: skip
"""Phrases that stay words."""
