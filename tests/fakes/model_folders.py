"""Folders that look like installed models from outside; no engine could load them."""

from collections.abc import Sequence
from pathlib import Path

__all__ = ["onnx_like", "write_folder"]

_FILES = {
    "ctc": ("model.onnx", "tokens.txt"),
    "sherpa": ("encoder.onnx", "decoder.onnx", "joiner.onnx", "tokens.txt"),
}


def onnx_like(graph: bytes = b"") -> bytes:
    """Return a file that has the outermost fields of ONNX: a version, and what is no graph."""
    length, size = b"", len(graph)
    while size > 0x7F:
        length += bytes([size & 0x7F | 0x80])
        size >>= 7
    return b"\x08\x08\x3a" + length + bytes([size]) + graph


def write_folder(
    models: Path,
    name: str,
    *,
    languages: Sequence[str] = ("ru-RU",),
    tags: Sequence[str] = ("general",),
    engine: str = "ctc",
) -> Path:
    """Write a folder with a manifest and files that say nothing; return it."""
    folder = models / name
    folder.mkdir(parents=True)
    contract = 'contract = "t-one"\n' if engine == "ctc" else ""
    (folder / "model.toml").write_text(
        f'name = "{name}"\nversion = "1"\nengine = "{engine}"\nlanguages = {list(languages)}\n'
        f'tags = {list(tags)}\nsample_rate_hz = 16000\nlicence = "Apache-2.0"\n'
        f'summary = "For tests"\n{contract}'
    )
    for file in _FILES.get(engine, ()):
        (folder / file).write_bytes(onnx_like())
    return folder
