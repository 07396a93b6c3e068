"""The phrases of a session in its metadata.

A header carries ASCII alone, so that other letters are written in percents, as UTF-8; in
the header whose name ends in `-bin` they are UTF-8 as they are, since gRPC encodes it.
"""

import re
from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

from rechka.errors import ErrorCode, RequestError
from rechka.hotwords import Hotword, format_hotwords, parse_hotwords

__all__ = ["HOTWORDS", "HOTWORDS_BIN", "decode_hotwords", "encode_hotwords"]

HOTWORDS = "x-rechka-hotwords"
"""Header in ASCII, with percents."""
HOTWORDS_BIN = "x-rechka-hotwords-bin"
"""Header in UTF-8."""

_BROKEN_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")
_MOST_BYTES = 16 * 1024


def decode_hotwords(metadata: Mapping[str, str | bytes]) -> tuple[Hotword, ...]:
    """Return the phrases that the metadata of a call name; none without the headers.

    Raises:
        RequestError: Both headers are there, or the value is too long, is no UTF-8, has a
            percent that no two hexadecimal digits follow or is not of the form of
            `parse_hotwords`.
    """
    if HOTWORDS in metadata and HOTWORDS_BIN in metadata:
        raise _refusal(HOTWORDS, f"it came together with {HOTWORDS_BIN}; accepted: one of them")
    name = HOTWORDS_BIN if HOTWORDS_BIN in metadata else HOTWORDS
    value = metadata.get(name, "")
    if isinstance(value, str) and _BROKEN_ESCAPE.search(value):
        problem = "got a % without two hexadecimal digits; accepted: %25 for % itself"
        raise _refusal(name, problem)
    data = value if isinstance(value, bytes) else unquote_to_bytes(value)
    if len(data) > _MOST_BYTES:
        raise _refusal(name, f"got {len(data)} bytes; accepted: at most {_MOST_BYTES}")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise _refusal(name, "got other bytes than UTF-8; accepted: UTF-8") from None
    return parse_hotwords(text, field=f"metadata.{name}")


def encode_hotwords(hotwords: tuple[Hotword, ...]) -> bytes:
    """Return the value of the header `HOTWORDS_BIN`.

    Raises:
        RequestError: A phrase cannot be written, or they are too many or too long.
    """
    data = format_hotwords(hotwords, field="hotwords").encode()
    if len(data) > _MOST_BYTES:
        problem = f"got {len(data)} bytes of phrases; accepted: at most {_MOST_BYTES}"
        raise RequestError(ErrorCode.INVALID_CONFIG, f"hotwords: {problem}")
    return data


def _refusal(name: str, problem: str) -> RequestError:
    return RequestError.about(f"metadata.{name}", problem)
