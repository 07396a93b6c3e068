"""`rechka evaluate` against a server that refuses, and on clips without speech."""

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path

from wire_client import AUDIO, Running, Start


async def evaluate(running: Running, folder: Path, *options: str) -> tuple[int, str, str]:
    """Run the command on two clips, the second without speech, to its end."""
    shutil.copy(AUDIO / "speech-16k.wav", folder / "clip.wav")
    manifest = folder / "manifest.tsv"
    manifest.write_text("file\ttranscript\nclip.wav\tone two\nclip.wav\t\n")
    environment = {key: value for key, value in os.environ.items() if "RECHKA" not in key}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rechka", "evaluate", str(manifest), "--json"),
        *("--endpoint", running.server.grpc_address, *options),
        env={**environment, "RECHKA_TOKEN": running.access.iam_token},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_what_the_server_refuses_is_told_in_one_line(start: Start, tmp_path: Path) -> None:
    code, out, err = await evaluate(await start(), tmp_path, "--lang", "xx-XX", "--sessions", "2")
    assert (code, out) == (1, "")
    (line,) = err.splitlines()
    assert line.startswith("rechka: error: ")
    assert "xx-XX" in line
    assert "unexpected" not in line


async def test_words_that_are_heard_in_a_clip_without_speech_are_errors(
    start: Start, tmp_path: Path
) -> None:
    running = await start(lines=["one two"])
    code, out, err = await evaluate(running, tmp_path, "--rate", "8000")
    assert (code, err) == (0, "")
    (row,) = json.loads(out)
    assert (row["clips"], row["empty"]) == (2, 0)
    # Every word beyond the two that were said.
    assert row["wer"] > 1
