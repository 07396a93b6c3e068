"""Finds the language model that lies beside an acoustic model."""

import fcntl
import os
import shlex
import tempfile
from pathlib import Path

import structlog

from rechka.recognition.engines.ctc.arpa import count_ngrams
from rechka.recognition.engines.ctc.compile import compile_graph
from rechka.recognition.engines.ctc.graph import Graph, read_graph
from rechka.recognition.engines.ctc.kenlm_words import KenlmWords
from rechka.recognition.engines.ctc.tokens import Tokens
from rechka.recognition.model_folders import refuse_file

__all__ = ["load_graph", "load_words"]

_log = structlog.get_logger()

_GRAPH_NAME = "graph.bin"
_ARPA_NAMES = ("lm.arpa", "lm.arpa.gz")
_LEXICON_NAMES = ("lexicon.txt", "lexicon.txt.gz")
_KENLM_NAME = "kenlm.bin"
# A graph of so many took 12 s of one core and 1.3 GB, while a server waits for it.
_MOST_NGRAMS = 2_000_000


def load_graph(folder: Path, tokens_path: Path, tokens: Tokens) -> Graph | None:
    """Return the graph of a model's folder.

    `graph.bin` is read where it is there. Else `lm.arpa` or `lm.arpa.gz` is compiled, with
    `lexicon.txt` where that is there, and the graph is kept as `graph.bin`, if the folder
    can be written to.

    Args:
        folder: Of the model.
        tokens_path: Its `tokens.txt`.
        tokens: What is in there.

    Returns:
        None if there is no language model.

    Raises:
        RequestError: A file is no good, does not fit the model, or is too large to be
            compiled while a server starts.
    """
    graph = folder / _GRAPH_NAME
    if graph.exists():
        return read_graph(graph, tokens.texts)
    arpa = _first(folder, _ARPA_NAMES)
    if arpa is None:
        return None
    lexicon = _first(folder, _LEXICON_NAMES)
    count = count_ngrams(arpa)
    if count > _MOST_NGRAMS:
        command = ["python", "-m", "rechka.recognition.engines.ctc.compile", "--arpa", str(arpa)]
        command += [] if lexicon is None else ["--lexicon", str(lexicon)]
        command += ["--tokens", str(tokens_path), "--output", str(graph)]
        raise refuse_file(
            arpa,
            f"got {count:,} n-grams; accepted: at most {_MOST_NGRAMS:,} to be compiled at the "
            f"start; run: {shlex.join(command)}",
        )
    with arpa.open("rb") as file:
        # The workers of a server start together: one compiles, the others wait for it.
        fcntl.flock(file, fcntl.LOCK_EX)
        if graph.exists():
            return read_graph(graph, tokens.texts)
        return _compile(arpa, lexicon=lexicon, tokens_path=tokens_path, tokens=tokens, kept=graph)


def load_words(folder: Path, tokens: Tokens) -> KenlmWords | None:
    """Return the language model of `kenlm.bin`, for a folder that no graph is made of.

    Args:
        folder: Of the model.
        tokens: Inventory of the model.

    Returns:
        None if the file is not there.

    Raises:
        RequestError: The file is no good, its package is not installed, or the tokens
            are no letters with a space between words.
    """
    path = folder / _KENLM_NAME
    if not path.is_file():
        return None
    others = [text for number, text in enumerate(tokens.texts) if number != tokens.blank]
    if tokens.space is None or max(map(len, others)) > 1:
        raise refuse_file(path, "got a model of other tokens; accepted: letters and a space")
    return KenlmWords(path)


def _compile(
    arpa: Path, *, lexicon: Path | None, tokens_path: Path, tokens: Tokens, kept: Path
) -> Graph:
    with tempfile.TemporaryDirectory(prefix="rechka-graph-") as temporary:
        place = kept.parent if os.access(kept.parent, os.W_OK) else Path(temporary)
        # Under its name it is never seen half written.
        output = place / f"{kept.name}.{os.getpid()}"
        try:
            counts = compile_graph(arpa=arpa, lexicon=lexicon, tokens=tokens_path, output=output)
            graph = read_graph(output, tokens.texts)
            if place == kept.parent:
                output.replace(kept)
        finally:
            output.unlink(missing_ok=True)
    _log.info("graph_compiled", **counts)
    return graph


def _first(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)
