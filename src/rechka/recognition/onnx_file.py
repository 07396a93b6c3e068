"""A look at the outside of an ONNX file, without what loads it."""

import os
from pathlib import Path
from typing import BinaryIO

from rechka.recognition.model_folders import refuse_file

__all__ = ["check_onnx"]

# The file is a message of protobuf, `ModelProto`; this field of it is the graph.
_GRAPH = 7
_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5
_FIXED_BYTES = {_FIXED_64: 8, _FIXED_32: 4}
_LONGEST_VARINT_BYTES = 10
# More than any file has, and less than what a position in one overflows at.
_LONGEST_FIELD_BYTES = 2**60


def check_onnx(path: Path) -> None:
    """Check that a file has the form of ONNX and is not cut; its graph is not looked into.

    Raises:
        RequestError: It is not there, cannot be read, or is something else.
    """
    if not path.is_file():
        raise refuse_file(path, "there is no such file")
    try:
        with path.open("rb") as file:
            is_whole = _has_graph(file, os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise refuse_file(path, error.strerror or "it cannot be read") from None
    except ValueError as error:
        raise refuse_file(path, f"is cut, or no ONNX file: {error}") from None
    if not is_whole:
        raise refuse_file(path, "is cut, or no ONNX file: it has no graph")


def _has_graph(file: BinaryIO, size: int) -> bool:
    """Return whether the outermost fields of a message have a graph among them.

    Raises:
        ValueError: It is no message, or ends within a field.
    """
    found = False
    while (begin := file.tell()) < size:
        field, kind = divmod(_varint(file), 8)
        found |= (field, kind) == (_GRAPH, _BYTES)
        if kind == _VARINT:
            _varint(file)
        elif kind == _BYTES:
            file.seek(_varint(file), os.SEEK_CUR)
        elif kind in _FIXED_BYTES:
            file.seek(_FIXED_BYTES[kind], os.SEEK_CUR)
        else:
            raise ValueError(f"no field begins at byte {begin}")
        if not field or file.tell() > size:
            raise ValueError(f"no whole field begins at byte {begin} of {size}")
    return found


def _varint(file: BinaryIO) -> int:
    value = 0
    for place in range(_LONGEST_VARINT_BYTES):
        byte = file.read(1)
        if not byte:
            break
        value |= (byte[0] & 0x7F) << 7 * place
        if byte[0] < 0x80 and value < _LONGEST_FIELD_BYTES:
            return value
    raise ValueError(f"no number ends at byte {file.tell()}")
