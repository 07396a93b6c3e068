"""The signing key of a data folder."""

from pathlib import Path

import pytest

from rechka.errors import RequestError
from rechka.storage.signing_key import load_signer


def test_the_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    assert load_signer(folder).key == load_signer(folder).key
    (path,) = folder.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600


def test_another_folder_has_another_key(tmp_path: Path) -> None:
    assert load_signer(tmp_path / "a").key.key_id != load_signer(tmp_path / "b").key.key_id


@pytest.mark.parametrize(
    ("content", "mode", "text"),
    [("rubbish", 0o600, "token-signing-key.pem"), ("rubbish", 0o644, "others may read it")],
)
def test_a_file_that_is_no_safe_key_is_named(
    tmp_path: Path, content: str, mode: int, text: str
) -> None:
    path = tmp_path / "token-signing-key.pem"
    path.write_text(content)
    path.chmod(mode)
    with pytest.raises(RequestError, match=text):
        load_signer(tmp_path)
