"""The engine on transducers that hear tones: batches, cuts, states, times, ends, phrases."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.tone_transducers import RATE_HZ, tones, write_model
from rechka.errors import RequestError
from rechka.recognition.engines.sherpa.engine import SherpaEngine
from rechka.recognition.port import Hotword, StreamOptions
from rechka.recognition.registry import create_engine
from rechka.results import Hypothesis

LAYOUTS = ["lstm", "zipformer", "zipformer2", "nemo"]
LANGUAGES = {
    "lstm": ("en-US",),
    "zipformer": ("tt-RU",),
    "zipformer2": ("kk-KZ",),
    "nemo": ("ru-RU", "tr-TR"),
}
WORDS = ("ab", "ba", "cab", "dab", "bad", "cad", "abc")


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SherpaEngine]:
    root = tmp_path_factory.mktemp("models")
    return {
        layout: engine_of(
            write_model(root / layout, layout=layout, languages=LANGUAGES[layout]),
            decoding="beam" if layout == "zipformer2" else "greedy",
            max_batch=3,
        )
        for layout in LAYOUTS
    }


def engine_of(*folders: Path, **options: object) -> SherpaEngine:
    engine = create_engine("sherpa", {"models": [str(folder) for folder in folders], **options})
    assert isinstance(engine, SherpaEngine)
    return engine


def options_of(engine: SherpaEngine, *, model: int = 0, **more: object) -> StreamOptions:
    info = engine.models[model]
    return StreamOptions(
        language=info.language,
        model=info.tags[0],
        sample_rate_hz=RATE_HZ,
        **more,  # type: ignore[arg-type]
    )


def hear(engine: SherpaEngine, text: str, *, model: int = 0, **more: object) -> Hypothesis:
    stream = engine.open(options_of(engine, model=model, **more))
    engine.accept([(stream, tones(text))])
    (best,) = stream.finish()
    return best


@pytest.mark.parametrize("layout", LAYOUTS)
def test_tones_become_words_with_the_times_of_the_tones(
    engines: dict[str, SherpaEngine], layout: str
) -> None:
    best = hear(engines[layout], "cab bad abc")
    assert best.text == "cab bad abc"
    # Each letter sounds for 120 ms and is followed by 80 ms, after 240 ms of silence; a
    # token comes where its tone begins, one frame of 40 ms late, and lasts a frame.
    for number, word in enumerate(best.words):
        begin_ms = 240 + number * 680
        assert abs(word.start_ms - begin_ms) <= 40
        assert abs(word.end_ms - (begin_ms + 400 + 80)) <= 40
        assert word.confidence > 0.98
    assert best.confidence > 0.98


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cuts=st.lists(st.integers(1, 20_000), max_size=8))
def test_any_cut_gives_the_same_reading(
    engines: dict[str, SherpaEngine], layout: str, cuts: list[int]
) -> None:
    engine = engines[layout]
    samples = tones("cab a? abc")
    whole, cut = (engine.open(options_of(engine)) for _ in range(2))
    engine.accept([(whole, samples)])
    for part in np.split(samples, sorted(set(cuts) & set(range(1, len(samples))))):
        engine.accept([(cut, part)])
    assert cut.observe() == whole.observe()
    assert cut.finish() == whole.finish()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_batch_hears_what_each_stream_hears_alone(
    engines: dict[str, SherpaEngine], layout: str
) -> None:
    engine = engines[layout]
    rng = np.random.default_rng(4)
    texts = [" ".join(rng.choice(WORDS, 1 + number)) for number in range(5)]
    audio = [
        samples + rng.normal(0, 0.0003, len(samples)).astype(np.float32)
        for samples in map(tones, texts)
    ]
    alone = []
    for samples in audio:
        stream = engine.open(options_of(engine))
        engine.accept([(stream, samples)])
        alone.append(stream.finish())
    # Pieces of different lengths: streams come to their steps at different turns.
    streams = [engine.open(options_of(engine)) for _ in audio]
    rests = list(audio)
    while any(map(len, rests)):
        batch = []
        for number, stream in enumerate(streams):
            length = int(rng.integers(1, 7_000))
            piece, rests[number] = rests[number][:length], rests[number][length:]
            if len(piece):
                batch.append((stream, piece))
        engine.accept(batch)
    together = [stream.finish() for stream in streams]
    assert [reading[0].text for reading in together] == texts
    for (one,), (other,) in zip(together, alone, strict=True):
        assert [(word.text, word.start_ms, word.end_ms) for word in one.words] == [
            (word.text, word.start_ms, word.end_ms) for word in other.words
        ]
        assert one.confidence == pytest.approx(other.confidence, abs=1e-3)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_last_word_that_ends_with_the_audio_is_not_lost(
    engines: dict[str, SherpaEngine], layout: str
) -> None:
    engine = engines[layout]
    # Neither the gap after the last tone nor the end of the last tone is in the audio: what
    # the model has not decoded yet is of every length up to a step and its window.
    samples = tones("cab bad")[: -160 * RATE_HZ // 1000]
    for short_ms in range(0, 80, 10):
        sound = samples[: len(samples) - short_ms * RATE_HZ // 1000]
        for lead_ms in range(0, 160, 40):
            stream = engine.open(options_of(engine))
            lead = np.zeros(lead_ms * RATE_HZ // 1000, dtype=np.float32)
            engine.accept([(stream, np.concatenate([lead, sound]))])
            (best,) = stream.finish()
            assert best.text == "cab bad"
            assert best.words[-1].end_ms <= lead_ms + len(sound) * 1000 // RATE_HZ


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_next_utterance_begins_anew(engines: dict[str, SherpaEngine], layout: str) -> None:
    engine = engines[layout]
    stream = engine.open(options_of(engine))
    heard = []
    for _ in range(3):
        # What ends with a "▁c" would change how a "?" is heard if it were remembered.
        engine.accept([(stream, tones("? dab c"))])
        heard.append(stream.finish())
        assert stream.observe().hypothesis.text == ""
        assert stream.observe().trailing_silence_ms == 0
    assert heard[0] == heard[1] == heard[2]
    assert heard[0][0].text == "b dab c"
    assert stream.finish() == ()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_was_said_before_counts_across_the_steps(
    engines: dict[str, SherpaEngine], layout: str
) -> None:
    engine = engines[layout]
    sure = hear(engine, "ab").words[0].confidence
    # The last token is kept by sherpa-onnx between steps, and changes what "?" is.
    for lead_ms in range(0, 160, 40):
        stream = engine.open(options_of(engine))
        lead = np.zeros(lead_ms * RATE_HZ // 1000, dtype=np.float32)
        engine.accept([(stream, np.concatenate([lead, tones("a? c?")]))])
        (best,) = stream.finish()
        assert best.text == "ab cd"
        assert all(word.confidence < sure for word in best.words)


def test_silence_at_the_end_is_told(engines: dict[str, SherpaEngine]) -> None:
    engine = engines["lstm"]
    stream = engine.open(options_of(engine))
    engine.accept([(stream, tones("cab"))])
    silences = []
    for _ in range(5):
        engine.accept([(stream, np.zeros(RATE_HZ // 5, dtype=np.float32))])
        silences.append(stream.observe().trailing_silence_ms or 0)
    assert silences == sorted(silences)
    # The last token is 120 ms + 160 ms before the end of the tones, then 1000 ms follow; at
    # most a window of 220 ms is not judged yet.
    assert 1_240 - 220 - 80 <= silences[-1] <= 1_240


def test_each_language_of_a_model_is_told_to_it(engines: dict[str, SherpaEngine]) -> None:
    engine = engines["nemo"]
    assert [model.language for model in engine.models] == ["ru-RU", "tr-TR"]
    # In one batch, since the language is the stream's and not the model's.
    streams = [engine.open(options_of(engine, model=number)) for number in (0, 1, 0)]
    engine.accept([(stream, tones("a?")) for stream in streams])
    assert [stream.finish()[0].text for stream in streams] == ["ab", "ad", "ab"]
    assert hear(engine, "a?", model=1).text == "ad"


def test_models_of_several_layouts_are_served_at_once(tmp_path: Path) -> None:
    for layout in LAYOUTS:
        write_model(tmp_path / layout, layout=layout, languages=LANGUAGES[layout])
    other = write_model(tmp_path / "other") / "model.toml"
    other.write_text(other.read_text().replace('engine = "sherpa"', 'engine = "ctc"'))
    engine = engine_of(tmp_path)
    engine.warm_up()
    streams = [engine.open(options_of(engine, model=number)) for number in range(5)]
    engine.accept([(stream, tones("dab c?")) for stream in streams])
    texts = {
        model.language: stream.finish()[0].text
        for model, stream in zip(engine.models, streams, strict=True)
    }
    assert texts == dict.fromkeys(("en-US", "tt-RU", "kk-KZ", "ru-RU", "tr-TR"), "dab cd")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("bpe", ["model", "vocab", ""])
def test_a_hotword_turns_a_tone_that_may_be_either(tmp_path: Path, layout: str, bpe: str) -> None:
    engine = engine_of(write_model(tmp_path / "m", layout=layout, bpe=bpe), decoding="beam")
    assert hear(engine, "a? ca?").text == "ab cab"
    # Half a nat lies between the two: a word's boost counts once, whatever its tokens are.
    assert hear(engine, "a? ca?", hotwords=(Hotword("ad", 0.4),)).text == "ab cab"
    wanted = Hotword("AD", 0.6)
    assert hear(engine, "a? ca?", hotwords=(wanted,)).text == "ad cab"
    assert hear(engine, "a? ca?", hotwords=(wanted, Hotword("cad", 0.6))).text == "ad cad"
    assert hear(engine, "a? ca?", hotwords=(Hotword("ad cad", 0.6),)).text == "ad cad"
    assert hear(engine, "a?", hotwords=(Hotword("ab", -4.0),)).text == "ad"


def test_hotwords_of_one_stream_are_not_those_of_another(tmp_path: Path) -> None:
    engine = engine_of(write_model(tmp_path / "m"), decoding="beam")
    phrases = [(Hotword("ad", 4.0),), (), (Hotword("ab", 4.0),), (Hotword("ad", 4.0),)]
    streams = [engine.open(options_of(engine, hotwords=hotwords)) for hotwords in phrases]
    for _ in range(2):
        # They are the stream's in each of its utterances.
        engine.accept([(stream, tones("a?")) for stream in streams])
        assert [stream.finish()[0].text for stream in streams] == ["ad", "ab", "ab", "ad"]


def test_a_strong_hotword_that_was_not_said_is_not_heard(tmp_path: Path) -> None:
    engine = engine_of(write_model(tmp_path / "m"), decoding="beam")
    assert hear(engine, "ab bad", hotwords=(Hotword("abc", 6.0),)).text == "ab bad"


def test_capitals_become_small_letters_by_the_rules_of_the_language(tmp_path: Path) -> None:
    plain = engine_of(write_model(tmp_path / "plain", upper=True), decoding="beam")
    assert hear(plain, "cab bad").text == "CAB BAD"
    small = write_model(tmp_path / "small", upper=True, extra="[text]\nlower_case = true\n")
    engine = engine_of(small, decoding="beam")
    assert hear(engine, "cab a?").text == "cab ab"
    assert hear(engine, "cab a?", hotwords=(Hotword("ad", 3.0),)).text == "cab ad"


def test_punctuation_of_the_model_is_left_out_where_the_manifest_says_so(tmp_path: Path) -> None:
    assert hear(engine_of(write_model(tmp_path / "plain")), "dab, cad").text == "dab, cad"
    dropped = write_model(tmp_path / "m", extra="[text]\ndrop_punctuation = true\n")
    best = hear(engine_of(dropped), "dab, cad")
    assert best.text == "dab cad"
    assert [word.text for word in best.words] == ["dab", "cad"]


def test_the_manifest_calibrates_confidences(tmp_path: Path) -> None:
    plain = hear(engine_of(write_model(tmp_path / "plain")), "a?").words[0].confidence
    # The mean of the logarithms of two tokens' probabilities, one sure, one of 62 %.
    assert plain == pytest.approx(0.784, abs=0.01)
    table = "[confidence]\nscale = 0.5\nbias = -1.0\n"
    other = hear(engine_of(write_model(tmp_path / "other", extra=table)), "a?").words[0].confidence
    odds = 0.5 * np.log(plain / (1 - plain)) - 1.0
    assert other == pytest.approx(1 / (1 + np.exp(-odds)), abs=1e-3)


def test_offsets_of_the_manifest_move_the_times(tmp_path: Path) -> None:
    offsets = "[times]\nstart_offset_ms = -30\nend_offset_ms = 20\n"
    plain = hear(engine_of(write_model(tmp_path / "plain")), "cab bad").words
    moved = hear(engine_of(write_model(tmp_path / "moved", extra=offsets)), "cab bad").words
    for one, other in zip(plain, moved, strict=True):
        assert other.start_ms == one.start_ms - 30
        assert other.end_ms == one.end_ms + 20


def test_tags_of_the_options_select_and_leave_out(tmp_path: Path) -> None:
    write_model(tmp_path / "lstm")
    write_model(tmp_path / "nemo", layout="nemo", languages=("ru-RU", "tr-TR"))
    engine = engine_of(tmp_path, tags={"tones-lstm": [], "tones-nemo": {"tr-TR": ["general:rc"]}})
    assert [(model.language, model.tags) for model in engine.models] == [("tr-TR", ("general:rc",))]
    with pytest.raises(RequestError, match=r"tags: got a model named 'x'; accepted: tones-lstm"):
        engine_of(tmp_path, tags={"x": []})
    with pytest.raises(RequestError, match="tags: no tag selects any model"):
        engine_of(tmp_path, tags={"tones-lstm": [], "tones-nemo": []})


def test_streams_advice_is_the_models_unless_set(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model", extra="max_streams = 7\n")
    info = engine_of(folder).models[0]
    assert (info.max_streams, info.device, info.max_alternatives) == (7, "cpu", 1)
    assert engine_of(folder, max_streams=3).models[0].max_streams == 3


def test_what_no_model_serves_is_refused(engines: dict[str, SherpaEngine]) -> None:
    for change in ({"language": "xx-XX"}, {"model": "poems"}, {"sample_rate_hz": 8_000}):
        asked = {"language": "en-US", "model": "general", "sample_rate_hz": 16_000} | change
        with pytest.raises(RequestError, match="accepted"):
            engines["lstm"].open(StreamOptions(**asked))  # type: ignore[arg-type]
