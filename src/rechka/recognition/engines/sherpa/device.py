"""Finds out whether a model computes where it was asked to.

sherpa-onnx goes on with the processor where another device is missing, and only writes a
line to the standard error output.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rechka.recognition.options import refuse_option

__all__ = ["Heard", "check_device", "listen_to_stderr"]

_FALLBACK = "fallback to"
_CUDA_LIBRARY = "libonnxruntime_providers_cuda"
_STDERR = 2


class Heard:
    """What was written.

    Attributes:
        text: Complete after the context.
    """

    def __init__(self) -> None:
        self.text = ""


@contextmanager
def listen_to_stderr() -> Iterator[Heard]:
    """Keep what this process writes to its standard error output, and write it afterwards."""
    heard = Heard()
    own = os.dup(_STDERR)
    try:
        with tempfile.TemporaryFile() as file:
            os.dup2(file.fileno(), _STDERR)
            try:
                yield heard
            finally:
                os.dup2(own, _STDERR)
                file.seek(0)
                data = file.read()
                heard.text = data.decode(errors="replace")
                os.write(_STDERR, data)
    finally:
        os.close(own)


def check_device(provider: str, written: str, maps: Path) -> None:
    """Check that a model that was just loaded for CUDA is there.

    Args:
        provider: As asked for, such as "cuda:0".
        written: What sherpa-onnx wrote to the standard error output meanwhile.
        maps: The list of what is mapped into this process: the code that computes on the
            device must be among it.

    Raises:
        RequestError: It is not.
    """
    said = [line for line in written.splitlines() if _FALLBACK in line.lower()]
    try:
        is_mapped = _CUDA_LIBRARY in maps.read_text(errors="replace")
    except OSError:
        is_mapped = False
    if not said and is_mapped:
        return
    # A line begins with the place in the source.
    reason = said[0].partition(" ")[2] if said else f"{_CUDA_LIBRARY} was not loaded"
    raise refuse_option(
        "provider",
        f"got {provider!r}, but sherpa-onnx does not compute there: {reason}; accepted: 'cpu', "
        "or a device together with a build of sherpa-onnx that supports it",
    )
