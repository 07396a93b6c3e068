"""Several engines as one: routing, batches, failures, and how full a worker is."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from fakes.tone_models import tones, write_model
from rechka.errors import CapacityError, RequestError
from rechka.recognition.combined import CombinedEngine
from rechka.recognition.engines.scripted import ScriptedEngine
from rechka.recognition.load import Load
from rechka.recognition.port import EngineStream, ModelInfo, StreamOptions
from rechka.recognition.registry import create_engine, installed_engines
from rechka.recognition.scheduler import Scheduler
from rechka.settings import load_settings

SECOND = np.zeros(16_000, dtype=np.float32)


def scripted(language: str, line: str, **options: object) -> ScriptedEngine:
    return ScriptedEngine({"languages": [language], "lines": [line], **options})


def options_for(language: str) -> StreamOptions:
    return StreamOptions(language=language, model="general", sample_rate_hz=16_000)


def hear(engine: CombinedEngine, languages: Sequence[str]) -> list[str]:
    streams: list[EngineStream] = [engine.open(options_for(language)) for language in languages]
    engine.accept([(stream, SECOND) for stream in streams])
    return [stream.finish()[0].text for stream in streams]


def test_each_stream_goes_to_the_engine_of_its_language() -> None:
    engine = CombinedEngine([scripted("ru-RU", "раз два три"), scripted("tr-TR", "bir iki üç")])
    assert [model.language for model in engine.models] == ["ru-RU", "tr-TR"]
    assert hear(engine, ["tr-TR", "ru-RU", "tr-TR"]) == ["bir iki üç", "раз два три", "bir iki üç"]
    with pytest.raises(RequestError, match="accepted: ru-RU"):
        engine.open(options_for("en-US"))


def test_the_first_engine_that_serves_a_language_is_preferred() -> None:
    engine = CombinedEngine([scripted("ru-RU", "one two three"), scripted("ru-RU", "four")])
    assert hear(engine, ["ru-RU"]) == ["one two three"]


def test_no_engine_gets_more_streams_at_once_than_it_takes() -> None:
    one, many = scripted("ru-RU", "a", max_batch=1), scripted("tr-TR", "b", max_batch=4)
    sizes: dict[str, list[int]] = {"one": [], "many": []}
    for name, engine in (("one", one), ("many", many)):
        accept = engine.accept

        def counted(batch, accept=accept, name=name):  # type: ignore[no-untyped-def]
            sizes[name].append(len(batch))
            accept(batch)

        engine.accept = counted  # type: ignore[method-assign]
    combined = CombinedEngine([one, many])
    assert combined.max_batch == 4
    assert hear(combined, ["ru-RU", "tr-TR", "ru-RU", "tr-TR"]) == ["a", "b", "a", "b"]
    assert sizes == {"one": [1, 1], "many": [2]}


def test_one_engines_failure_is_not_anothers() -> None:
    engine = CombinedEngine(
        [scripted("ru-RU", "a boom c", raise_on="boom"), scripted("tr-TR", "bir iki üç")]
    )
    broken, sound = engine.open(options_for("ru-RU")), engine.open(options_for("tr-TR"))
    engine.accept([(broken, SECOND), (sound, SECOND)])
    with pytest.raises(RuntimeError, match="the script says so"):
        broken.observe()
    with pytest.raises(RuntimeError, match="the script says so"):
        broken.finish()
    # It was advanced once, by a second of three words.
    assert sound.finish()[0].text == "bir iki üç"


def test_a_batch_of_one_engine_fails_as_a_whole() -> None:
    engine = CombinedEngine([scripted("ru-RU", "a boom", raise_on="boom"), scripted("tr-TR", "b")])
    first, second = engine.open(options_for("ru-RU")), engine.open(options_for("ru-RU"))
    with pytest.raises(RuntimeError):
        engine.accept([(first, SECOND), (second, SECOND[:4_800])])
    engine.accept([(second, SECOND[:4_800])])
    assert second.finish()[0].text == "a"


async def test_a_worker_is_full_by_the_shares_of_its_streams() -> None:
    small, large = scripted("ru-RU", "a", max_streams=2), scripted("tr-TR", "b", max_streams=4)
    scheduler = Scheduler(CombinedEngine([small, large]))
    await scheduler.start()
    held = [await scheduler.open(options_for("ru-RU"))]
    held += [await scheduler.open(options_for("tr-TR")) for _ in range(2)]
    for language in ("ru-RU", "tr-TR"):
        with pytest.raises(CapacityError):
            await scheduler.open(options_for(language))
    await held.pop().close()
    with pytest.raises(CapacityError):
        await scheduler.open(options_for("ru-RU"))
    held.append(await scheduler.open(options_for("tr-TR")))
    await scheduler.close()


def test_shares_add_up_without_rounding() -> None:
    models = [
        ModelInfo(
            name="m", engine="e", language="x", tags=("t",), sample_rates_hz=(8000,), max_streams=n
        )
        for n in (3, 7)
    ]
    load = Load()
    shares = [load.share(model) for model in models]
    assert [load.take(shares[0]) for _ in range(4)] == [True, True, True, False]
    for _ in range(3):
        load.give_back(shares[0])
    assert load.taken == 0
    assert sum(load.take(shares[1]) for _ in range(9)) == 7
    assert Load(5).share(models[0]) == Fraction(1, 5)


def test_engines_are_named_in_a_list_with_options_of_their_own(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    engine = create_engine(
        ["ctc", "scripted"],
        {"ctc": {"models": [str(folder)]}, "scripted": {"languages": ["en-US"], "lines": ["hi"]}},
    )
    assert [(m.engine, m.language) for m in engine.models] == [
        ("ctc", "ru-RU"),
        ("scripted", "en-US"),
    ]
    ours, theirs = engine.open(options_for("ru-RU")), engine.open(options_for("en-US"))
    engine.accept([(ours, tones("cab", rate_hz=16_000)), (theirs, SECOND)])
    assert [stream.finish()[0].text for stream in (ours, theirs)] == ["cab", "hi"]


@pytest.mark.parametrize(
    ("name", "options", "problem"),
    [
        (["scripted", "magic"], {}, "recognition.engine: got 'magic'; accepted: ctc, pocketsphinx"),
        ([], {}, r"recognition.engine: got \[\]"),
        (["scripted"], {"words": 1}, "engine_options.words: no engine of that name is served"),
        (
            ["scripted"],
            {"scripted": {"word": 1}},
            r"engine_options\.scripted\.word: unknown option",
        ),
        (["scripted"], {"scripted": 1}, r"engine_options\.scripted: got 1; accepted: a table"),
        (["ctc", "scripted"], {}, r"engine_options\.ctc\.models: got \[\]; accepted"),
        (
            ["ctc", "scripted"],
            {"ctc": {"models": ["/nowhere"]}},
            r"^settings: recognition\.engine_options\.ctc\.models: /nowhere: no model",
        ),
        (["ctc", "ctc"], {}, "recognition.engine: got 'ctc' twice; accepted: each engine once"),
        (["ctc", "nope"], {}, "recognition.engine: got 'nope'; accepted: ctc"),
        ("auto", {}, "recognition.engine: got 'auto'"),
    ],
)
def test_bad_lists_are_refused(
    name: str | list[str], options: dict[str, object], problem: str
) -> None:
    with pytest.raises(RequestError, match=problem):
        create_engine(name, options)


@pytest.mark.parametrize(
    ("name", "is_offered"),
    [("nope", False), (["ctc", "nope"], False), (["scripted", "nope"], True), ([], False)],
)
def test_the_engine_of_tests_is_offered_to_those_alone_who_chose_it(
    name: str | list[str], *, is_offered: bool
) -> None:
    with pytest.raises(RequestError) as caught:
        create_engine(name, {})
    accepted = str(caught.value).partition("accepted: ")[2].split(", ")
    assert ("scripted" in accepted, "ctc" in accepted) == (is_offered, True)


def test_a_folder_without_models_is_told_with_the_setting() -> None:
    problem = r"^settings: recognition\.engine_options\.models: /nowhere: no model of the engine"
    with pytest.raises(RequestError, match=problem):
        create_engine("ctc", {"models": ["/nowhere"]})


@pytest.mark.parametrize(
    ("text", "engine"),
    [("ctc", "ctc"), ("auto", "auto"), ('["ctc", "pocketsphinx"]', ("ctc", "pocketsphinx"))],
)
def test_the_setting_is_a_name_or_a_list(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, engine: object
) -> None:
    monkeypatch.setenv("RECHKA_RECOGNITION__ENGINE", text)
    assert load_settings().recognition.engine == engine
    monkeypatch.delenv("RECHKA_RECOGNITION__ENGINE")
    file = tmp_path / "rechka.toml"
    file.write_text(f"[recognition]\nengine = {text if text.startswith('[') else repr(text)}\n")
    assert load_settings(file).recognition.engine == engine


def test_engines_that_run_models_are_those_whose_packages_are_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert {"ctc", "pocketsphinx"} <= set(installed_engines())
    missing = {"pocketsphinx": None, "vosk": None}
    monkeypatch.setattr("rechka.recognition.registry.find_spec", lambda name: missing.get(name, 1))
    monkeypatch.setattr("rechka.recognition.registry.plugin_names", lambda: ("mine",))
    assert installed_engines() == ("ctc", "sherpa", "mine")
