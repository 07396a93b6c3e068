"""Decoding by the best tokens: words at spaces or at the marks of pieces."""

from pathlib import Path

import numpy as np
import pytest

from rechka.recognition.engines.ctc.greedy import GreedyDecoder
from rechka.recognition.engines.ctc.readings import Calibration
from rechka.recognition.engines.ctc.tokens import read_tokens


def decode(folder: Path, tokens: list[str], said: str, *, sure: float = 9.0) -> GreedyDecoder:
    path = folder / "tokens.txt"
    path.write_text("".join(f"{token} {number}\n" for number, token in enumerate(tokens)))
    rows = [tokens.index(token) for token in said.split(" ")]
    logits = np.zeros((len(rows), len(tokens)))
    logits[np.arange(len(rows)), rows] = sure
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    decoder = GreedyDecoder(read_tokens(path), Calibration())
    for row in log_probs.astype(np.float32):
        decoder.accept(row[None])
    return decoder


def test_repeats_collapse_and_a_blank_doubles(tmp_path: Path) -> None:
    said = "<blk> a a b <blk> b | | a <blk>"
    (reading,) = decode(tmp_path, ["a", "b", "|", "<blk>"], said).finish(3)
    words = [(word.text, word.start, word.end) for word in reading.words]
    assert words == [("abb", 1, 6), ("a", 8, 9)]


def test_pieces_begin_words_by_their_mark(tmp_path: Path) -> None:
    tokens = ["▁so", "me", "▁", "a", "<blk>"]
    (reading,) = decode(tmp_path, tokens, "▁so me <blk> ▁so ▁ a a").finish(1)
    assert reading.text == "some so a"


def test_the_silence_is_counted_from_the_last_token(tmp_path: Path) -> None:
    assert decode(tmp_path, ["a", "<blk>"], "<blk> <blk>").silent_frames == 2
    assert decode(tmp_path, ["a", "<blk>"], "<blk> a a <blk> <blk> <blk>").silent_frames == 3


def test_less_sure_tokens_are_less_confident(tmp_path: Path) -> None:
    sure = decode(tmp_path, ["a", "b", "<blk>"], "a b", sure=8.0).observe()
    unsure = decode(tmp_path, ["a", "b", "<blk>"], "a b", sure=1.0).observe()
    assert 0 < unsure.confidence < sure.confidence < 1
    assert unsure.words[0].confidence == pytest.approx(unsure.confidence)


def test_nothing_is_no_reading(tmp_path: Path) -> None:
    assert decode(tmp_path, ["a", "<blk>"], "<blk> <blk>").finish(1) == []
