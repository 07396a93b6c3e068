"""What the beam search walks through: words, their pronunciations and n-grams of words."""

import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rechka.recognition.engines.ctc.graph_file import read_arrays, whole_numbers
from rechka.recognition.engines.ctc.ngrams import NGrams
from rechka.recognition.model_folders import refuse_file

__all__ = ["TREE", "Graph", "Tree", "read_graph"]

# Ten million words of 25 bytes; a short file could unpack to a thousand times its size.
_MOST_TEXT_BYTES = 256 * 1024**2
Integers = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.int32]

# `node_token`, `first_child`, `lookahead`, `first_entry` and `entry_word` of a graph.
Tree = tuple[npt.NDArray[np.int16], Numbers, npt.NDArray[np.float32], Numbers, Numbers]
TREE = "Tuple((i2[::1], i4[::1], f4[::1], i4[::1], i4[::1]))"
"""What a `Tree` is in a signature of a compiled function."""


class Graph:
    """A prefix tree of pronunciations and a language model. Constant; shared by streams.

    Attributes:
        node_token: Token on the way into each node, shape (nodes,).
        first_child: First child of each node, shape (nodes + 2,); the next node's
            first child ends them.
        lookahead: Largest log-probability of a word at or below each node, float32.
        first_entry: First pronunciation that ends in each node, shape (nodes + 2,).
        end_node: One more node that has neither children nor pronunciations: a word
            has ended, and the space behind it is still to come.
        entry_word: The word of each pronunciation.
        ngrams: The language model.
    """

    def __init__(self, path: Path) -> None:
        facts, arrays = read_arrays(path)
        self.tokens: tuple[str, ...] = tuple(facts["tokens"])
        node_token = whole_numbers(arrays, "node_token")
        children = whole_numbers(arrays, "node_children")
        nodes = len(node_token)
        if not nodes or len(children) != nodes or children.sum() != nodes - 1:
            raise ValueError("the tree's counts of children do not add up")
        if int(node_token.max()) >= len(self.tokens):
            raise ValueError("the tree has tokens that are not there")
        self.node_token = node_token.astype(np.int16)
        self.first_child = (np.cumsum(children) - children + 1).astype(np.int32)
        if (self.first_child <= np.arange(nodes)).any():
            raise ValueError("the tree has a child before its parent")
        self.end_node = nodes
        self.first_child = np.append(self.first_child, np.full(2, nodes, dtype=np.int32))
        levels = arrays["node_lookahead_levels"].astype(np.float32)
        self.lookahead = levels[whole_numbers(arrays, "node_lookahead")]
        entry_node = whole_numbers(arrays, "entry_node")
        entry_word = whole_numbers(arrays, "entry_word")
        self._text = _unpacked(arrays["word_text"].tobytes())
        breaks = np.flatnonzero(np.frombuffer(self._text, dtype=np.uint8) == ord("\n"))
        self._word_end = np.append(breaks, len(self._text)).astype(np.int32)
        if len(self.lookahead) != nodes or len(entry_node) != len(entry_word):
            raise ValueError("its arrays are of different lengths")
        if not len(entry_node) or (np.diff(entry_node) < 0).any() or int(entry_node[-1]) >= nodes:
            raise ValueError("its pronunciations are not sorted")
        if int(entry_word.max()) >= self.words:
            raise ValueError("its pronunciations are of words that are not there")
        if not np.isfinite(self.lookahead).all():
            raise ValueError("its tree has values that are no numbers")
        if not np.isin(np.flatnonzero(children == 0), entry_node).all():
            raise ValueError("the tree has a branch that ends without a word")
        self.entry_word = entry_word.astype(np.int32)
        self.first_entry = np.searchsorted(entry_node, np.arange(nodes + 2)).astype(np.int32)
        self.ngrams = NGrams(self.words, arrays)

    @property
    def tree(self) -> Tree:
        """The prefix tree as compiled functions take it."""
        return (
            self.node_token,
            self.first_child,
            self.lookahead,
            self.first_entry,
            self.entry_word,
        )

    @property
    def words(self) -> int:
        """How many words there are."""
        return len(self._word_end)

    def text(self, word: int) -> str:
        """Return a word's text."""
        begin = self._word_end[word - 1] + 1 if word else 0
        return self._text[begin : self._word_end[word]].decode()

    def likeliest(self, node: int) -> int:
        """Return the most frequent word at or below a node that is not the root."""
        while True:
            begin, end = int(self.first_child[node]), int(self.first_child[node + 1])
            child = begin + int(self.lookahead[begin:end].argmax()) if begin < end else node
            words = self.entry_word[self.first_entry[node] : self.first_entry[node + 1]].astype(int)
            if len(words) and (child == node or self.lookahead[child] < self.lookahead[node]):
                scores, _ = self.ngrams.score(np.zeros(len(words), dtype=np.int64), words)
                return int(words[scores.argmax()])
            node = child

    def find(self, texts: frozenset[str]) -> dict[str, int]:
        """Return the words among the texts that are in the vocabulary, with their numbers."""
        wanted = {text.encode(): text for text in texts}
        lines = self._text.split(b"\n")
        return {wanted[line]: number for number, line in enumerate(lines) if line in wanted}

    def parents(self, nodes: Integers) -> Integers:
        """Return each node's parent; the root's is the root."""
        return np.maximum(np.searchsorted(self.first_child[:-1], nodes, side="right") - 1, 0)

    def nodes_of(self, word: int) -> Integers:
        """Return the nodes where the word's pronunciations end."""
        entries = np.flatnonzero(self.entry_word == word)
        return np.searchsorted(self.first_entry, entries, side="right") - 1


def _unpacked(packed: bytes) -> bytes:
    """Return the text of all words, which is UTF-8 and not endless."""
    unpacking = zlib.decompressobj()
    text = unpacking.decompress(packed, _MOST_TEXT_BYTES)
    if not unpacking.eof:
        raise ValueError(f"its words are cut off, or have more than {_MOST_TEXT_BYTES} bytes")
    text.decode()
    return text


def read_graph(path: Path, tokens: tuple[str, ...]) -> Graph:
    """Read a compiled graph.

    Args:
        path: `graph.bin`.
        tokens: Texts of the model's tokens.

    Raises:
        RequestError: The file is no good, or was compiled for other tokens.
    """
    try:
        graph = Graph(path)
    except (ValueError, KeyError, IndexError, TypeError, zlib.error) as error:
        raise refuse_file(path, f"it is malformed: {error}") from None
    if graph.tokens != tokens:
        raise refuse_file(path, "it was compiled for other tokens; compile it again")
    return graph
