"""The rules of the house, as far as a program can check them."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [
    path for path in (ROOT / "src" / "rechka").rglob("*.py") if "generated" not in path.parts
]
NAMES = [str(path.relative_to(ROOT / "src")) for path in SOURCES]


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_modules_and_functions_are_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno + 1 <= 60, node.name


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_public_names_are_few_exist_and_are_documented(path: Path) -> None:
    # Alembic loads the migrations, and gives them what they import.
    if path.name in {"__init__.py", "__main__.py"} or "migrations" in path.parts:
        return
    parts = path.relative_to(ROOT / "src").with_suffix("").parts
    module = importlib.import_module(".".join(parts))
    assert module.__doc__
    assert len(module.__all__) <= (10 if parts[-1] in {"errors", "results", "port"} else 5)
    for name in module.__all__:
        value = getattr(module, name)
        if isinstance(value, type) or callable(value):
            assert value.__doc__, name


@pytest.mark.parametrize("path", SOURCES, ids=NAMES)
def test_onnxruntime_is_loaded_in_the_one_place_that_keeps_it_from_reporting(path: Path) -> None:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    packages = {name.partition(".")[0] for name in names}
    assert ("onnxruntime" in packages) == (path.name == "onnx_runtime.py")


@pytest.mark.parametrize("tool", ["generate_protos.py", "document_settings.py"])
def test_what_is_generated_is_fresh(tool: str) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / tool), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_every_audio_file_has_a_line_of_provenance() -> None:
    files = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    audio = [Path(name) for name in files if Path(name).suffix in {".pcm", ".wav", ".ogg", ".flac"}]
    assert audio
    for path in audio:
        assert path.name in (ROOT / path.parent / "README.md").read_text(encoding="utf-8")


def test_every_example_is_short() -> None:
    for path in (ROOT / "examples").glob("*.py"):
        assert path.read_text(encoding="utf-8").count("\n") < 40, path.name
