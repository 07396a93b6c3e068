"""Inverse text normalization: spoken numbers to what people write."""

from functools import lru_cache

from rechka.text.numbers.engine import Normalizer

__all__ = ["Normalizer", "normalizer_for"]


@lru_cache(maxsize=8)
def normalizer_for(primary: str) -> Normalizer | None:
    """Return the shared normalizer of a primary subtag; None if it has no rules."""
    if primary == "ru":
        from rechka.text.numbers.russian import RUSSIAN  # noqa: PLC0415 - Loaded when asked for.

        return RUSSIAN
    if primary == "en":
        from rechka.text.numbers.english import ENGLISH  # noqa: PLC0415 - Loaded when asked for.

        return ENGLISH
    if primary == "tr":
        from rechka.text.numbers.turkish import TURKISH  # noqa: PLC0415 - Loaded when asked for.

        return TURKISH
    return None
