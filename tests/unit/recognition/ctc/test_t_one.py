"""T-one as its archive comes: what it needs, what it hears, and a language model beside it."""

import gzip
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from fakes.small_language import NGrams, write_arpa
from fakes.tone_models import TONES_HZ, overlaid, tone_model, tones, write_downloaded_t_one
from rechka.audio.samples import Samples
from rechka.errors import RequestError
from rechka.recognition.engines.ctc import language_model
from rechka.recognition.engines.ctc.engine import CtcEngine
from rechka.recognition.port import StreamOptions
from rechka.recognition.registry import create_engine
from rechka.results import Hypothesis

RATE_HZ = 8_000


def engine_of(folder: Path) -> CtcEngine:
    engine = create_engine("ctc", {"models": [str(folder)]})
    assert isinstance(engine, CtcEngine)
    return engine


def hear(engine: CtcEngine, samples: Samples) -> tuple[Hypothesis, ...]:
    options = StreamOptions(
        language="ru-RU", model="general", sample_rate_hz=RATE_HZ, max_alternatives=5
    )
    stream = engine.open(options)
    for piece in np.array_split(samples, 7):
        engine.accept([(stream, piece)])
    return stream.finish()


def word_model(**log_probs: float) -> NGrams:
    """Return words with their base-10 logarithms of probability."""
    table: NGrams = {("<s>",): (-99.0, 0.0), ("</s>",): (-1.0, 0.0)}
    return table | {(word,): (value, 0.0) for word, value in log_probs.items()}


def two_at_once(louder: str, softer: str, rest: str) -> Samples:
    """Return a word that begins with two letters at once, one a little louder."""
    first, second = (tones(letter + rest, rate_hz=RATE_HZ) for letter in (softer, louder))
    return overlaid(first, second, gain=1.004)


def test_a_downloaded_folder_works_with_nothing_but_a_manifest(tmp_path: Path) -> None:
    engine = engine_of(write_downloaded_t_one(tmp_path / "t-one"))
    engine.warm_up()
    (info,) = engine.models
    assert info.sample_rates_hz == (8_000,)
    assert info.max_alternatives == 1
    assert info.has_word_times
    assert info.has_confidences
    assert info.has_trailing_silence
    (best,) = hear(engine, tones("cab da b", rate_hz=RATE_HZ, hear_spaces=True))
    assert best.text == "cab da b"
    # Each letter and space sounds for 120 ms and is followed by 80 ms, after 240 ms.
    expected = [(240, 760), (1040, 1360), (1640, 1760)]
    for word, (start_ms, end_ms) in zip(best.words, expected, strict=True):
        assert abs(word.start_ms - start_ms) <= 30
        assert abs(word.end_ms - end_ms) <= 30
        assert 0.9 < word.confidence < 1


def test_silence_behind_the_last_letter_is_told_without_a_graph(tmp_path: Path) -> None:
    engine = engine_of(write_downloaded_t_one(tmp_path / "t-one"))
    stream = engine.open(StreamOptions(language="ru-RU", model="general", sample_rate_hz=RATE_HZ))
    sound = tones("ab ", rate_hz=RATE_HZ, hear_spaces=True)
    engine.accept([(stream, np.append(sound, np.zeros(RATE_HZ, dtype=np.float32)))])
    observation = stream.observe()
    assert observation.hypothesis.text == "ab"
    # After the last letter: 80 ms, a space of 200 ms and 1000 ms; the model is late by
    # 330 ms and its chunk of 300 ms.
    assert 1_280 - 330 - 300 - 30 <= (observation.trailing_silence_ms or 0) <= 1_280 - 330 + 30


@pytest.mark.parametrize("name", ["lm.arpa", "lm.arpa.gz"])
def test_a_language_model_beside_it_decides_between_sounds(tmp_path: Path, name: str) -> None:
    folder = write_downloaded_t_one(tmp_path / "t-one")
    sound = two_at_once("d", "c", "ab")
    assert hear(engine_of(folder), sound)[0].text == "dab"
    write_arpa(tmp_path / "lm.arpa", word_model(cab=-0.2, dab=-4.0, ё=-1.0))
    data = (tmp_path / "lm.arpa").read_bytes()
    (folder / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    engine = engine_of(folder)
    assert engine.models[0].max_alternatives == 10
    best, other = hear(engine, sound)[:2]
    assert (best.text, other.text) == ("cab", "dab")
    assert best.confidence > other.confidence
    assert abs(best.words[0].start_ms - 240) <= 30
    assert hear(engine, tones("cab dab", rate_hz=RATE_HZ, hear_spaces=True))[0].text == "cab dab"


def test_the_graph_is_kept_and_wins_over_the_language_model(tmp_path: Path) -> None:
    folder = write_downloaded_t_one(tmp_path / "t-one")
    write_arpa(folder / "lm.arpa", word_model(cab=-0.2))
    engine_of(folder)
    files = sorted(path.name for path in folder.iterdir())
    assert "graph.bin" in files
    assert not [name for name in files if name.startswith("graph.bin.")]
    (folder / "lm.arpa").write_text("not read any more")
    assert hear(engine_of(folder), tones("cab", rate_hz=RATE_HZ))[0].text == "cab"


def test_a_folder_that_cannot_be_written_is_served_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_downloaded_t_one(tmp_path / "t-one")
    write_arpa(folder / "lm.arpa", word_model(cab=-0.2))
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert hear(engine_of(folder), two_at_once("d", "c", "ab"))[0].text == "cab"
    assert not (folder / "graph.bin").exists()


def test_a_lexicon_beside_it_spells_words_as_it_likes(tmp_path: Path) -> None:
    folder = write_downloaded_t_one(tmp_path / "t-one")
    write_arpa(folder / "lm.arpa", word_model(taxi=-0.2))
    (folder / "lexicon.txt").write_text("taxi\tc a b\n")
    assert hear(engine_of(folder), tones("cab", rate_hz=RATE_HZ))[0].text == "taxi"


def test_n_grams_of_more_than_three_words_are_left_out(tmp_path: Path) -> None:
    folder = write_downloaded_t_one(tmp_path / "t-one")
    table = word_model(a=-0.5, b=-0.5)
    four = ("a", "b", "a", "b")
    table |= {four[:length]: (-0.1, -0.1) for length in (2, 3)} | {four: (-0.05, 0.0)}
    write_arpa(folder / "lm.arpa", table)
    sound = tones("a b a b", rate_hz=RATE_HZ, hear_spaces=True)
    assert hear(engine_of(folder), sound)[0].text == "a b a b"
    text = (folder / "lm.arpa").read_text().replace("ngram 4=1", "ngram 4=2")
    (folder / "lm.arpa").write_text(text)
    (folder / "graph.bin").unlink()
    with pytest.raises(RequestError, match=r"lm\.arpa: got 1 4-grams; its head says 2"):
        engine_of(folder)


def test_a_large_language_model_is_refused_with_the_command_that_compiles_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_downloaded_t_one(tmp_path / "t-one")
    write_arpa(folder / "lm.arpa", word_model(cab=-0.2, dab=-0.5))
    monkeypatch.setattr(language_model, "_MOST_NGRAMS", 3)
    with pytest.raises(RequestError, match=r"got 4 n-grams; accepted: at most 3") as refusal:
        engine_of(folder)
    python, *arguments = shlex.split(refusal.value.message.partition("run: ")[2])
    assert python == "python"
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    assert hear(engine_of(folder), tones("dab", rate_hz=RATE_HZ))[0].text == "dab"


@pytest.mark.parametrize(
    ("arpa", "problem"),
    [
        ("nonsense", r"lm\.arpa: it ends without"),
        (word_model(дом=-1.0), r"lm\.arpa: none of its 1 words is spelled with the tokens"),
    ],
)
def test_a_language_model_that_does_not_fit_is_refused(
    tmp_path: Path, arpa: str | NGrams, problem: str
) -> None:
    folder = write_downloaded_t_one(tmp_path / "t-one")
    if isinstance(arpa, str):
        (folder / "lm.arpa").write_text(arpa)
    else:
        write_arpa(folder / "lm.arpa", arpa)
    with pytest.raises(RequestError, match=problem):
        engine_of(folder)
    assert not list(folder.glob("graph.bin*"))


def test_pieces_of_words_need_a_lexicon(tmp_path: Path) -> None:
    folder = write_downloaded_t_one(tmp_path / "t-one")
    pieces = ["▁a", "b", "c", "d", "▁", "<blk>"]
    text = "".join(f"{piece} {number}\n" for number, piece in enumerate(pieces))
    (folder / "tokens.txt").write_text(text)
    write_arpa(folder / "lm.arpa", word_model(cab=-0.2))
    with pytest.raises(RequestError, match="tokens are pieces of words; a lexicon is needed"):
        engine_of(folder)


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        (
            {"frame_length_ms": 30},
            "metadata frame_length_ms: got 30; accepted: 300, the length of 2400 samples",
        ),
        ({"frame_length_ms": None}, "frame_length_ms: got None; accepted: a number from 1"),
        ({"sample_rate": 16_000}, "frame_length_ms: got 300; accepted: 150"),
        ({"sample_rate": "8 kHz"}, "sample_rate: got '8 kHz'; accepted: a number from 1"),
        ({"state_dim": "--5"}, "state_dim: got '--5'; accepted: a number from 1"),
        ({"state_dim": 7}, r"it does not run on silence: .*state"),
        ({"delay_ms": -1}, "delay_ms: got '-1'; accepted: a number from 0"),
    ],
)
def test_wrong_metadata_are_refused(
    tmp_path: Path, metadata: Mapping[str, object], problem: str
) -> None:
    folder = write_downloaded_t_one(tmp_path / "t-one")
    onnx.save(tone_model(hears_spaces=True, **metadata), folder / "model.onnx")
    with pytest.raises(RequestError, match=rf"model\.onnx: .*{problem}"):
        engine_of(folder)


def test_inputs_of_other_types_and_shapes_are_refused(tmp_path: Path) -> None:
    folder = write_downloaded_t_one(tmp_path / "t-one")
    model = tone_model(hears_spaces=True)
    signal = model.graph.input[0].type.tensor_type
    signal.shape.dim[1].ClearField("dim_value")
    onnx.save(model, folder / "model.onnx")
    with pytest.raises(RequestError, match="input signal: got length None; accepted: a fixed"):
        engine_of(folder)
    # Both are cast before anything else is done with them.
    model = tone_model(hears_spaces=True)
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT
    onnx.save(model, folder / "model.onnx")
    with pytest.raises(RequestError, match=r"signal tensor\(float\), .*accepted: signal tensor\(i"):
        engine_of(folder)
    model = tone_model(hears_spaces=True)
    model.graph.input[1].type.tensor_type.elem_type = TensorProto.INT32
    onnx.save(model, folder / "model.onnx")
    with pytest.raises(RequestError, match=r"input state: got tensor\(int32\); accepted: tensor"):
        engine_of(folder)


def test_tokens_of_another_number_are_refused(tmp_path: Path) -> None:
    folder = write_downloaded_t_one(tmp_path / "t-one")
    inventory = [*TONES_HZ, "<blk>"]
    text = "".join(f"{token} {number}\n" for number, token in enumerate(inventory))
    (folder / "tokens.txt").write_text(text)
    with pytest.raises(RequestError, match=r"got 5 tokens; accepted: the 6 of model\.onnx"):
        engine_of(folder)
