"""When a port may be served in the clear, and which certificates are taken."""

from pathlib import Path

import pytest

from rechka.access.certificates import Identity, create_authority, issue_certificate
from rechka.errors import RequestError
from rechka.settings import ServerSettings
from rechka.transport.tls import (
    _Files,
    _Watch,
    certificate_hosts,
    require_encryption,
    server_credentials,
)

AUTHORITY = create_authority()


def write(folder: Path, identity: Identity) -> _Files:
    (folder / "cert.pem").write_bytes(identity.certificate)
    (folder / "key.pem").write_bytes(identity.private_key)
    return _Files(folder / "cert.pem", folder / "key.pem", None)


def issue(*hosts: str) -> Identity:
    return issue_certificate(AUTHORITY, hosts, is_client=False)


@pytest.mark.parametrize(
    "address", ["127.0.0.1:1", "127.9.9.9:1", "localhost:1", "[::1]:1", "unix:/run/rechka.sock"]
)
def test_loopback_needs_no_encryption(address: str) -> None:
    require_encryption(ServerSettings(grpc_address=address, http_address="127.0.0.1:0"))
    # It is the other address alone that a refusal names.
    with pytest.raises(RequestError) as caught:
        require_encryption(ServerSettings(grpc_address=address, http_address="0.0.0.0:0"))
    assert list(caught.value.violations) == ["server.http_address"]


@pytest.mark.parametrize("address", ["0.0.0.0:1", "[::]:1", "192.0.2.1:1", "speech.example:1"])
def test_other_addresses_need_encryption_or_the_flag(address: str) -> None:
    with pytest.raises(RequestError, match=r"server\.grpc_address"):
        require_encryption(ServerSettings(grpc_address=address))
    with pytest.raises(RequestError, match=r"server\.http_address"):
        require_encryption(ServerSettings(http_address=address))
    require_encryption(ServerSettings(grpc_address=address, allow_plaintext=True))
    require_encryption(ServerSettings(grpc_address=address, tls_cert=Path("cert.pem")))


def test_a_certificate_tells_its_hosts(tmp_path: Path) -> None:
    files = write(tmp_path, issue("Speech.example", "*.speech.example", "192.0.2.1", "::1"))
    assert certificate_hosts(files.cert) == {
        "speech.example",
        "*.speech.example",
        "192.0.2.1",
        "::1",
    }
    assert certificate_hosts(None) == frozenset()


def test_a_key_of_another_certificate_is_refused_at_the_start(tmp_path: Path) -> None:
    files = write(tmp_path, issue("one"))
    files.key.write_bytes(issue("two").private_key)
    with pytest.raises(RequestError, match="is not the key of"):
        server_credentials(ServerSettings(tls_cert=files.cert, tls_key=files.key))


def test_client_authorities_need_a_certificate_of_the_server(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="needs tls_cert and tls_key"):
        server_credentials(ServerSettings(tls_client_ca=tmp_path / "ca.pem"))


def test_a_renewed_certificate_is_taken_once_it_is_whole(tmp_path: Path) -> None:
    watch = _Watch(write(tmp_path, issue("one")))
    assert watch.changed() is None
    renewed = issue("a-name-of-another-length")
    (tmp_path / "cert.pem").write_bytes(renewed.certificate)
    assert watch.changed() is None
    assert watch.changed() is None
    (tmp_path / "key.pem").write_bytes(renewed.private_key)
    assert watch.changed() is not None
    assert watch.changed() is None
    (tmp_path / "key.pem").unlink()
    assert watch.changed() is None


def test_files_that_are_not_there_are_named_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"server\.tls_key: cannot read .*none\.key"):
        server_credentials(
            ServerSettings(tls_cert=tmp_path / "none.pem", tls_key=tmp_path / "none.key")
        )


@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n", b"\xff" * 99])
@pytest.mark.parametrize("name", ["cert.pem", "key.pem"])
def test_a_broken_file_leaves_the_old_certificate_in_service(
    tmp_path: Path, name: str, content: bytes
) -> None:
    files = write(tmp_path, issue("one"))
    watch = _Watch(files)
    before = watch.configuration
    (tmp_path / name).write_bytes(content)
    assert watch.changed() is None
    assert watch.configuration is before
    write(tmp_path, issue("a-name-of-another-length"))
    assert watch.changed() is not None


def test_an_error_that_nobody_thought_of_ends_no_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = _Watch(write(tmp_path, issue("one")))
    monkeypatch.setattr(_Files, "load", None)
    write(tmp_path, issue("a-name-of-another-length"))
    assert watch.changed() is None
