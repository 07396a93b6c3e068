"""Kills an installation at every one of its steps on the disk, and looks what is left.

    python killed_installation.py FIRST STEP FOLDER MODEL COMMAND…

FOLDER is a data folder to begin from; it is copied for each kill. `rechka models COMMAND`,
which installs MODEL, runs in a process that is killed right before one of its openings,
renamings, makings or removings of a file in the data folder: number FIRST, counted from
zero, then the one that is STEP further, and so on to the last. After each kill the model
must be there whole, or as before, or not at all, with the file `lm.arpa` if it lay beside the
model, and the same command must then finish, and leave nothing behind.
Prints the number of kills as JSON.
"""

import json
import os
import shutil
import signal
import sys
from itertools import count
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from rechka.catalog.installed import find_faults
from rechka.cli import cli

_STEPS = {"open", "os.link", "os.rename", "os.remove", "os.mkdir", "os.rmdir"}


def main() -> None:
    first, step = map(int, sys.argv[1:3])
    folder, model, *words = sys.argv[3:]
    # Whatever is loaded on demand is loaded now, for every child.
    CliRunner().invoke(cli, ["models", "list", "--available", "--data-dir", folder])
    # A model that is broken from the beginning stays so until the new one takes its place.
    before = Path(folder, "models", model)
    accepted = [[], find_faults(before, sums=True) if before.exists() else []]
    has_beside = (before / "lm.arpa").exists()
    kills = 0
    for kill in count(first, step):
        data = Path(f"{folder}-{kill}")
        shutil.copytree(folder, data)
        command = ["models", *words, "--data-dir", str(data)]
        was_killed = run(command, data, kill) == -signal.SIGKILL
        place = data / "models" / model
        work = data / "models" / ".work"
        if place.exists():
            assert find_faults(place, sums=True) in accepted, kill
            assert (place / "lm.arpa").exists() == has_beside, kill
        assert run(command, data, None) == 0, kill
        assert find_faults(place, sums=True) == [], kill
        assert (place / "lm.arpa").exists() == has_beside, kill
        assert {path.suffix for path in work.iterdir()} == {".lock"}, kill
        shutil.rmtree(data)
        if not was_killed:
            break
        kills += 1
    print(json.dumps({"kills": kills}))


def run(command: list[str], data: Path, last_step: int | None) -> int:
    """Run a command in a child, killed before a step; return its exit code, or the signal."""
    child = os.fork()
    if child == 0:
        if last_step is not None:
            kill_before(data, last_step)
        result = CliRunner().invoke(cli, command)
        if result.exit_code:
            print(result.output, file=sys.stderr, flush=True)
        os._exit(result.exit_code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill_before(data: Path, last_step: int) -> None:
    steps = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal steps
        if event in _STEPS and any(str(data) in str(item) for item in arguments[:2]):
            if steps == last_step:
                os.kill(os.getpid(), signal.SIGKILL)
            steps += 1

    sys.addaudithook(hook)


if __name__ == "__main__":
    main()
