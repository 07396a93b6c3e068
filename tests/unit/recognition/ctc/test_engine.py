"""The engine on models that hear tones: batches, cuts, states, times, ends, phrases."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.tone_models import WORDS, nemo_model, tones, write_model
from rechka.errors import RequestError
from rechka.recognition.engines.ctc.acoustic import OnnxGraph
from rechka.recognition.engines.ctc.engine import CtcEngine
from rechka.recognition.port import Hotword, StreamOptions
from rechka.recognition.registry import create_engine
from rechka.results import Hypothesis

RATES_HZ = {"nemo": 16_000, "t-one": 8_000}
CONTRACTS = list(RATES_HZ)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    return {
        "nemo": write_model(root / "nemo", contract="nemo", language="ru-RU"),
        "t-one": write_model(root / "t-one", contract="t-one", language="tr-TR"),
        "letters": write_model(root / "letters", contract="nemo", language="en-US", words=None),
    }


def engine_of(*folders: Path, **options: object) -> CtcEngine:
    engine = create_engine("ctc", {"models": [str(folder) for folder in folders], **options})
    assert isinstance(engine, CtcEngine)
    return engine


def options_of(engine: CtcEngine, *, model: int = 0, **more: object) -> StreamOptions:
    info = engine.models[model]
    return StreamOptions(
        language=info.language,
        model=info.tags[0],
        sample_rate_hz=info.sample_rates_hz[0],
        **more,  # type: ignore[arg-type]
    )


def hear(
    engine: CtcEngine, text: str, *, pieces: int = 1, **more: object
) -> tuple[Hypothesis, ...]:
    options = options_of(engine)
    stream = engine.open(options)
    for piece in np.array_split(tones(text, rate_hz=options.sample_rate_hz), pieces):
        engine.accept([(stream, piece)])
    return stream.finish()


@pytest.mark.parametrize("contract", CONTRACTS)
def test_tones_become_words_with_the_times_of_the_tones(
    folders: dict[str, Path], contract: str
) -> None:
    engine = engine_of(folders[contract])
    engine.warm_up()
    ((best, *_),) = [hear(engine, "cab bad abc")]
    assert best.text == "cab bad abc"
    # Each letter sounds for 120 ms and is followed by 80 ms, after 240 ms of silence.
    expected = [(240, 760), (920, 1440), (1600, 2120)]
    for word, (start_ms, end_ms) in zip(best.words, expected, strict=True):
        assert abs(word.start_ms - start_ms) <= 40
        assert abs(word.end_ms - end_ms) <= 40
        assert word.confidence > 0.9


@pytest.mark.parametrize("contract", CONTRACTS)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cuts=st.lists(st.integers(1, 8_000), max_size=8))
def test_any_cut_gives_the_same_readings(
    folders: dict[str, Path], contract: str, cuts: list[int]
) -> None:
    engine = engine_of(folders[contract])
    samples = tones("cab abc", rate_hz=RATES_HZ[contract])
    whole, cut = (engine.open(options_of(engine, max_alternatives=5)) for _ in range(2))
    engine.accept([(whole, samples)])
    for part in np.split(samples, sorted(set(cuts) & set(range(1, len(samples))))):
        engine.accept([(cut, part)])
    assert cut.observe() == whole.observe()
    assert cut.finish() == whole.finish()


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_batch_hears_what_each_stream_hears_alone(
    folders: dict[str, Path], contract: str
) -> None:
    engine = engine_of(folders[contract], max_batch=3)
    rng = np.random.default_rng(4)
    texts = [" ".join(rng.choice(WORDS, 1 + number)) for number in range(5)]
    audio = [tones(text, rate_hz=RATES_HZ[contract]) for text in texts]
    noisy = [samples + rng.normal(0, 0.003, len(samples)).astype(np.float32) for samples in audio]
    alone = []
    for samples in noisy:
        stream = engine.open(options_of(engine))
        engine.accept([(stream, samples)])
        alone.append(stream.finish())
    # Pieces of different lengths: streams come to their chunks at different turns.
    streams = [engine.open(options_of(engine)) for _ in noisy]
    rests = list(noisy)
    while any(map(len, rests)):
        batch = []
        for number, stream in enumerate(streams):
            length = int(rng.integers(1, 7_000))
            piece, rests[number] = rests[number][:length], rests[number][length:]
            if len(piece):
                batch.append((stream, piece))
        engine.accept(batch)
    together = [stream.finish() for stream in streams]
    # The same letters may be those of other words.
    letters = [text.replace(" ", "") for text in texts]
    assert [reading[0].text.replace(" ", "") for reading in together] == letters
    for one, other in zip(together, alone, strict=True):
        assert [item.words[0].start_ms for item in one] == [
            item.words[0].start_ms for item in other
        ]
        assert one[0].text == other[0].text


def test_models_of_several_languages_are_served_at_once(folders: dict[str, Path]) -> None:
    engine = engine_of(folders["nemo"].parent)
    assert {model.language for model in engine.models} == {"ru-RU", "tr-TR", "en-US"}
    batch = []
    for number, model in enumerate(engine.models):
        stream = engine.open(options_of(engine, model=number))
        batch.append((stream, tones("dab cab", rate_hz=model.sample_rates_hz[0])))
    engine.accept(batch)
    texts = {
        model.language: stream.finish()[0].text
        for model, (stream, _) in zip(engine.models, batch, strict=True)
    }
    assert texts == {"ru-RU": "dab cab", "tr-TR": "dab cab", "en-US": "dabcab"}


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_last_word_that_ends_with_the_audio_is_not_lost(
    folders: dict[str, Path], contract: str
) -> None:
    engine = engine_of(folders[contract])
    rate_hz = RATES_HZ[contract]
    samples = tones("cab bad", rate_hz=rate_hz)[: -80 * rate_hz // 1000]
    for short in range(0, 40 * rate_hz // 1000, 7 * rate_hz // 1000):
        stream = engine.open(options_of(engine))
        engine.accept([(stream, samples[: len(samples) - short])])
        (best,) = stream.finish()
        assert best.text == "cab bad"
        assert best.words[-1].end_ms <= (len(samples) - short) * 1000 // rate_hz


@pytest.mark.parametrize("contract", CONTRACTS)
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cuts=st.lists(st.integers(1, 5_000), max_size=5))
def test_a_stream_knows_how_much_audio_brings_something_new(
    folders: dict[str, Path], contract: str, cuts: list[int]
) -> None:
    engine = engine_of(folders[contract])
    stream = engine.open(options_of(engine))
    acoustic = stream.model.acoustic
    with pytest.MonkeyPatch.context() as patch:
        runs: list[int] = []
        run = acoustic.run

        def counted(*arguments: Any) -> Any:
            runs.append(1)
            return run(*arguments)

        patch.setattr(acoustic, "run", counted)
        for cut in cuts:
            engine.accept([(stream, np.zeros(cut, dtype=np.float32))])
        runs.clear()
        missing = stream.missing_samples
        assert missing >= 1
        if missing > 1:
            engine.accept([(stream, np.zeros(missing - 1, dtype=np.float32))])
        assert not runs
        engine.accept([(stream, np.zeros(1, dtype=np.float32))])
        assert len(runs) == 1


@pytest.mark.parametrize("contract", CONTRACTS)
def test_after_silence_the_model_is_not_run_to_end_an_utterance(
    folders: dict[str, Path], contract: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_of(folders[contract])
    options = options_of(engine)
    stream = engine.open(options)
    said = tones("cab bad", rate_hz=options.sample_rate_hz)
    silence = np.zeros(options.sample_rate_hz, dtype=np.float32)
    engine.accept([(stream, np.concatenate([said, silence]))])
    runs: list[object] = []
    monkeypatch.setattr(OnnxGraph, "run", lambda *arguments: runs.append(arguments))
    assert stream.finish()[0].text == "cab bad"
    assert not runs


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_word_said_after_a_pause_and_cut_off_at_once_is_not_lost(
    folders: dict[str, Path], contract: str
) -> None:
    engine = engine_of(folders[contract])
    options = options_of(engine)
    stream = engine.open(options)
    said = tones("cab", rate_hz=options.sample_rate_hz)
    silence = np.zeros(options.sample_rate_hz, dtype=np.float32)
    last = tones("ab", rate_hz=options.sample_rate_hz)
    last = last[: np.flatnonzero(np.abs(last) > 1e-3)[-1]]
    engine.accept([(stream, np.concatenate([said, silence, last]))])
    assert stream.finish()[0].text == "cab ab"


@pytest.mark.parametrize("contract", CONTRACTS)
def test_the_next_utterance_begins_anew(folders: dict[str, Path], contract: str) -> None:
    engine = engine_of(folders[contract])
    stream = engine.open(options_of(engine))
    heard = []
    for _ in range(3):
        engine.accept([(stream, tones("dab", rate_hz=RATES_HZ[contract]))])
        heard.append(stream.finish())
        assert stream.observe().hypothesis.text == ""
    assert heard[0] == heard[1] == heard[2]
    assert stream.finish() == ()


def test_silence_at_the_end_is_told(folders: dict[str, Path]) -> None:
    engine = engine_of(folders["nemo"])
    stream = engine.open(options_of(engine))
    engine.accept([(stream, tones("cab", rate_hz=16_000))])
    silences = []
    for _ in range(5):
        engine.accept([(stream, np.zeros(1_600 * 2, dtype=np.float32))])
        silences.append(stream.observe().trailing_silence_ms or 0)
    assert silences == sorted(silences)
    # 80 ms follow the tone, then 1000 ms; at most one chunk of 160 ms is not judged yet.
    assert 1_080 - 160 - 40 <= silences[-1] <= 1_080


def test_a_failed_batch_advances_no_stream(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_of(folders["nemo"], folders["t-one"])
    first, second = (engine.open(options_of(engine, model=number)) for number in (0, 1))
    sound = {0: tones("cab", rate_hz=16_000), 1: tones("cab", rate_hz=8_000)}
    acoustic = second.model.acoustic
    with monkeypatch.context() as patch:
        patch.setattr(acoustic, "run", lambda *_: (_ for _ in ()).throw(RuntimeError("no")))
        with pytest.raises(RuntimeError, match="no"):
            engine.accept([(first, sound[0]), (second, sound[1])])
    engine.accept([(first, sound[0]), (second, sound[1])])
    assert [stream.finish()[0].text for stream in (first, second)] == ["cab", "cab"]


def test_values_that_are_no_numbers_are_an_error(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_of(folders["nemo"])
    stream = engine.open(options_of(engine))
    run = stream.model.acoustic.run

    def broken(chunks: list[np.ndarray], tensors: list[object]) -> object:
        rows, after = run(chunks, tensors)  # type: ignore[arg-type]
        return [row * np.float32("nan") for row in rows], after

    monkeypatch.setattr(stream.model.acoustic, "run", broken)
    with pytest.raises(RuntimeError, match="no numbers"):
        engine.accept([(stream, tones("cab", rate_hz=16_000))])


def test_hotwords_of_one_stream_are_not_those_of_another(tmp_path: Path) -> None:
    engine = engine_of(write_model(tmp_path / "model", words=("ab", "cab", "abc")))
    # The same letters make two pairs of words, and nothing tells these apart.
    first = engine.open(options_of(engine, hotwords=(Hotword("cab", 3.0),)))
    second = engine.open(options_of(engine, hotwords=(Hotword("abc", 3.0),)))
    sound = tones("abcab", rate_hz=16_000)
    engine.accept([(first, sound), (second, sound)])
    assert first.finish()[0].text == "ab cab"
    assert second.finish()[0].text == "abc ab"


def test_a_strong_hotword_that_was_not_said_silences_nobody(tmp_path: Path) -> None:
    engine = engine_of(write_model(tmp_path / "model", words=("ab", "abc")))
    stream = engine.open(options_of(engine, hotwords=(Hotword("abc", 30.0),)))
    engine.accept([(stream, tones("ab", rate_hz=16_000))])
    assert stream.finish()[0].text == "ab"


def test_a_closed_stream_takes_no_audio(folders: dict[str, Path]) -> None:
    engine = engine_of(folders["nemo"])
    stream = engine.open(options_of(engine))
    stream.close()
    stream.close()
    with pytest.raises(RuntimeError, match="the stream is closed"):
        engine.accept([(stream, tones("cab", rate_hz=16_000))])


def test_what_no_model_serves_is_refused(folders: dict[str, Path]) -> None:
    engine = engine_of(folders["nemo"])
    for change in ({"language": "xx-XX"}, {"model": "poems"}, {"sample_rate_hz": 8_000}):
        asked = {"language": "ru-RU", "model": "general", "sample_rate_hz": 16_000} | change
        with pytest.raises(RequestError, match="accepted"):
            engine.open(StreamOptions(**asked))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, r"engine_options\.models: got \[\]; accepted: at least one folder"),
        (
            {"models": ["/nowhere"]},
            r"/nowhere: no model of the engine 'ctc' is there; accepted: a folder",
        ),
        (
            {"models": ["x"], "threads": 0},
            r"engine_options\.threads: got 0; accepted: a number from 1",
        ),
        ({"models": ["x"], "beams": 5}, "unknown option; accepted: models"),
    ],
)
def test_bad_options_are_named(options: dict[str, object], problem: str) -> None:
    with pytest.raises(RequestError, match=problem):
        create_engine("ctc", options)


@pytest.mark.parametrize(
    ("file", "change", "problem"),
    [
        ("model.toml", ('languages = ["ru-RU"]\n', ""), "languages: .*Field required"),
        (
            "model.toml",
            ('contract = "nemo"', 'contract = "rnnt"'),
            "contract: got 'rnnt': .*'nemo' or",
        ),
        ("model.toml", ("= 16000", "= 8000"), "sample_rate_hz: got 8000; accepted: 16000"),
        ("model.toml", ('summary = "', 'sumary = "'), "sumary: got"),
        ("model.toml", ('name = "', "name = "), r"model\.toml: "),
        ("model.toml", ("[decoder]", "[decoder]\nbeam = 0"), r"decoder\.beam: got 0"),
        ("tokens.txt", ("d 3\n<blk> 4", "<blk> 3"), "got 4 tokens; accepted: the 5 of model.onnx"),
    ],
)
def test_a_bad_folder_is_refused_with_file_and_field(
    tmp_path: Path, file: str, change: tuple[str, str], problem: str
) -> None:
    folder = write_model(tmp_path / "model", extra="[decoder]\n")
    text = (folder / file).read_text()
    assert change[0] in text
    (folder / file).write_text(text.replace(*change))
    with pytest.raises(RequestError, match=problem):
        engine_of(folder)


@pytest.mark.parametrize("file", ["model.onnx", "tokens.txt", "graph.bin"])
def test_a_cut_file_is_refused(tmp_path: Path, file: str) -> None:
    folder = write_model(tmp_path / "model")
    data = (folder / file).read_bytes()
    (folder / file).write_bytes(data[: len(data) // 2])
    with pytest.raises(RequestError, match=file):
        engine_of(folder)


def test_onnx_files_of_another_contract_are_refused(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    folder = write_model(tmp_path / "model")
    shutil.copy(folders["t-one"] / "model.onnx", folder / "model.onnx")
    with pytest.raises(RequestError, match=r"got the inputs signal .*accepted: audio_signal"):
        engine_of(folder)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("normalize_type", "per_feature", "normalize_type: got 'per_feature'; accepted: ''"),
        ("window_size", "", "window_size: got ''; accepted: a number from 1"),
        ("chunk_shift", "15", "chunk_shift: got 15; accepted: a multiple of subsampling_factor 4"),
        ("vocab_size", "9", "vocab_size: got 9; accepted: one less than the 5 outputs"),
        ("delay_ms", "-1", "delay_ms: got '-1'; accepted: a number from 0"),
    ],
)
def test_bad_metadata_are_refused(tmp_path: Path, name: str, value: str, problem: str) -> None:
    folder = write_model(tmp_path / "model")
    model = nemo_model()
    metadata = {item.key: item.value for item in model.metadata_props} | {name: value}
    onnx.helper.set_model_props(model, metadata)
    onnx.save(model, folder / "model.onnx")
    with pytest.raises(RequestError, match=problem):
        engine_of(folder)


def test_offsets_of_the_manifest_move_the_times(tmp_path: Path) -> None:
    plain = engine_of(write_model(tmp_path / "plain"))
    moved = engine_of(
        write_model(
            tmp_path / "moved", extra="[times]\nstart_offset_ms = -30\nend_offset_ms = 20\n"
        )
    )
    first, second = hear(plain, "cab bad")[0].words, hear(moved, "cab bad")[0].words
    for one, other in zip(first, second, strict=True):
        assert other.start_ms == one.start_ms - 30
        assert other.end_ms == one.end_ms + 20


def test_streams_advice_is_the_models_unless_set(folders: dict[str, Path], tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", extra="max_streams = 7\n")
    assert engine_of(folder).models[0].max_streams == 7
    assert engine_of(folder, max_streams=3).models[0].max_streams == 3
    assert engine_of(folders["letters"]).models[0].max_alternatives == 1
