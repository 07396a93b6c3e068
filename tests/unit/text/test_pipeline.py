"""The pipeline: order of stages, word times, alternatives, partials, refusals."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rechka.errors import ErrorCode, RequestError
from rechka.results import Hypothesis, Word
from rechka.text import TextOptions, TextPipeline
from rechka.text.pipeline import warm_up
from rechka.text.profanity import ProfanityRules


def heard(text: str, confidence: float = 1.0) -> Hypothesis:
    """Return a hypothesis whose word i runs from 1000 i to 1000 i + 900 ms."""
    words = tuple(
        Word(word, 1000 * index, 1000 * index + 900, 0.9 - index / 100)
        for index, word in enumerate(text.split())
    )
    return Hypothesis(text, words, confidence)


def test_a_rewritten_span_has_the_times_and_the_least_confidence_of_its_words() -> None:
    pipeline = TextPipeline(TextOptions(language="ru-RU"))
    (written,) = pipeline.final([heard("скидка двадцать пять процентов сегодня", 0.7)])
    assert written.text == "Скидка 25% сегодня"
    assert written.confidence == 0.7
    assert written.words == (
        Word("Скидка", 0, 900, 0.9),
        Word("25%", 1000, 3900, 0.9 - 3 / 100),
        Word("сегодня", 4000, 4900, 0.9 - 4 / 100),
    )


def test_units_and_numbers_keep_each_its_own_time() -> None:
    pipeline = TextPipeline(TextOptions(language="ru-RU"))
    (written,) = pipeline.final([heard("едем шестьдесят пять километров в час")])
    spans = [(word.text, word.start_ms, word.end_ms) for word in written.words]
    assert spans == [("Едем", 0, 900), ("65", 1000, 2900), ("км/ч", 3000, 5900)]


def test_a_hypothesis_without_words_is_written_all_the_same() -> None:
    pipeline = TextPipeline(TextOptions(language="en-US", literature_text=True))
    (written,) = pipeline.final([Hypothesis("hello how are you", confidence=0.5)])
    assert written == Hypothesis("Hello, how are you?", confidence=0.5)


def test_raw_results_are_bare_but_filtered_if_asked() -> None:
    said = heard("ну двадцать пять сука рублей")
    raw = TextPipeline(TextOptions(language="ru-RU", raw_results=True, literature_text=True))
    assert raw.final([said]) == (said,)
    filtered = TextPipeline(TextOptions(language="ru-RU", raw_results=True, profanity_filter=True))
    assert [item.text for item in filtered.final([said])] == ["ну двадцать пять рублей"]
    assert filtered.partial(said).text == "ну двадцать пять рублей"


def test_without_literature_text_only_the_first_letter_is_a_capital() -> None:
    assert _final("tr-TR", "ıspanak istanbul pazarı") == "Ispanak istanbul pazarı"
    assert _final("tr-TR", "istanbul pazarı") == "İstanbul pazarı"
    assert _final("en-US", "istanbul market") == "Istanbul market"
    assert _final("ru-RU", "ёлка тут") == "Ёлка тут"


def test_language_mode_auto_gets_no_numbers() -> None:
    assert _final("auto", "двадцать пять процентов") == "Двадцать пять процентов"


def test_alternatives_are_filtered_and_those_that_read_alike_are_one() -> None:
    pipeline = TextPipeline(TextOptions(language="en-US", profanity_filter=True))
    written = pipeline.final([heard("twenty five shit"), heard("twenty five"), heard("fuck")])
    assert [item.text for item in written] == ["25"]
    assert written[0].words[0].end_ms == 1900


def test_an_utterance_of_nothing_but_profanity_gives_nothing() -> None:
    pipeline = TextPipeline(TextOptions(language="ru-RU", profanity_filter=True))
    assert pipeline.final([heard("блядь")]) == ()
    assert pipeline.partial(heard("блядь")).text == ""


def test_a_masked_word_keeps_its_place() -> None:
    options = TextOptions(language="en-US", profanity_filter=True, profanity_mode="mask")
    (written,) = TextPipeline(options).final([heard("oh shit happens")])
    assert written.text == "Oh s*** happens"
    assert [word.start_ms for word in written.words] == [0, 1000, 2000]


def test_punctuation_without_a_model_is_refused_and_the_field_named() -> None:
    with pytest.raises(RequestError) as caught:
        TextPipeline(TextOptions(language="de-DE", literature_text=True))
    assert caught.value.code is ErrorCode.INVALID_CONFIG
    assert set(caught.value.violations) == {"config.specification.literature_text"}
    assert "de-DE" in caught.value.message


def test_partials_stay_in_words_unless_asked() -> None:
    said = heard("скидка двадцать пять процентов")
    plain = TextPipeline(TextOptions(language="ru-RU"))
    assert plain.partial(said).text == "Скидка двадцать пять процентов"
    written = TextPipeline(TextOptions(language="ru-RU", normalize_partials=True))
    assert written.partial(said).text == "Скидка 25%"


def test_a_number_at_the_end_of_a_partial_waits_for_the_next_word() -> None:
    pipeline = TextPipeline(TextOptions(language="en-US", normalize_partials=True))
    assert pipeline.partial(heard("it costs twenty")).text == "It costs twenty"
    assert pipeline.partial(heard("it costs twenty five")).text == "It costs twenty five"
    assert pipeline.partial(heard("it costs twenty five in all")).text == "It costs 25 in all"


SENTENCES = {
    "ru-RU": "я думаю что двадцать пятого мая мы поедем в москву а ты приедешь к нам или нет",
    "en-US": "i think that on may fifth we will pay twenty five dollars do you agree or not sir",
    "tr-TR": "bence yirmi dokuz ekim bin dokuz yüz yirmi üç çok önemli bir gün sen ne dersin",
}


@pytest.mark.parametrize("language", SENTENCES)
def test_what_is_decided_in_a_partial_is_what_the_final_shows(language: str) -> None:
    pipeline = TextPipeline(
        TextOptions(language=language, literature_text=True, normalize_partials=True)
    )
    said = SENTENCES[language].split()
    (final,) = pipeline.final([heard(" ".join(said))])
    for count in range(1, len(said) + 1):
        partial = pipeline.partial(heard(" ".join(said[:count])))
        settled = partial.words[: max(0, len(partial.words) - 8)]
        assert settled == final.words[: len(settled)]


DATA = Path(__file__).parent / "data"


def spoken_words(language: str) -> list[str]:
    """Return the number words, units and other words of the sentences of a language."""
    files = [*DATA.glob(f"numbers_{language}.txt"), *DATA.glob(f"spoken_{language}.txt")]
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    counts = Counter(
        word for line in lines if not line.startswith("#") for word in line.split(" => ")[0].split()
    )
    # The words in common use of all sentences meet one another more often than rare ones.
    return [word for word, count in counts.most_common() for _ in range(min(count, 10))]


@pytest.mark.parametrize("language", ["ru-RU", "en-US", "tr-TR"])
def test_every_output_word_spans_its_source_words(language: str) -> None:
    vocabulary = spoken_words(language[:2])
    profane = {"ru-RU": "сука", "en-US": "shit", "tr-TR": "orospu"}[language]

    @settings(max_examples=300)
    @given(
        st.lists(st.sampled_from([*vocabulary, profane]), min_size=1, max_size=14), st.booleans()
    )
    def spans(said: list[str], literature: bool) -> None:  # noqa: FBT001
        options = TextOptions(
            language=language, literature_text=literature, normalize_partials=True
        )
        source = heard(" ".join(said))
        pipeline = TextPipeline(options)
        for written in (*pipeline.final([source]), pipeline.partial(source)):
            assert written.text == " ".join(word.text for word in written.words)
            assert covered(written.words) == list(range(len(said)))
        clean = TextPipeline(replace(options, profanity_filter=True))
        kept = [at for at, word in enumerate(said) if word != profane]
        finals = clean.final([source])
        assert [at for item in finals for at in covered(item.words) if said[at] != profane] == kept

    spans()


def covered(words: Sequence[Word]) -> list[int]:
    """Return the indices of the source words under output words, by their times."""
    return [
        at
        for word in words
        for at in range(word.start_ms // 1000, (word.end_ms + 100) // 1000)
        if word.start_ms % 1000 == 0 and word.end_ms % 1000 == 900
    ]


def test_a_warm_language_loads_nothing_for_its_first_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rules = ProfanityRules(added=("verboten",))
    warm_up("tr-TR", profanity_mode="mask", profanity_rules=rules)

    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("onnxruntime.InferenceSession", refuse)
    monkeypatch.setattr("rechka.text.profanity.filter.ProfanityFilter", refuse)
    options = TextOptions(
        language="tr-TR",
        literature_text=True,
        profanity_filter=True,
        profanity_mode="mask",
        profanity_rules=rules,
    )
    assert TextPipeline(options).final([heard("verboten")])[0].text == "V*******."


def test_a_language_without_rules_is_warm_at_once() -> None:
    warm_up("de-DE")
    assert _final("de-DE", "guten tag") == "Guten tag"


def _final(language: str, text: str) -> str:
    (written,) = TextPipeline(TextOptions(language=language)).final([heard(text)])
    return written.text
