"""Libraries do not report to their makers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

VARIABLE = "ORT_DISABLE_TELEMETRY"
# With these onnxruntime would report nothing anyway.
OTHERS = {VARIABLE, "ORT_RUNNING_UNIT_TESTS", "CI", "GITHUB_ACTIONS", "TF_BUILD", "XDG_CACHE_HOME"}

SESSION = """
from rechka.text.punctuation import punctuator_for
from rechka.text.tokens import Token

punctuator_for("ru-RU").punctuate([Token("привет", 0, 0)])
"""
COMMAND = f"""
import os, sys
from rechka.cli import main

sys.argv = ["rechka", "--version"]
try:
    main()
finally:
    print(os.environ["{VARIABLE}"], file=sys.stderr)
"""
WORKER = f"""
import os, sys
from rechka.worker import main

sys.argv = ["worker", "--socket=/nowhere", '--engine="unknown"']
try:
    main()
except SystemExit:
    print(os.environ["{VARIABLE}"], file=sys.stderr)
"""


def run(program: str, home: Path, **environment: str) -> str:
    """Run a program for a user who has nothing yet; return its last line of errors."""
    known = {name: text for name, text in os.environ.items() if name not in OTHERS}
    told = subprocess.run(
        [sys.executable, "-c", program],
        env=known | {"HOME": str(home)} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stderr.strip().rpartition("\n")[2]


def test_onnxruntime_keeps_no_id_and_no_reports(tmp_path: Path) -> None:
    run(SESSION, tmp_path)
    assert not [path for path in tmp_path.rglob("*") if "onnxruntime" in path.name]


@pytest.mark.parametrize("program", [COMMAND, WORKER], ids=["command", "worker"])
def test_what_a_process_loads_later_is_told_before(tmp_path: Path, program: str) -> None:
    assert run(program, tmp_path) == "1"


@pytest.mark.parametrize("program", [COMMAND, WORKER], ids=["command", "worker"])
def test_what_the_environment_says_stands(tmp_path: Path, program: str) -> None:
    assert run(program, tmp_path, ORT_DISABLE_TELEMETRY="0") == "0"
