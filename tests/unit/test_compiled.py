import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from rechka.compiled import compiled

_PROGRAM = """
import numpy as np
from rechka.compiled import compiled

@compiled("i8(i8[::1])")
def total(numbers):
    result = 0
    for number in numbers:
        result += number
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


def test_what_was_compiled_is_kept(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM)
    assert _run(program) == "10"
    assert list((tmp_path / "__pycache__").glob("*.nbc"))


def test_where_nothing_can_be_written_it_is_compiled_all_the_same(tmp_path: Path) -> None:
    # A file where the folders would be made stops also who may write everywhere.
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM)
    (tmp_path / "__pycache__").write_text("")
    (tmp_path / "file").write_text("")
    nowhere = str(tmp_path / "file" / "cache")
    assert _run(program, HOME=nowhere, XDG_CACHE_HOME=nowhere) == "10"


def _run(program: Path, **environment: str) -> str:
    result = subprocess.run(
        [sys.executable, program],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.strip()
