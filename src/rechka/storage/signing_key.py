"""The private key with which the servers of one data folder sign IAM tokens."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from rechka.access.tokens import TokenSigner
from rechka.errors import ErrorCode, RequestError

__all__ = ["load_signer"]

_FILE_NAME = "token-signing-key.pem"


def load_signer(data_dir: Path) -> TokenSigner:
    """Return the signer of a data folder; its key is made when there is none.

    The key never leaves the folder: other servers know its public half.

    Raises:
        RequestError: The file is not such a key, cannot be read, or others may read it.
    """
    path = data_dir / _FILE_NAME
    try:
        if not path.exists():
            _create(path)
        status = path.stat()
        content = path.read_bytes()
    except OSError as error:
        raise _bad(path, f"cannot be made or read: {error.strerror}") from None
    if status.st_mode & 0o077:
        raise _bad(path, "others may read it; it must have mode 0600")
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError) as error:
        raise _bad(path, str(error)) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise _bad(path, "it is not an Ed25519 private key")
    return TokenSigner(key, created_at_s=status.st_mtime)


def _create(path: Path) -> None:
    """Write a fresh key, unless another program is faster."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    # mkstemp makes the file readable by its owner only; the link puts it into
    # its place whole, and only if the place is free.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{_FILE_NAME}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()


def _bad(path: Path, problem: str) -> RequestError:
    return RequestError(ErrorCode.INVALID_CONFIG, f"{path}: {problem}")
