"""The engine on a model of Kaldi that hears tones: words, times, pauses, readings, refusals."""

import math
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.tone_kaldi import LETTER_MS, RATE_HZ, WORD_GAP_MS, said, write_kaldi, write_vosk_model
from fakes.tone_models import WORDS, overlaid
from rechka.errors import RequestError, UnavailableError
from rechka.recognition.port import EngineStream, StreamOptions
from rechka.recognition.registry import create_engine
from rechka.settings import RecognitionSettings
from rechka.worker import ProcessLauncher

pytest.importorskip("vosk", reason="vosk is not installed")
from rechka.recognition.engines.vosk.engine import VoskEngine


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_vosk_model(tmp_path_factory.mktemp("models") / "tones")


def engine_of(*folders: Path, **options: object) -> VoskEngine:
    engine = create_engine("vosk", {"models": [str(path) for path in folders], **options})
    assert isinstance(engine, VoskEngine)
    return engine


def open_in(engine: VoskEngine, *, max_alternatives: int = 1) -> EngineStream:
    info = engine.models[0]
    return engine.open(
        StreamOptions(
            language=info.language,
            model=info.tags[0],
            sample_rate_hz=RATE_HZ,
            max_alternatives=max_alternatives,
        )
    )


def test_tones_become_words_with_the_times_of_the_tones(folder: Path) -> None:
    engine = engine_of(folder)
    (info,) = engine.models
    assert (info.max_alternatives, info.has_confidences, info.has_word_times) == (1, True, True)
    stream = open_in(engine)
    # The second time shows that times begin anew.
    for _ in range(2):
        engine.accept([(stream, said("cab ba bad"))])
        (best,) = stream.finish()
        assert best.text == "cab ba bad"
        start_ms = WORD_GAP_MS
        for word in best.words:
            end_ms = start_ms + len(word.text) * LETTER_MS
            assert abs(word.start_ms - start_ms) <= 40
            assert abs(word.end_ms - end_ms) <= 40
            assert word.confidence > 0.9
            start_ms = end_ms + WORD_GAP_MS
        assert best.confidence > 0.9


def test_a_text_grows_while_it_is_heard(folder: Path) -> None:
    engine = engine_of(folder)
    stream = open_in(engine)
    texts = []
    for piece in np.array_split(said("cab ba bad"), 12):
        engine.accept([(stream, piece)])
        texts.append(stream.observe().hypothesis.text)
    assert texts[0] == ""
    assert "cab" in texts
    assert "cab ba" in texts
    assert stream.finish()[0].text == "cab ba bad"
    assert stream.observe().hypothesis.text == ""


def test_pauses_within_an_utterance_lose_no_word(folder: Path) -> None:
    engine = engine_of(folder)
    stream = open_in(engine)
    # The library ends a segment of its own after half a second.
    sound = said("cab ba bad", ms_between=1_500)
    for piece in np.array_split(sound, 30):
        engine.accept([(stream, piece)])
    assert stream.observe().hypothesis.text == "cab ba bad"
    (best,) = stream.finish()
    assert best.text == "cab ba bad"
    starts = [word.start_ms for word in best.words]
    expected = [1_500, 1_500 + 360 + 1_500, 1_500 + 360 + 1_500 + 240 + 1_500]
    assert all(abs(got - start) <= 40 for got, start in zip(starts, expected, strict=True))


def test_an_utterance_that_ends_in_a_pause_leaves_nothing_to_the_next(folder: Path) -> None:
    engine = engine_of(folder)
    stream = open_in(engine)
    silence = np.zeros(2 * RATE_HZ, dtype=np.float32)
    engine.accept([(stream, np.append(said("cab"), silence))])
    assert stream.finish()[0].text == "cab"
    engine.accept([(stream, said("bad"))])
    (best,) = stream.finish()
    assert best.text == "bad"
    assert abs(best.words[0].start_ms - WORD_GAP_MS) <= 40


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cuts=st.lists(st.integers(1, 60_000), max_size=8))
def test_any_cut_gives_the_same_readings(folder: Path, cuts: list[int]) -> None:
    engine = engine_of(folder)
    samples = said("cab abc ba", ms_between=700)
    whole, cut = (open_in(engine) for _ in range(2))
    engine.accept([(whole, samples)])
    for part in np.split(samples, sorted(set(cuts) & set(range(1, len(samples))))):
        engine.accept([(cut, part)])
    assert cut.observe() == whole.observe()
    assert cut.finish() == whole.finish()


def test_a_last_word_that_ends_with_the_audio_is_not_lost(folder: Path) -> None:
    engine = engine_of(folder)
    sound = said("cab bad")
    sound = sound[: len(sound) - WORD_GAP_MS * RATE_HZ // 1000]
    for short in (0, 113, 801, 1_599):
        stream = open_in(engine)
        engine.accept([(stream, sound[: len(sound) - short])])
        (best,) = stream.finish()
        assert best.text == "cab bad"
        assert best.words[-1].end_ms <= (len(sound) - short) * 1000 // RATE_HZ


def test_several_readings_have_shares_and_no_confidences_of_words(folder: Path) -> None:
    engine = engine_of(folder, alternatives=3)
    (info,) = engine.models
    assert (info.max_alternatives, info.has_confidences) == (3, False)
    stream = open_in(engine, max_alternatives=3)
    engine.accept([(stream, overlaid(said("bad"), said("cad"), gain=1.05))])
    first, second = stream.finish()[:2]
    assert {first.text, second.text} == {"bad", "cad"}
    assert 1 > first.confidence > second.confidence > 0
    assert first.confidence + second.confidence <= 1 + 1e-9  # Shares are rounded.
    # A stream that wants one gets the library's confidences.
    stream = open_in(engine)
    engine.accept([(stream, overlaid(said("bad"), said("cad"), gain=1.05))])
    (only,) = stream.finish()
    assert 0 < only.words[0].confidence < 1


def test_readings_of_segments_are_joined_with_one_of_them_changed(folder: Path) -> None:
    engine = engine_of(folder, alternatives=5)
    stream = open_in(engine, max_alternatives=5)
    engine.accept([(stream, overlaid(said("bad"), said("cad"), gain=1.05))])
    engine.accept([(stream, np.zeros(RATE_HZ, dtype=np.float32))])
    engine.accept([(stream, said("abc"))])
    readings = stream.finish()
    assert {reading.text for reading in readings[:2]} == {"bad abc", "cad abc"}
    assert all(len(reading.words) == 2 for reading in readings[:2])
    confidences = [reading.confidence for reading in readings]
    assert confidences == sorted(confidences, reverse=True)


def test_models_of_several_languages_are_served_and_tags_choose(tmp_path: Path) -> None:
    for name, language, likely in (("one", "tr-TR", "bad"), ("two", "ru-RU", "cad")):
        costs = [1.0 if word == likely else 6.0 for word in WORDS]
        write_vosk_model(tmp_path / name, language=language, name=name, costs=costs)
    engine = engine_of(tmp_path)
    assert {model.language for model in engine.models} == {"tr-TR", "ru-RU"}
    texts = {}
    for language in ("tr-TR", "ru-RU"):
        stream = engine.open(
            StreamOptions(language=language, model="general:rc", sample_rate_hz=RATE_HZ)
        )
        engine.accept([(stream, overlaid(said("bad"), said("cad"), gain=0.6))])
        texts[language] = stream.finish()[0].text
    assert texts == {"tr-TR": "bad", "ru-RU": "cad"}
    chosen = engine_of(tmp_path, tags={"one": ["special"], "two": []})
    assert [(model.name, model.tags) for model in chosen.models] == [("one", ("special",))]
    with pytest.raises(RequestError, match="no tag selects any model"):
        engine_of(tmp_path, tags={"one": [], "two": []})
    with pytest.raises(RequestError, match="got a model named 'three'; accepted: one, two"):
        engine_of(tmp_path, tags={"three": ["general"]})


@pytest.mark.parametrize("is_old", [False, True])
def test_the_files_may_lie_beside_the_manifest_and_be_of_the_old_kind(
    tmp_path: Path, *, is_old: bool
) -> None:
    folder = write_vosk_model(tmp_path / "model")
    shutil.rmtree(folder / "vosk-model-tones")
    write_kaldi(folder, is_old=is_old)
    engine = engine_of(folder)
    engine.warm_up()
    stream = open_in(engine)
    engine.accept([(stream, said("cab bad"))])
    assert stream.finish()[0].text == "cab bad"


def test_streams_advice_is_the_models_unless_set(folder: Path, tmp_path: Path) -> None:
    own = write_vosk_model(tmp_path / "model", extra="max_streams = 7\n")
    assert engine_of(own).models[0].max_streams == 7
    assert engine_of(own, max_streams=3).models[0].max_streams == 3
    assert engine_of(folder).models[0].max_streams == 128


def test_what_no_model_serves_is_refused(folder: Path) -> None:
    engine = engine_of(folder)
    for change in ({"language": "xx-XX"}, {"model": "poems"}, {"sample_rate_hz": 8_000}):
        asked = {"language": "tr-TR", "model": "general", "sample_rate_hz": RATE_HZ} | change
        with pytest.raises(RequestError, match="accepted"):
            engine.open(StreamOptions(**asked))  # type: ignore[arg-type]


def test_a_closed_stream_takes_no_audio(folder: Path) -> None:
    engine = engine_of(folder)
    stream = open_in(engine)
    stream.close()
    with pytest.raises(RuntimeError, match="the stream is closed"):
        engine.accept([(stream, said("cab"))])


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, r"engine_options\.models: got \[\]; accepted: at least one folder"),
        (
            {"models": ["/nowhere"]},
            r"/nowhere: no model of the engine 'vosk' is there; accepted: a folder",
        ),
        ({"models": ["x"], "alternatives": 0}, r"alternatives: got 0; accepted: a number from 1"),
        ({"models": ["x"], "grammar": "x"}, "unknown option; accepted: models, tags"),
    ],
)
def test_bad_options_are_named(options: dict[str, object], problem: str) -> None:
    with pytest.raises(RequestError, match=problem):
        create_engine("vosk", options)


Change = Callable[[Path], object]


def without(name: str) -> Change:
    return lambda kaldi: (kaldi / name).unlink()


def holding(name: str, data: bytes) -> Change:
    return lambda kaldi: (kaldi / name).write_bytes(data)


def replaced(name: str, old: str, new: str) -> Change:
    def change(kaldi: Path) -> None:
        text = (kaldi / name).read_text()
        assert old in text
        (kaldi / name).write_text(text.replace(old, new))

    return change


def halved(name: str) -> Change:
    return lambda kaldi: (kaldi / name).write_bytes(
        (kaldi / name).read_bytes()[: (kaldi / name).stat().st_size // 2]
    )


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (shutil.rmtree, r"got none; accepted: the files of one model of vosk"),
        (lambda kaldi: write_kaldi(kaldi.with_name("other")), "got other, vosk-model-tones; acc"),
        (without("am/final.mdl"), "got none; accepted: the files of one model of vosk"),
        (holding("am/final.mdl", b"PK\3\4"), r"final\.mdl: got b'PK.*accepted: a model of Kaldi"),
        (halved("am/final.mdl"), "vosk cannot load it"),
        (without("conf/mfcc.conf"), r"mfcc\.conf: .*No such file"),
        (holding("conf/mfcc.conf", b"nonsense"), "line 1: got 'nonsense'; accepted: --name=value"),
        (replaced("conf/mfcc.conf", "=16000", "=8000"), r"got 8000; accepted: 16000, which model"),
        (replaced("conf/mfcc.conf", "=16000", "=fast"), r"frequency: got 'fast'; accepted: a num"),
        (without("conf/model.conf"), r"model\.conf: .*No such file"),
        (holding("conf/model.conf", b""), r"silence-phones: got ''; accepted: numbers with"),
        (replaced("conf/model.conf", "phones=1", "phones=x"), r"phones: got 'x'; accepted: numb"),
        (without("graph/HCLG.fst"), r"disambig_tid\.int: No such file"),
        (holding("graph/HCLG.fst", b"x" * 99), r"HCLG\.fst: got b'xxxx'; accepted: a graph of"),
        (halved("graph/HCLG.fst"), "vosk cannot load it"),
        (holding("graph/words.txt", b""), r"words\.txt: got b''; accepted: words and"),
        (without("graph/words.txt"), "vosk cannot load it"),
        (holding("graph/phones/word_boundary.int", b"x"), "vosk cannot load it"),
    ],
)
def test_a_bad_model_is_refused_with_its_file(tmp_path: Path, change: Change, problem: str) -> None:
    folder = write_vosk_model(tmp_path / "model")
    change(folder / "vosk-model-tones")
    with pytest.raises(RequestError, match=problem):
        engine_of(folder)


def test_a_bad_manifest_is_refused_with_the_field(tmp_path: Path) -> None:
    folder = write_vosk_model(tmp_path / "model", extra='grammar = "x"\n')
    with pytest.raises(RequestError, match=r"model\.toml: grammar: got 'x'"):
        engine_of(folder)


async def test_a_model_that_kills_its_worker_is_told_and_kills_no_more(tmp_path: Path) -> None:
    folder = write_vosk_model(tmp_path / "model")
    graph = folder / "vosk-model-tones" / "graph" / "HCLG.fst"
    data = graph.read_bytes()
    known, unknown = (struct.pack("<iif", phone, 0, math.log(2)) for phone in (2, 10**8))
    assert data.count(known) == 1
    graph.write_bytes(data.replace(known, unknown))
    launcher = ProcessLauncher(
        RecognitionSettings(engine="vosk", engine_options={"models": [str(folder)]})
    )
    with pytest.raises(UnavailableError, match="a worker ended with exit code -"):
        await launcher.launch()
