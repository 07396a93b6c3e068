"""The text on which punctuation is measured: no document of it is in training."""

import importlib.util
import lzma
from pathlib import Path
from types import ModuleType

import pytest

CORPUS = Path(__file__).parents[3] / "training" / "punctuation" / "corpus.py"


@pytest.fixture(scope="module")
def corpus() -> ModuleType:
    spec = importlib.util.spec_from_file_location("corpus", CORPUS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write(folder: Path, sources: dict[str, list[str]], *, claimed: int = 0) -> Path:
    rows = ["language\trepo\tlines\tin_main_file"]
    rows += [f"tr\t{name}\t{claimed or len(lines)}\tyes" for name, lines in sources.items()]
    rows += ["tr\tother\t50\tno", "en\tother\t70\tyes"]
    (folder / "SOURCES.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    text = "".join(f"{line}\n" for lines in sources.values() for line in lines)
    path = folder / "tr.txt.xz"
    path.write_bytes(lzma.compress(text.encode()))
    return path


def test_the_end_of_every_source_is_held_out_after_a_gap(
    corpus: ModuleType, tmp_path: Path
) -> None:
    first = [f"A {number}" for number in range(100)]
    second = [f"B {number}" for number in range(50)]
    training, held_out = corpus.read_split(write(tmp_path, {"a": first, "b": second}))
    assert training == [first[:88], second[:44]]
    assert held_out == [first[90:], second[45:]]


def test_a_sentence_that_is_held_out_somewhere_is_in_no_training_text(
    corpus: ModuleType, tmp_path: Path
) -> None:
    first = [f"A {number}" for number in range(100)]
    second = ["A 95", *(f"B {number}" for number in range(49))]
    training, _ = corpus.read_split(write(tmp_path, {"a": first, "b": second}))
    assert training[1] == second[1:44]


def test_lines_that_no_source_claims_are_refused(corpus: ModuleType, tmp_path: Path) -> None:
    path = write(tmp_path, {"a": ["A 1", "A 2"]}, claimed=3)
    with pytest.raises(ValueError, match="2 lines, but SOURCES"):
        corpus.read_split(path)
