"""Archives of models, honest and hostile, made in memory."""

import bz2
import gzip
import hashlib
import io
import json
import random
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["noise", "sha256", "tar", "write_catalog", "zipped"]


def noise(size_bytes: int, *, seed: int = 1) -> bytes:
    """Return bytes that no compression makes smaller."""
    return random.Random(seed).randbytes(size_bytes)


def sha256(content: bytes) -> str:
    """Return a sum as the catalog writes it."""
    return hashlib.sha256(content).hexdigest()


def tar(
    members: Mapping[str, bytes] | list[tuple[tarfile.TarInfo, bytes]], *, packing: str = "bz2"
) -> bytes:
    """Return a tar file of named contents, or of members as they are.

    Args:
        members: Content by name; or headers, whose sizes are set here, with contents.
        packing: "bz2", "gz" or "" for none.
    """
    if isinstance(members, Mapping):
        members = [(tarfile.TarInfo(name), content) for name, content in members.items()]
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    plain = file.getvalue()
    if packing == "bz2":
        return bz2.compress(plain)
    return gzip.compress(plain, mtime=0) if packing == "gz" else plain


def zipped(members: Mapping[str, bytes] | list[tuple[zipfile.ZipInfo, bytes]]) -> bytes:
    """Return a zip file of named contents, or of members as they are."""
    if isinstance(members, Mapping):
        members = [(zipfile.ZipInfo(name), content) for name, content in members.items()]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for info, content in members:
            archive.writestr(info, content)
    return file.getvalue()


def write_catalog(
    data_dir: Path, *models: Mapping[str, Any], mirrors: tuple[str, ...] = ()
) -> Path:
    """Write a catalog of one's own into a data folder, with defaults for what is not given."""
    lines = [f"mirrors = {json.dumps(list(mirrors))}"]
    for model in models:
        table = {
            "version": "1",
            "engine": "ctc",
            "languages": ["ru-RU"],
            "sample_rate_hz": 8000,
            "summary": "For tests",
            "licence": "Apache-2.0",
            **model,
        }
        lines.append("[[models]]")
        lines += [f"{key} = {_inline(value)}" for key, value in table.items() if value is not None]
    path = data_dir / "models" / "catalog.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = ", ".join(f"{json.dumps(key)} = {_inline(item)}" for key, item in value.items())
        return f"{{ {inner} }}"
    return json.dumps(value)
