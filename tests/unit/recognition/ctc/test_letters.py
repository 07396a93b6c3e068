"""The search over letters against the definition, and a KenLM file beside T-one."""

import itertools
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.small_language import NGrams, log_prob, random_ngrams, write_arpa, write_kenlm
from fakes.tone_models import overlaid, tones, write_downloaded_t_one, write_model
from rechka.audio.samples import Samples
from rechka.errors import RequestError
from rechka.recognition.engines.ctc import letters
from rechka.recognition.engines.ctc.beam import BeamParameters
from rechka.recognition.engines.ctc.engine import CtcEngine
from rechka.recognition.engines.ctc.kenlm_words import KenlmWords
from rechka.recognition.engines.ctc.letters import LetterDecoder
from rechka.recognition.engines.ctc.readings import Calibration
from rechka.recognition.engines.ctc.tokens import Tokens
from rechka.recognition.port import StreamOptions
from rechka.recognition.registry import create_engine
from rechka.results import Hypothesis

pytest.importorskip("kenlm", reason="kenlm is not installed")

TOKENS = Tokens(("a", "b", " ", "<blk>"), blank=3, space=2)
WIDE = BeamParameters(lm_weight=0.7, word_bonus=0.4, beam=100_000, score_beam=500.0)
UNKNOWN: NGrams = {("<unk>",): (-3.0, 0.0)}


def decoder(
    folder: Path, table: NGrams, parameters: BeamParameters = WIDE, tokens: Tokens = TOKENS
) -> LetterDecoder:
    write_kenlm(folder / "kenlm.bin", table)
    words = KenlmWords(folder / "kenlm.bin")
    return LetterDecoder(tokens, words, parameters=parameters, calibration=Calibration())


def spelled(outputs: str, *, sure: float = 9.0) -> np.ndarray:
    """Return outputs that are sure of a token a frame; "-" is the blank."""
    rows = [TOKENS.texts.index(token) if token != "-" else 3 for token in outputs]
    logits = np.zeros((len(rows), 4))
    logits[np.arange(len(rows)), rows] = sure
    log_probs: np.ndarray = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return log_probs.astype(np.float32)


def by_definition(log_probs: np.ndarray, table: NGrams) -> dict[str, float]:
    """Return the score of each text: all of its alignments, and its words' prior."""
    sums: dict[str, float] = {}
    for path in itertools.product(range(4), repeat=len(log_probs)):
        collapsed = [token for token, _ in itertools.groupby(path) if token != TOKENS.blank]
        text = " ".join("".join(TOKENS.texts[token] for token in collapsed).split())
        score = sum(float(log_probs[frame, token]) for frame, token in enumerate(path))
        sums[text] = sums.get(text, 0.0) + math.exp(score)
    return {text: math.log(value) + prior(text.split(), table) for text, value in sums.items()}


def prior(words: Sequence[str], table: NGrams) -> float:
    context = ["<s>"]
    total = 0.0
    for word in (*words, "</s>"):
        is_known = (word,) in table
        name = word if is_known else "<unk>"
        total += log_prob(table, context, name) - (0.0 if is_known else 10.0)
        context.append(name)
    return WIDE.lm_weight * total * math.log(10) + WIDE.word_bonus * len(words)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 10_000), frames=st.integers(1, 5), order=st.integers(1, 3))
def test_readings_are_those_of_the_definition(
    tmp_path: Path, seed: int, frames: int, order: int
) -> None:
    rng = np.random.default_rng(seed)
    table = random_ngrams(["a", "ab", "ba", "b"], order, rng) | UNKNOWN
    logits = rng.normal(0.0, 1.5, (frames, 4))
    log_probs = (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)
    expected = by_definition(log_probs, table)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(letters, "_TOKEN_BEAM", 500.0)
        ours = decoder(tmp_path, table)
        ours.accept(log_probs)
    finals: dict[str, float] = {}
    for prefix in ours._beam:
        text = " ".join(word.text for word in ours._chain(prefix))
        final = ours._completed(prefix, prefix.total) if prefix.text else prefix
        score = final.score + WIDE.lm_weight * ours._words.end(final.state)
        finals[text] = np.logaddexp(finals.get(text, -np.inf), score)
    # In each frame the best token counts as certain.
    best_path = float(log_probs.max(axis=1).sum())
    assert finals.keys() == expected.keys()
    for text, score in expected.items():
        assert finals[text] + best_path == pytest.approx(score, abs=1e-3), text
    best = max(expected, key=lambda text: expected[text])
    readings = ours.finish(5)
    assert (readings[0].text if readings else "") == best


def test_words_have_the_frames_of_their_letters(tmp_path: Path) -> None:
    table = random_ngrams(["ab", "ba"], 2, np.random.default_rng(0)) | UNKNOWN
    ours = decoder(tmp_path, table, BeamParameters())
    ours.accept(spelled("--aab-  bba---"))
    assert ours.observe().text == "ab ba"
    assert ours.silent_frames == 3
    (best, *_) = ours.finish(1)
    frames = [(word.text, word.start, word.end) for word in best.words]
    assert frames == [("ab", 2, 5), ("ba", 8, 11)]
    assert all(word.confidence > 0.9 for word in best.words)


def test_a_doubled_letter_needs_a_blank(tmp_path: Path) -> None:
    ours = decoder(tmp_path, random_ngrams(["a"], 1, np.random.default_rng(0)) | UNKNOWN)
    ours.accept(spelled("aa-a b b", sure=20.0))
    assert ours.finish(1)[0].text == "aa b b"


def test_nothing_but_blanks_and_spaces_is_no_reading(tmp_path: Path) -> None:
    table = random_ngrams(["a"], 1, np.random.default_rng(0)) | UNKNOWN
    ours = decoder(tmp_path, table, BeamParameters())
    ours.accept(spelled("-- - "))
    assert ours.silent_frames == 5
    assert ours.finish(3) == []
    assert decoder(tmp_path, table).finish(3) == []


def hear(folder: Path, samples: Samples) -> tuple[Hypothesis, ...]:
    engine = create_engine("ctc", {"models": [str(folder)]})
    assert isinstance(engine, CtcEngine)
    assert engine.models[0].max_alternatives == 10
    stream = engine.open(
        StreamOptions(language="ru-RU", model="general", sample_rate_hz=8_000, max_alternatives=5)
    )
    for piece in np.array_split(samples, 5):
        engine.accept([(stream, piece)])
    return stream.finish()


def test_a_file_of_kenlm_beside_t_one_decides_between_sounds(tmp_path: Path) -> None:
    folder = write_downloaded_t_one(tmp_path / "t-one")
    one, other = (tones(f"{word} ", rate_hz=8_000, hear_spaces=True) for word in ("cab", "dab"))
    table: NGrams = {("<s>",): (-99.0, 0.0), ("</s>",): (-1.0, 0.0)} | UNKNOWN
    write_kenlm(folder / "kenlm.bin", table | {("cab",): (-0.3, 0.0), ("dab",): (-3.0, 0.0)})
    mixed = overlaid(one, other, gain=1.004)
    best, second = hear(folder, mixed)[:2]
    assert (best.text, second.text) == ("cab", "dab")
    assert best.confidence >= second.confidence
    assert abs(best.words[0].start_ms - 240) <= 30
    write_kenlm(folder / "kenlm.bin", table | {("cab",): (-3.0, 0.0), ("dab",): (-0.3, 0.0)})
    assert hear(folder, mixed)[0].text == "dab"
    # A word that the file does not know comes out all the same.
    said = tones("bad cab", rate_hz=8_000, hear_spaces=True)
    assert hear(folder, said)[0].text == "bad cab"


def test_longer_n_grams_than_three_words_count(tmp_path: Path) -> None:
    folder = write_downloaded_t_one(tmp_path / "t-one")
    table: NGrams = {("<s>",): (-99.0, -0.1), ("</s>",): (-1.0, 0.0)} | UNKNOWN
    table |= {(word,): (-1.0, -0.1) for word in ("a", "b", "c", "d")}
    phrase = ("a", "b", "a", "b")
    table |= {phrase[:length]: (-1.0, -0.1) for length in (2, 3)}
    table |= {(*phrase[:3], "c"): (-0.01, 0.0), (*phrase[:3], "d"): (-6.0, 0.0)}
    write_kenlm(folder / "kenlm.bin", table)
    one, other = (tones(f"a b a {word}", rate_hz=8_000, hear_spaces=True) for word in ("c", "d"))
    mixed = overlaid(one, other, gain=1.004)
    assert hear(folder, mixed)[0].text == "a b a c"


def test_a_graph_wins_over_a_file_of_kenlm(tmp_path: Path) -> None:
    folder = write_downloaded_t_one(tmp_path / "t-one")
    (folder / "kenlm.bin").write_text("not read")
    table: NGrams = {("<s>",): (-99.0, 0.0), ("</s>",): (-1.0, 0.0), ("cab",): (-0.3, 0.0)}
    write_arpa(folder / "lm.arpa", table)
    assert hear(folder, tones("cab", rate_hz=8_000))[0].text == "cab"


def test_a_file_that_cannot_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_downloaded_t_one(tmp_path / "t-one")
    (folder / "kenlm.bin").write_bytes(b"mmap lm http://kheafield.com/code format version 9\n\0")
    with pytest.raises(RequestError, match=r"kenlm\.bin: kenlm cannot load it: "):
        create_engine("ctc", {"models": [str(folder)]})
    monkeypatch.setitem(sys.modules, "kenlm", None)
    with pytest.raises(RequestError, match=r"kenlm\.bin: it is read by the package kenlm, which"):
        create_engine("ctc", {"models": [str(folder)]})


def test_a_model_without_a_space_is_refused_with_a_file_of_kenlm(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", contract="t-one", words=None)
    (folder / "kenlm.bin").write_text("not read")
    with pytest.raises(RequestError, match=r"kenlm\.bin: got a model of other tokens; accepted"):
        create_engine("ctc", {"models": [str(folder)]})
