"""Graphs: what goes into the compiler comes out of the reader, and nothing else is read."""

import gzip
import itertools
import math
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fakes.small_language import NGrams, build, log_prob, random_ngrams, write_arpa
from rechka.errors import RequestError
from rechka.recognition.engines.ctc import graph as graph_module
from rechka.recognition.engines.ctc.arpa import read_arpa, read_lexicon
from rechka.recognition.engines.ctc.compile import compile_graph
from rechka.recognition.engines.ctc.graph import Graph, read_graph
from rechka.recognition.engines.ctc.graph_file import read_arrays, write_arrays
from rechka.recognition.engines.ctc.tokens import read_tokens

TOKENS = ("a", "b", "c", "<blk>")
LEXICON = [("ab", "a b"), ("abc", "a b c"), ("see", "c"), ("sea", "c"), ("ab", "b a")]


def graph_of(folder: Path, order: int = 2) -> Graph:
    words = list(dict.fromkeys(word for word, _ in LEXICON))
    table = random_ngrams(words, order, np.random.default_rng(order))
    return build(folder, LEXICON, table, TOKENS)[0]


def spellings(graph: Graph) -> set[tuple[str, str]]:
    """Return every word with its tokens, read out of the tree from the root on."""
    found = set()
    queue = [(0, "")]
    while queue:
        node, spelling = queue.pop()
        for entry in range(graph.first_entry[node], graph.first_entry[node + 1]):
            found.add((graph.text(int(graph.entry_word[entry])), spelling.strip()))
        for child in range(graph.first_child[node], graph.first_child[node + 1]):
            assert graph.parents(np.array([child])).tolist() == [node]
            queue.append((child, f"{spelling} {graph.tokens[graph.node_token[child]]}"))
    return found


def test_the_tree_spells_the_lexicon(tmp_path: Path) -> None:
    graph = graph_of(tmp_path)
    assert spellings(graph) == set(LEXICON)
    assert graph.words == 4


def test_lookahead_is_the_best_word_at_or_below(tmp_path: Path) -> None:
    graph = graph_of(tmp_path)
    scores = {
        graph.text(word): graph.ngrams.score(np.zeros(1, int), np.array([word]))[0][0]
        for word in range(graph.words)
    }
    below = {"a": ("ab", "abc"), "a b": ("ab", "abc"), "c": ("see", "sea"), "b": ("ab",)}
    level = graph.ngrams.tables[0]
    step = (level[: graph.words].max() - level[: graph.words].min()) / 255
    for spelling, words in below.items():
        node = 0
        for token in spelling.split():
            children = range(graph.first_child[node], graph.first_child[node + 1])
            (node,) = (c for c in children if graph.tokens[graph.node_token[c]] == token)
        best = max(scores[word] for word in words)
        assert best - 1e-4 <= graph.lookahead[node] <= best + step + 1e-4
        assert scores[graph.text(graph.likeliest(node))] >= best - step - 1e-4


@pytest.mark.parametrize("order", [1, 2, 3])
def test_scores_are_those_of_back_off(tmp_path: Path, order: int) -> None:
    words = ["ab", "abc", "see", "sea"]
    table = random_ngrams(words, order, np.random.default_rng(order))
    graph, _ = build(tmp_path, LEXICON, table, TOKENS)
    ids = graph.find(frozenset(words))
    assert sorted(ids) == sorted(words)
    for sentence in itertools.product(words, repeat=3):
        state, context = np.array([graph.ngrams.begin]), ["<s>"]
        for word in (*sentence, "</s>"):
            number = graph.ngrams.end if word == "</s>" else ids[word]
            score, state = graph.ngrams.score(state, np.array([number]))
            expected = log_prob(table, context, word) * math.log(10)
            assert score[0] == pytest.approx(expected, abs=1e-4), (context, word)
            context.append(word)


def test_many_words_are_scored_as_each_alone(tmp_path: Path) -> None:
    ngrams = graph_of(tmp_path, 3).ngrams
    rng = np.random.default_rng(0)
    states, words = rng.integers(0, ngrams.states, 200), rng.integers(0, 4, 200)
    scores, following = ngrams.score(states, words)
    for index in range(200):
        one = ngrams.score(states[index : index + 1], words[index : index + 1])
        assert (one[0][0], one[1][0]) == (scores[index], following[index])


def test_words_that_the_model_does_not_know_share_the_unknown_words_mass(tmp_path: Path) -> None:
    table: NGrams = {("<s>",): (-99.0, 0.0), ("</s>",): (-1.0, 0.0), ("ab",): (-1.0, 0.0)}
    table |= {("<unk>",): (-2.0, 0.0)}
    graph, _ = build(tmp_path, [("ab", "a b"), ("x", "c"), ("y", "b")], table, TOKENS)
    word = np.array([graph.find(frozenset(["x"]))["x"]])
    score = graph.ngrams.score(np.zeros(1, int), word)[0][0]
    assert score == pytest.approx(-2.0 * math.log(10) - math.log(2), abs=1e-4)


def test_quantization_of_many_values_is_fine(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    words = [f"w{number}" for number in range(3_000)]
    spelled = [(word, " ".join(rng.choice(["a", "b", "c"], 9))) for word in words]
    table: NGrams = {(word,): (float(-1 - 5 * rng.random()), 0.0) for word in words}
    table |= {("<s>",): (-99.0, 0.0), ("</s>",): (-1.0, 0.0)}
    graph, _ = build(tmp_path, spelled, table, TOKENS)
    ids = graph.find(frozenset(words))
    numbers = np.array([ids[word] for word in words])
    scores, _ = graph.ngrams.score(np.zeros(len(words), int), numbers)
    exact = np.array([round(table[word,][0], 2) for word in words]) * math.log(10)
    # 256 levels over a range of 11.5 are 0.045 apart.
    assert np.abs(scores - exact).max() < 0.06
    assert np.abs(scores - exact).mean() < 0.015


def test_a_graph_is_small(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    words = sorted({"".join(rng.choice(list("abc"), 12)) for _ in range(20_000)})
    table: NGrams = {("<s>",): (-99.0, 0.0), ("</s>",): (-1.0, 0.0)}
    table |= {(word,): (-4.0, -0.5) for word in words}
    pairs = rng.choice(len(words), (100_000, 2))
    table |= {(words[left], words[right]): (-2.0, 0.0) for left, right in pairs}
    build(tmp_path, [(word, " ".join(word)) for word in words], table, TOKENS)
    # So many bytes make 11 MB of 150 thousand words and a million n-grams.
    assert (tmp_path / "graph.bin").stat().st_size < 6.5 * 100_000 + 30 * 20_000


def test_every_cut_and_many_damages_of_a_graph_are_refused(tmp_path: Path) -> None:
    graph_of(tmp_path)
    path = tmp_path / "graph.bin"
    whole = path.read_bytes()
    rng = np.random.default_rng(3)
    for length in rng.integers(0, len(whole), 60).tolist():
        path.write_bytes(whole[:length])
        with pytest.raises(RequestError, match=r"graph\.bin: "):
            read_graph(path, TOKENS)
    for position in rng.integers(0, len(whole), 60).tolist():
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x55]) + whole[position + 1 :])
        with pytest.raises(RequestError, match=r"graph\.bin: "):
            read_graph(path, TOKENS)
    path.write_bytes(whole + b"\0")
    with pytest.raises(RequestError, match="checksum"):
        read_graph(path, TOKENS)


def rewrite(path: Path, **others: npt.NDArray[Any]) -> None:
    """Put other arrays into a graph, with a checksum that fits."""
    facts, arrays = read_arrays(path)
    write_arrays(path, facts, {name: array.copy() for name, array in arrays.items()} | others)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("node_children", np.array([2, 2, -1, 0], dtype="<f4")),
        ("unigram_followers", np.array([1, -1], dtype="<f4")),
        ("node_token", np.array([0, 70_000], dtype="<u4")),
        ("entry_word", np.array([2**31], dtype="<u4")),
        ("node_lookahead_levels", np.full(256, np.nan, dtype="<f4")),
        ("word_text", np.frombuffer(zlib.compress(b"\xff\xfe"), dtype=np.uint8)),
        ("word_text", np.frombuffer(zlib.compress(b"ab\nabc")[:-3], dtype=np.uint8)),
    ],
)
def test_a_graph_with_numbers_or_words_that_cannot_be_is_refused(
    tmp_path: Path, name: str, array: npt.NDArray[Any]
) -> None:
    graph_of(tmp_path)
    path = tmp_path / "graph.bin"
    before = read_arrays(path)[1][name]
    fill = before.astype(array.dtype) if name != "word_text" else array
    if name != "word_text":
        # As long as before, so that its length is not what is wrong with it.
        fill[-len(array) :] = array[: len(fill)]
    rewrite(path, **{name: fill})
    with pytest.raises(RequestError, match=r"graph\.bin: it is malformed"):
        read_graph(path, TOKENS)


def test_a_tree_with_a_branch_that_ends_without_a_word_is_refused(tmp_path: Path) -> None:
    graph_of(tmp_path)
    path = tmp_path / "graph.bin"
    arrays = read_arrays(path)[1]
    # "a b c" is the last node, and "abc" the last word.
    rewrite(path, entry_node=arrays["entry_node"][:-1], entry_word=arrays["entry_word"][:-1])
    with pytest.raises(RequestError, match="a branch that ends without a word"):
        read_graph(path, TOKENS)


def test_words_that_unpack_to_more_than_any_vocabulary_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph_of(tmp_path)
    monkeypatch.setattr(graph_module, "_MOST_TEXT_BYTES", 8)
    with pytest.raises(RequestError, match="more than 8 bytes"):
        read_graph(tmp_path / "graph.bin", TOKENS)


def test_a_header_that_is_nested_too_deep_is_refused(tmp_path: Path) -> None:
    header = b"[" * 100_000
    head = struct.pack("<8sIII", b"RECHKA\0G", 1, len(header), zlib.crc32(header))
    (tmp_path / "graph.bin").write_bytes(head + header)
    with pytest.raises(RequestError, match=r"graph\.bin: its header is malformed"):
        read_graph(tmp_path / "graph.bin", TOKENS)


def test_a_graph_for_other_tokens_is_refused(tmp_path: Path) -> None:
    graph_of(tmp_path)
    with pytest.raises(RequestError, match="compiled for other tokens"):
        read_graph(tmp_path / "graph.bin", ("a", "b", "<blk>"))


def test_a_graph_that_is_not_there_or_of_another_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="No such file"):
        read_graph(tmp_path / "graph.bin", TOKENS)
    graph_of(tmp_path)
    path = tmp_path / "graph.bin"
    data = bytearray(path.read_bytes())
    data[8] = 9
    path.write_bytes(bytes(data))
    with pytest.raises(RequestError, match="got version 9; accepted: 1"):
        read_graph(path, TOKENS)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "ends without"),
        ("\\data\\\nngram 1=1\n\n\\1-grams:\n-1 a\n", "ends without"),
        ("\\data\\\nngram 1=2\n\n\\1-grams:\n-1 a\n\\end\\\n", "got 1 1-grams; its head says 2"),
        ("\\data\\\n\\1-grams:\nx a\n\\end\\\n", "line 3: got 'x a'; accepted: a log-prob"),
        ("\\data\\\n\\2-grams:\n-1 a b\n\\end\\\n", r"line 2: got .*2-grams"),
        ("\\data\\\n\\1-grams:\n-1 a\n\\2-grams:\n-1 a\n\\end\\\n", "line 5"),
        ("\\data\\\nngram -5=0\n\\1-grams:\n-1 a\n\\end\\\n", "line 2: got 'ngram -5=0'"),
        ("\\data\\\n\\1-grams:\n-inf a\n\\end\\\n", "line 3: got '-inf a'"),
        ("\\data\\\n\\1-grams:\n-1 a nan\n\\end\\\n", "line 3: got '-1 a nan'"),
        ("\\data\\\n\\1-grams:\n-1e300 a\n\\end\\\n", "line 3: got '-1e300 a'"),
        ("\\data\\\n\\1-grams:\n\n\\end\\\n", "has no n-grams"),
    ],
)
def test_a_bad_arpa_file_is_refused_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "lm.arpa"
    path.write_text(text)
    with pytest.raises(RequestError, match=rf"lm\.arpa: .*{problem}"):
        read_arpa(path)


def test_gzipped_files_are_read_and_cut_ones_refused(tmp_path: Path) -> None:
    path = tmp_path / "lexicon.txt.gz"
    path.write_bytes(gzip.compress("дом\tд о м\n".encode()))
    assert read_lexicon(path) == [("дом", ("д", "о", "м"))]
    whole = path.read_bytes()
    for broken in (whole[:-6], whole[:10] + bytes(8) + whole[18:], whole[:10] + b"\xff" * 20):
        path.write_bytes(broken)
        with pytest.raises(RequestError, match=r"lexicon\.txt\.gz"):
            read_lexicon(path)


@pytest.mark.parametrize("line", ["word", "word\t", "\ta", "  \ta"])
def test_a_bad_line_of_a_lexicon_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "lexicon.txt"
    path.write_text(f"ab\ta b\n{line}\n")
    with pytest.raises(RequestError, match="line 2: accepted: a word, a tab, tokens"):
        read_lexicon(path)


def test_what_does_not_fit_together_is_not_compiled(tmp_path: Path) -> None:
    graph_of(tmp_path)
    files = {
        "arpa": tmp_path / "lm.arpa",
        "lexicon": tmp_path / "lexicon.txt",
        "tokens": tmp_path / "tokens.txt",
        "output": tmp_path / "graph.bin",
    }
    write_arpa(files["arpa"], {("<s>",): (-99, 0), ("ab",): (-1, 0), ("ab", "see"): (-1, 0)})
    arpa = files["arpa"].read_text().replace("ngram 2=1", "ngram 2=1\nngram 3=1")
    files["arpa"].write_text(arpa.replace("\\end\\", "\\3-grams:\n-1 see ab ab\n\n\\end\\"))
    with pytest.raises(RequestError, match="1 3-grams begin with words that are no 2-gram"):
        compile_graph(**files)
    files["lexicon"].write_text("abd\ta b d\n")
    with pytest.raises(RequestError, match="'abd' has the token 'd', which the model has not"):
        compile_graph(**files)


def test_the_compiler_runs_from_the_command_line(tmp_path: Path) -> None:
    graph_of(tmp_path)
    (tmp_path / "graph.bin").unlink()
    command = [sys.executable, "-m", "rechka.recognition.engines.ctc.compile"]
    for name, file in [("arpa", "lm.arpa"), ("lexicon", "lexicon.txt"), ("tokens", "tokens.txt")]:
        command += [f"--{name}", str(tmp_path / file)]
    command += ["--output", str(tmp_path / "graph.bin")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "words" in done.stdout
    assert spellings(read_graph(tmp_path / "graph.bin", TOKENS)) == set(LEXICON)
    (tmp_path / "lm.arpa").write_text("nonsense")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "lm.arpa: it ends without" in done.stderr


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a 0\nb 2\n<blk> 3\n", "got 3 tokens; accepted: numbers from 0 without a gap"),
        (f"a 0\n<blk> {'1' * 5_000}\n", "line 2: accepted: a token, a space and a new number"),
        ("a 0\n<blk> ١\n", "line 2: accepted: a token, a space and a new number"),
        ("a 0\nb 0\n", "line 2: accepted: a token, a space and a new number"),
        ("a 0\nb\n", "line 2"),
        ("a 0\nb 1\n", "no token is the blank; accepted: <blk>"),
        ("", "got 0 tokens"),
    ],
)
def test_bad_tokens_are_refused(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "tokens.txt"
    path.write_text(text)
    with pytest.raises(RequestError, match=problem):
        read_tokens(path)


@pytest.mark.parametrize("space", ["|", "<space>", "▁", " "])
def test_a_space_among_the_tokens_is_found(tmp_path: Path, space: str) -> None:
    path = tmp_path / "tokens.txt"
    path.write_text(f"a 0\n{space} 1\n<blk> 2\n")
    tokens = read_tokens(path)
    assert (tokens.space, tokens.blank) == (1, 2)
