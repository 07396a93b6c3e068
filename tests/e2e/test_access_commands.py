"""`rechka access` in processes of its own, as an operator has it at a terminal."""

import asyncio
import json
import os
import pty
import signal
import sys
from pathlib import Path

from access_fixtures import manage

RECHKA = (sys.executable, "-m", "rechka")


async def rechka(*arguments: str) -> tuple[int, str, str]:
    """Run a command; return exit code, output and errors."""
    process = await asyncio.create_subprocess_exec(
        *RECHKA, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


async def test_the_audit_trail_is_followed_until_ctrl_c(tmp_path: Path) -> None:
    manage(tmp_path / "d", "folder", "create", "one")
    process = await asyncio.create_subprocess_exec(
        *(*RECHKA, "access", "audit", "--follow", "--last", "1", "--json"),
        *("--data-dir", str(tmp_path / "d")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    first = json.loads(await process.stdout.readline())
    made = manage(tmp_path / "d", "folder", "create", "two")
    second = json.loads(await process.stdout.readline())
    assert [first["action"], second["action"]] == ["folder.create"] * 2
    assert second["folder_id"] == made["folder_id"] != first["folder_id"]
    process.send_signal(signal.SIGINT)
    output, errors = await process.communicate()
    assert (process.returncode, output, errors) == (130, b"", b"")


async def test_a_list_is_a_table_on_a_terminal_and_names_are_only_names(tmp_path: Path) -> None:
    where = ("--data-dir", str(tmp_path / "d"))
    manage(tmp_path / "d", "folder", "create", "[/x]")
    folder_id = manage(tmp_path / "d", "folder", "create", "[red]lab")["folder_id"]
    name = "a name that leaves no room for ids on a screen of eighty columns"
    manage(tmp_path / "d", "account", "create", name, "--folder", folder_id)
    folders = await on_terminal("access", "folder", "list", *where)
    assert any("folder id" in line and "created at" in line for line in folders)
    assert any("───" in line for line in folders)
    assert sum("[/x]" in line or "[red]lab" in line for line in folders) == 2
    accounts = await on_terminal("access", "account", "list", *where)
    assert any(name in line and folder_id in line for line in accounts)


async def on_terminal(*arguments: str) -> list[str]:
    """Return the lines that a command writes to a terminal."""
    reading, writing = pty.openpty()
    process = await asyncio.create_subprocess_exec(*RECHKA, *arguments, stdout=writing)
    os.close(writing)
    shown = bytearray()

    def read() -> None:
        try:
            while data := os.read(reading, 65_536):
                shown.extend(data)
        except OSError:
            # Linux says so at the end of a terminal.
            pass

    await asyncio.to_thread(read)
    os.close(reading)
    assert await process.wait() == 0
    return shown.decode().splitlines()


async def test_a_server_that_cannot_reach_its_database_says_why_and_no_password(
    tmp_path: Path,
) -> None:
    url = "postgresql://rechka:hunter2@127.0.0.1:1/x"
    code, output, errors = await rechka(
        "serve", "--data-dir", str(tmp_path / "d"), "--database-url", url
    )
    assert (code, output) == (1, "")
    warning, error = errors.splitlines()
    assert "other users of this machine can read the password in --database-url" in warning
    assert error.startswith("rechka: error: The database at 127.0.0.1:1 cannot be reached: ")
    assert "hunter2" not in errors


async def test_no_secret_is_kept_in_the_database(tmp_path: Path) -> None:
    where = ("--data-dir", str(tmp_path / "d"), "--json")
    made = json.loads((await rechka("access", "bootstrap", *where))[1])
    (account,) = manage(tmp_path / "d", "account", "list")
    owner = ("--account", account["account_id"])
    pair = manage(tmp_path / "d", "authorized-key", "create", *owner)
    secrets = [made["api_key"], made["iam_token"], *pair["private_key"].splitlines()[1:-1]]
    kept = b"".join(path.read_bytes() for path in (tmp_path / "d").glob("rechka.db*"))
    assert made["folder_id"].encode() in kept
    assert [secret for secret in secrets if secret.encode() in kept] == []
