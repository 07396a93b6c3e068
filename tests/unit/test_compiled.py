import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import rechka.compiled as compiled_module
from rechka.compiled import compiled

_SOURCES = Path(compiled_module.__file__).parent
_MODULES = [
    path for path in sorted(_SOURCES.rglob("*.py")) if "\n@compiled(" in path.read_text("utf-8")
]
_PROGRAM = """
import numpy as np
from number import FACTOR
from rechka.compiled import compiled

@compiled("i8(i8[::1])")
def total(numbers):
    result = 0
    for number in numbers:
        result += FACTOR * number
    return result

print(total(np.arange(5)))
"""


@compiled("f4(f4[::1])")
def _sum_of_squares(values: npt.NDArray[np.float32]) -> np.float32:
    total = np.float32(0)
    for value in values:
        total += value * value
    return total


def test_a_compiled_function_computes_what_its_source_says() -> None:
    assert _sum_of_squares(np.array([1, 2, 3], dtype=np.float32)) == 14


def test_another_type_of_array_is_refused_and_not_compiled_for() -> None:
    with pytest.raises(TypeError, match="No matching definition"):
        _sum_of_squares(np.array([1, 2, 3], dtype=np.float64))


def test_what_was_compiled_is_kept_while_no_module_beside_it_changes(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM)
    number = tmp_path / "number.py"
    number.write_text("FACTOR = 1\n")
    os.utime(program, (1, 1))
    assert _run(program) == "10"
    kept = _kept(tmp_path)
    assert kept
    assert _run(program) == "10"
    assert _kept(tmp_path) == kept
    # As an upgrade would: another number in a file of the same size and time.
    number.write_text("FACTOR = 2\n")
    assert _run(program) == "20"
    assert _kept(tmp_path)
    assert not set(_kept(tmp_path)) & set(kept)


def test_of_programs_that_start_together_one_compiles(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM + "print(sum(total.stats.cache_misses.values()))\n")
    (tmp_path / "number.py").write_text("FACTOR = 1\n")
    programs = [
        subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    told = [running.communicate()[0].split() for running in programs]
    assert sorted(told) == [["10", "0"], ["10", "0"], ["10", "1"]]


def test_where_nothing_can_be_written_it_is_compiled_all_the_same(tmp_path: Path) -> None:
    # A file where the folders would be made stops also who may write everywhere.
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM)
    (tmp_path / "number.py").write_text("FACTOR = 1\n")
    (tmp_path / "__pycache__").write_text("")
    (tmp_path / "file").write_text("")
    nowhere = str(tmp_path / "file" / "cache")
    assert _run(program, HOME=nowhere, XDG_CACHE_HOME=nowhere) == "10"
    # The next best place is the user's.
    assert _run(program, XDG_CACHE_HOME=str(tmp_path / "user")) == "10"
    assert list((tmp_path / "user").rglob("*.nbc"))


def test_a_user_without_a_home_gets_it_compiled_all_the_same(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    unknown = (
        "import os, pwd\n"
        "def find_none(*_): raise KeyError\n"
        "pwd.getpwuid = pwd.getpwnam = find_none\n"
        "os.environ.pop('HOME', None)\n"
    )
    program.write_text(unknown + _PROGRAM)
    (tmp_path / "number.py").write_text("FACTOR = 1\n")
    assert _run(program, XDG_CACHE_HOME="") == "10"
    assert _kept(tmp_path / "__pycache__")
    # Where the sources cannot be written either, it is kept nowhere.
    shutil.rmtree(tmp_path / "__pycache__")
    (tmp_path / "__pycache__").write_text("")
    assert _run(program, XDG_CACHE_HOME="") == "10"
    assert not _kept(tmp_path)


@pytest.mark.parametrize("module", _MODULES, ids=lambda path: path.stem)
def test_compiled_functions_use_modules_of_their_own_folder_alone(module: Path) -> None:
    own = ".".join(("rechka", *module.relative_to(_SOURCES).parent.parts))
    imported = re.findall(r"^from (rechka\S*) import", module.read_text(), re.MULTILINE)
    # What stands here is called by Python alone, or is a type.
    allowed = {
        "rechka.compiled",
        "rechka.audio.samples",
        "rechka.recognition.model_folders",
        "rechka.recognition.port",
    }
    assert {name for name in imported if name.rpartition(".")[0] != own} <= allowed


def _kept(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.nbc"))


def _run(program: Path, **environment: str) -> str:
    result = subprocess.run(
        [sys.executable, program],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.strip()
