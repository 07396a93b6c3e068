"""The container of `graph.bin`: named arrays behind a header, all checked on the way in.

Layout, little-endian: 8 bytes magic, uint32 version, uint32 length of the header,
uint32 CRC-32 of all that follows, the header (JSON), and the arrays one after the
other in the order of the header, without gaps.
"""

import json
import mmap
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rechka.recognition.model_folders import refuse_file

__all__ = ["read_arrays", "whole_numbers", "write_arrays"]

_MAGIC = b"RECHKA\0G"
_VERSION = 1
_HEAD = struct.Struct("<8sIII")
_DTYPES = frozenset({"|u1", "<u2", "<u4", "<f4"})

Arrays = Mapping[str, npt.NDArray[Any]]


def write_arrays(path: Path, facts: Mapping[str, Any], arrays: Arrays) -> int:
    """Write a file.

    Args:
        path: Where to.
        facts: Anything that JSON can say; comes back as it is.
        arrays: One-dimensional, of uint8, uint16, uint32 or float32.

    Returns:
        Length of the file in bytes.
    """
    table = {name: [array.dtype.str, len(array)] for name, array in arrays.items()}
    header = json.dumps({"facts": dict(facts), "arrays": table}, ensure_ascii=False).encode()
    body = header + b"".join(array.tobytes() for array in arrays.values())
    path.write_bytes(_HEAD.pack(_MAGIC, _VERSION, len(header), zlib.crc32(body)) + body)
    return _HEAD.size + len(body)


def read_arrays(path: Path) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Map a file into memory; return its facts and its arrays, which are read-only.

    Raises:
        RequestError: The file is missing, is not such a file, is of another version,
            is cut off or is damaged.
    """
    try:
        with path.open("rb") as file:
            mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as error:
        raise refuse_file(path, str(error)) from None
    if len(mapped) < _HEAD.size:
        raise refuse_file(path, f"got {len(mapped)} bytes; accepted: at least {_HEAD.size}")
    magic, version, header_bytes, checksum = _HEAD.unpack_from(mapped)
    if magic != _MAGIC:
        raise refuse_file(path, "it is not a decoding graph; make one with the graph compiler")
    if version != _VERSION:
        raise refuse_file(path, f"got version {version}; accepted: {_VERSION}; compile it again")
    body = mapped[_HEAD.size :]
    if zlib.crc32(body) != checksum:
        raise refuse_file(path, "its checksum does not fit: it is cut off or damaged")
    try:
        header = json.loads(bytes(body[:header_bytes]))
        return header["facts"], _arrays(header["arrays"], body[header_bytes:])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise refuse_file(path, f"its header is malformed: {error}") from None


def whole_numbers(arrays: Arrays, name: str) -> npt.NDArray[np.int64]:
    """Return an array that must be of unsigned integers.

    Raises:
        KeyError: It is not there.
        ValueError: It is of other numbers.
    """
    array = arrays[name]
    if array.dtype.kind != "u":
        raise ValueError(f"array {name} has the type {array.dtype.str!r}")
    return array.astype(np.int64)


def _arrays(table: Mapping[str, Any], data: memoryview) -> dict[str, npt.NDArray[Any]]:
    arrays = {}
    offset = 0
    for name, (kind, count) in table.items():
        if kind not in _DTYPES:
            raise ValueError(f"array {name} has the type {kind!r}")
        # A slice is a view of unaligned bytes, which numpy reads as well.
        end = offset + np.dtype(kind).itemsize * count
        arrays[name] = np.frombuffer(data[offset:end], dtype=kind)
        if len(arrays[name]) != count:
            raise ValueError(f"array {name} is short")
        offset = end
    if offset != len(data):
        raise ValueError(f"{len(data) - offset} bytes are left over")
    return arrays
