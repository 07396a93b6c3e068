"""`rechka access` and `rechka tls`, as an operator types them."""

import asyncio
import json
import os
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography import x509

from rechka.access.audit import Actor, AuditEvent
from rechka.cli.access import access
from rechka.cli.tls import tls
from rechka.errors import RequestError
from rechka.storage.access_sql import open_access_store

Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a command with --json and return what it printed."""

    def invoke(*arguments: str) -> Any:
        result = attempt(tmp_path, *arguments, "--json")
        if result.exception is not None:
            raise result.exception
        return json.loads(result.stdout)

    return invoke


def attempt(tmp_path: Path, *arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(access, [*arguments, "--data-dir", str(tmp_path / "d")], **options)


@pytest.fixture
def account_id(run: Run) -> str:
    folder = run("folder", "create", "lab")
    made = run("account", "create", "robot", "--folder", folder["folder_id"])
    return str(made["account_id"])


def test_bootstrap_again_answers_the_same_but_for_the_token(run: Run) -> None:
    first, second = run("bootstrap"), run("bootstrap")
    assert first["iam_token"].startswith("t1.")
    assert first.pop("iam_token") != second.pop("iam_token")
    assert first == second
    assert len(run("api-key", "list")) == 1
    assert len(run("folder", "list")) == 1


def test_a_folder_lives_and_dies(run: Run) -> None:
    made = run("folder", "create", "lab")
    assert run("folder", "show", made["folder_id"]) == made
    assert run("folder", "list") == [made]
    run("folder", "delete", made["folder_id"])
    assert run("folder", "list") == []
    with pytest.raises(RequestError, match="There is no folder"):
        run("folder", "delete", made["folder_id"])


def test_users_and_service_accounts_are_made_and_disabled(run: Run, account_id: str) -> None:
    user = run("account", "create", "Ann", "--user")
    run("account", "disable", user["account_id"])
    states = {item["account_id"]: item["state"] for item in run("account", "list")}
    assert states == {account_id: "enabled", user["account_id"]: "disabled"}
    run("account", "enable", user["account_id"])
    assert {item["state"] for item in run("account", "list")} == {"enabled"}
    with pytest.raises(RequestError, match="Keys belong to service accounts"):
        run("api-key", "create", "--account", user["account_id"])


def test_roles_are_given_listed_and_taken(run: Run, account_id: str) -> None:
    (folder,) = run("folder", "list")
    where = ("--folder", folder["folder_id"], "--account", account_id)
    role = ("--role", "ai.speechkit-stt.user")
    granted = run("role", "grant", *where, *role)
    assert run("role", "grant", *where, *role) == granted
    assert run("role", "list", "--account", account_id) == [granted]
    run("role", "revoke", *where, *role)
    assert run("role", "list") == []
    with pytest.raises(RequestError, match="has no role"):
        run("role", "revoke", *where, *role)
    with pytest.raises(RequestError, match="There is no account"):
        run("role", "grant", "--folder", folder["folder_id"], "--account", "none", *role)


def test_an_api_key_is_shown_once_and_revoked(run: Run, account_id: str) -> None:
    made = run("api-key", "create", "--account", account_id, "--name", "laptop")
    assert made["api_key"].startswith("AQVN")
    (listed,) = run("api-key", "list")
    assert listed["key_id"] == made["key_id"]
    assert made["api_key"] not in json.dumps(listed)
    run("api-key", "revoke", made["key_id"])
    assert run("api-key", "list") == []


@pytest.mark.parametrize(
    ("command", "name"), [(("api-key", "create"), "api_key"), (("token", "create"), "iam_token")]
)
def test_a_secret_in_a_file_is_not_printed_and_only_its_owner_may_read_it(
    run: Run, account_id: str, tmp_path: Path, command: tuple[str, str], name: str
) -> None:
    output = tmp_path / "secret"
    output.touch(mode=0o644)
    made = run(*command, "--account", account_id, "--output", str(output))
    assert name not in made
    assert made["output"] == str(output)
    assert output.stat().st_mode & 0o777 == 0o600
    assert len(output.read_text().strip()) > 40


def test_an_authorized_key_has_the_layout_of_the_sdks(
    run: Run, account_id: str, tmp_path: Path
) -> None:
    output = tmp_path / "key.json"
    made = run("authorized-key", "create", "--account", account_id, "--output", str(output))
    content = json.loads(output.read_text())
    assert output.stat().st_mode & 0o777 == 0o600
    assert content["id"] == made["key_id"]
    assert content["service_account_id"] == account_id
    assert content["key_algorithm"] == "RSA_2048"
    assert content["public_key"].startswith("-----BEGIN PUBLIC KEY-----")
    assert content["private_key"].startswith("-----BEGIN PRIVATE KEY-----")
    assert [item["key_id"] for item in run("authorized-key", "list")] == [made["key_id"]]
    run("authorized-key", "revoke", made["key_id"])
    assert run("authorized-key", "list") == []


def test_a_token_is_revoked_by_its_id_or_by_itself(
    run: Run, account_id: str, tmp_path: Path
) -> None:
    made = run("token", "create", "--account", account_id, "--ttl", "90s")
    run("token", "revoke", made["token_id"])
    with pytest.raises(RequestError, match="revoked already"):
        run("token", "revoke", made["token_id"])
    typed = run("token", "create", "--account", account_id)
    result = attempt(tmp_path, "token", "revoke", typed["iam_token"])
    assert result.stdout == f"revoked {typed['token_id']}\n"
    assert "--token-file" in result.stderr
    other = run("token", "create", "--account", account_id)
    result = attempt(tmp_path, "token", "revoke", "--token-file", "-", input=other["iam_token"])
    assert (result.exit_code, result.output) == (0, f"revoked {other['token_id']}\n")


@pytest.mark.parametrize("token_id", ["nonsense", "tok", "t1.x.y", "tok" + "x" * 17])
def test_what_is_no_id_of_a_token_is_not_revoked(run: Run, token_id: str) -> None:
    with pytest.raises(RequestError, match="is no id of a token; accepted: 20 characters"):
        run("token", "revoke", token_id)
    assert run("folder", "list") == []


def test_a_token_of_another_server_is_not_revoked(run: Run, tmp_path: Path) -> None:
    run("bootstrap")
    other = CliRunner().invoke(
        access, ["bootstrap", "--json", "--data-dir", str(tmp_path / "other")]
    )
    token = json.loads(other.stdout)["iam_token"]
    for text in (token, "t1.x"):
        result = attempt(tmp_path, "token", "revoke", "--token-file", "-", input=text)
        assert "nothing to revoke" in str(result.exception)


def test_an_api_key_in_the_place_of_its_id_is_not_repeated(
    run: Run, tmp_path: Path, account_id: str
) -> None:
    secret = run("api-key", "create", "--account", account_id)["api_key"]
    result = attempt(tmp_path, "api-key", "revoke", secret)
    assert result.exit_code == 1
    assert "`api-key list` shows the ids" in result.output
    assert secret not in result.output


def test_a_file_is_left_as_it_was_when_there_is_no_secret_for_it(tmp_path: Path, run: Run) -> None:
    output = tmp_path / "key.json"
    output.write_text("precious")
    for command in ("api-key", "authorized-key", "token"):
        with pytest.raises(RequestError, match="There is no account"):
            run(command, "create", "--account", "none", "--output", str(output))
    assert output.read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d", "key.json"]


def test_a_secret_can_be_written_to_a_pipe(run: Run, account_id: str) -> None:
    reading, writing = os.pipe()
    run("api-key", "create", "--account", account_id, "--output", f"/dev/fd/{writing}")
    os.close(writing)
    with os.fdopen(reading) as pipe:
        assert pipe.read().startswith("AQVN")


def test_a_file_that_cannot_be_written_makes_no_secret(
    tmp_path: Path, run: Run, account_id: str
) -> None:
    output = str(tmp_path / "none" / "key")
    result = attempt(tmp_path, "api-key", "create", "--account", account_id, "--output", output)
    assert f"cannot write {output}" in result.output
    assert run("api-key", "list") == []


@pytest.mark.parametrize("ttl", ["0s", "13h", "1d", "-1h", "", "h"])
def test_a_life_that_a_token_cannot_have_is_refused(tmp_path: Path, ttl: str) -> None:
    result = attempt(tmp_path, "token", "create", "--account", "any", "--ttl", ttl)
    assert result.exit_code == 2
    assert "accepted: 1s to 12h" in result.output


def test_signing_keys_are_listed_and_revoked(run: Run, account_id: str) -> None:
    run("token", "create", "--account", account_id)
    (key,) = run("signing-key", "list")
    run("signing-key", "revoke", key["key_id"])
    assert run("signing-key", "list") == []
    with pytest.raises(RequestError, match="was revoked"):
        run("token", "create", "--account", account_id)


def test_quotas_are_set_one_by_one_and_reset(run: Run, account_id: str) -> None:
    (folder,) = run("folder", "list")
    where = ("--folder", folder["folder_id"])
    assert run("quota", "show", *where)["concurrent_sessions"] == 60
    run("quota", "set", *where, "--concurrent-sessions", "10")
    run("quota", "set", *where, "--audio-seconds-per-day", "3600")
    shown = run("quota", "show", *where)
    assert (shown["sessions_per_s"], shown["concurrent_sessions"]) == (40, 10)
    assert shown["audio_s_per_day"] == 3600
    run("quota", "set", *where, "--reset", "--sessions-per-second", "0")
    shown = run("quota", "show", *where)
    assert (shown["sessions_per_s"], shown["concurrent_sessions"]) == (0, 60)


def test_a_quota_that_says_nothing_or_too_much_is_refused(run: Run, tmp_path: Path) -> None:
    made = run("folder", "create", "lab")
    where = ("quota", "set", "--folder", made["folder_id"])
    assert "nothing to set" in attempt(tmp_path, *where).output
    result = attempt(tmp_path, *where, "--concurrent-sessions", str(2**31))
    assert "0<=x<=2147483647" in result.output
    assert run("folder", "list") == [made]


@pytest.mark.parametrize("name", ["", " ", "a\nb", "\x1b[2J", "x" * 101])
def test_a_name_that_is_none_is_refused(run: Run, account_id: str, name: str) -> None:
    folder = run("folder", "list")[0]["folder_id"]
    for command in (
        ("folder", "create", name),
        ("account", "create", name, "--folder", folder),
        ("account", "create", name, "--user"),
    ):
        with pytest.raises(RequestError, match=r"name: got .* accepted: 1 to 100 printable"):
            run(*command)


def test_usage_goes_back_a_century_at_most(tmp_path: Path, run: Run) -> None:
    assert run("usage", "--days", "36500") == []
    assert "1<=x<=36500" in attempt(tmp_path, "usage", "--days", "99999999999").output


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path, run: Run) -> None:
    (tmp_path / "file").write_text("a file")
    inside = ("--data-dir", str(tmp_path / "file" / "d"))
    result = CliRunner().invoke(access, ["folder", "list", *inside])
    assert isinstance(result.exception, RequestError)
    assert f"cannot write the database {inside[1]}" in str(result.exception)
    url = f"sqlite:///{tmp_path}/x.db"
    result = CliRunner().invoke(access, ["bootstrap", *inside, "--database-url", url])
    assert isinstance(result.exception, RequestError)
    assert "token-signing-key.pem: cannot be made or read: Not a directory" in str(result.exception)


def test_what_a_client_sent_cannot_forge_a_line_of_the_audit_trail(
    tmp_path: Path, run: Run
) -> None:
    event = AuditEvent(
        at_s=0.0,
        action="authorize",
        actor=Actor("aje"),
        folder_id="x\n2026-01-01T00:00:00Z done token.create \x1b[2J\u202e",
    )

    async def add() -> None:
        store = await open_access_store("", data_dir=tmp_path / "d")
        await store.add_events([event])
        await store.close()

    asyncio.run(add())
    (line,) = attempt(tmp_path, "audit").stdout.splitlines()
    assert "\\x1b[2J\\u202e" in line
    assert run("audit")["folder_id"] == event.folder_id


def test_the_audit_trail_tells_every_change_and_no_secret(run: Run, tmp_path: Path) -> None:
    made = run("bootstrap")
    result = attempt(tmp_path, "audit", "--json")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["action"] for line in lines] == [
        "folder.create",
        "account.create",
        "role.grant",
        "api-key.create",
        "signing-key.create",
        "token.create",
    ]
    assert all(line["actor"].startswith("os:") for line in lines)
    assert made["api_key"] not in result.stdout
    assert made["iam_token"] not in result.stdout
    assert len(attempt(tmp_path, "audit", "--last", "2").stdout.splitlines()) == 2


def test_lists_are_tab_separated_when_they_are_piped(tmp_path: Path, run: Run) -> None:
    run("bootstrap")
    head, row = attempt(tmp_path, "role", "list").stdout.splitlines()
    assert head.split("\t") == ["folder_id", "account_id", "role"]
    assert row.split("\t") == ["b1gdevelopment", "ajedevelopment", "editor"]


def test_usage_of_nothing_is_an_empty_list(run: Run) -> None:
    assert run("usage") == []


def test_a_password_in_the_url_is_warned_about_and_never_printed(tmp_path: Path) -> None:
    url = "postgresql://rechka:hunter2@127.0.0.1:1/x"
    result = attempt(tmp_path, "folder", "list", "--database-url", url)
    assert "~/.pgpass" in result.stderr
    assert "hunter2" not in result.output + str(result.exception)


def dev_cert(output: Path, *arguments: str) -> Result:
    result = CliRunner().invoke(tls, ["dev-cert", "--output", str(output), *arguments])
    assert result.exit_code == 0, result.output
    return result


def test_a_dev_certificate_is_trusted_through_its_authority(tmp_path: Path) -> None:
    result = dev_cert(tmp_path / "t", "--host", "stt.api.example", "--host", "192.0.2.1")
    assert str(tmp_path / "t" / "ca.pem") in result.output
    assert "root_certificates" in result.output
    context = ssl.create_default_context(cafile=str(tmp_path / "t" / "ca.pem"))
    context.load_cert_chain(tmp_path / "t" / "server.pem", tmp_path / "t" / "server.key")
    leaf, authority = x509.load_pem_x509_certificates((tmp_path / "t" / "server.pem").read_bytes())
    leaf.verify_directly_issued_by(authority)
    for name in ("ca.key", "server.key"):
        assert (tmp_path / "t" / name).stat().st_mode & 0o777 == 0o600


def test_a_second_dev_certificate_is_of_the_same_authority(tmp_path: Path) -> None:
    dev_cert(tmp_path, "--host", "one")
    authority = (tmp_path / "ca.pem").read_bytes()
    dev_cert(tmp_path, "--host", "two", "--client")
    assert (tmp_path / "ca.pem").read_bytes() == authority
    assert (tmp_path / "client.pem").exists()


@pytest.mark.parametrize(
    "host", ["ü" * 70, "localhost:50051", "https://stt.example", "a b", "", "a..b", "*", "-a"]
)
def test_a_host_that_is_none_is_refused(tmp_path: Path, host: str) -> None:
    result = CliRunner().invoke(tls, ["dev-cert", "--output", str(tmp_path), "--host", host])
    assert result.exit_code == 1
    assert "no certificate for" in result.output
    assert not (tmp_path / "server.pem").exists()


@pytest.mark.parametrize("host", ["localhost", "*.stt.example", "a_b.example", "::1", "пример.рф"])
def test_a_host_of_any_kind_gets_its_certificate(tmp_path: Path, host: str) -> None:
    dev_cert(tmp_path, "--host", host)
    assert (tmp_path / "server.pem").exists()


@pytest.mark.parametrize("name", ["ca.pem", "ca.key"])
def test_half_an_authority_is_not_replaced(tmp_path: Path, name: str) -> None:
    dev_cert(tmp_path, "--host", "one")
    (tmp_path / name).unlink()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    result = CliRunner().invoke(tls, ["dev-cert", "--output", str(tmp_path), "--host", "two"])
    assert result.exit_code == 1
    assert f"is there without {name}" in result.output
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    output = str(tmp_path / "file" / "tls")
    result = CliRunner().invoke(tls, ["dev-cert", "--output", output, "--host", "one"])
    assert result.exit_code == 1
    assert f"cannot use {output}" in result.output
