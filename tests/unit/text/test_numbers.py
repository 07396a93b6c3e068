"""Numbers: hand-written sentences, Russian cases, and the way back from num2words."""

import re
import sys
from collections.abc import Iterable
from itertools import product
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from num2words import num2words  # type: ignore[import-untyped, unused-ignore]

from rechka.text import normalize
from rechka.text.numbers import english_context, normalizer_for, russian_context, turkish_context
from rechka.text.tokens import Token

DATA = Path(__file__).parent / "data"
TAGS = {"ru": "ru-RU", "en": "en-US", "tr": "tr-TR"}
# Words around them that are neither numbers nor parts of a phrase.
IDIOMS = {
    "ru": ("там", "вдруг", russian_context.IDIOMS),
    "en": ("they", "suddenly", english_context.IDIOMS),
    "tr": ("orada", "aniden", turkish_context.IDIOMS),
}


def sentences(language: str, *, file: str = "numbers") -> list[tuple[str, str]]:
    lines = (DATA / f"{file}_{language}.txt").read_text(encoding="utf-8").splitlines()
    rows = [line.split(" => ") for line in lines if line and not line.startswith("#")]
    return [(row[0], row[-1]) for row in rows]


def spoken(value: int, language: str, kind: str) -> str:
    """Return what num2words says, set right where it is known to be wrong."""
    thousands, rest = divmod(value, 1000)
    if language == "ru" and kind == "ordinal" and thousands and rest:
        # num2words 0.5.14 makes the thousands an ordinal too: "десятый тысяч первый".
        return f"{num2words(thousands * 1000, lang='ru')} {spoken(rest, 'ru', kind)}"
    if language == "tr" and thousands > 100 and thousands % 10 == 1:
        # num2words 0.5.14 drops the "bir" of "yüz bir bin" and says "yüz bin".
        return str(
            num2words((thousands - 1) * 1000, lang="tr").removesuffix("bin")
            + "birbin"
            + (num2words(rest, lang="tr", to=kind) if rest else "inci" * (kind == "ordinal"))
        )
    return str(num2words(value, lang=language, to=kind)).replace(",", "")


def assert_comes_back(value: int, language: str, kind: str) -> None:
    said = spoken(value, language, kind)
    written = normalize(said, language=TAGS[language])
    if kind == "ordinal":
        ending = {"ru": r"-[а-я]{1,2}", "en": "(st|nd|rd|th)", "tr": "'[a-zıüöşç]+"}[language]
        assert re.fullmatch(f"{value}{ending}", written), (said, written)
    else:
        assert written == str(value), said


@pytest.mark.parametrize("language", TAGS)
def test_a_hundred_and_fifty_sentences_are_written_as_expected(language: str) -> None:
    rows = sentences(language)
    assert len(rows) >= 150
    assert 2 * sum(said == expected for said, expected in rows) >= len(rows)
    wrong = {
        said: (written, expected)
        for said, expected in rows
        if (written := normalize(said, language=TAGS[language])) != expected
    }
    assert wrong == {}


@pytest.mark.parametrize("language", TAGS)
def test_everyday_speech_is_written_as_people_write_it(language: str) -> None:
    wrong = {
        said: (written, expected)
        for said, expected in sentences(language, file="spoken")
        if (written := normalize(said, language=TAGS[language])) != expected
    }
    assert wrong == {}


def resettled(sayings: Iterable[str], language: str) -> list[tuple[str, int, list[str]]]:
    """Return the beginnings of sayings of which something settled is written otherwise later."""
    normalizer = normalizer_for(language)
    assert normalizer is not None
    changed = []
    for said in sayings:
        tokens = [Token(word, at, at) for at, word in enumerate(said.split())]
        whole = normalizer.normalize(tokens)
        for count in range(1, len(tokens)):
            written, settled = normalizer.normalize_partial(tokens[:count])
            if written[:settled] != whole[:settled]:
                changed.append((said, count, [token.text for token in written[:settled]]))
    return changed


@pytest.mark.parametrize("language", TAGS)
def test_no_later_word_changes_what_is_settled_in_a_partial(language: str) -> None:
    rows = sentences(language) + sentences(language, file="spoken")
    assert resettled((said for said, _ in rows), language) == []


@pytest.mark.parametrize("language", TAGS)
def test_a_number_before_a_phrase_that_stays_words_is_settled_with_it(language: str) -> None:
    before, after, idioms = IDIOMS[language]
    numbers = [str(num2words(value, lang=language)) for value in (1, 2, 20, 100, 3000)]
    assert (
        resettled(
            (
                f"{before} {' '.join(said)} {idiom} {after}"
                for count in (1, 2)
                for said in product(numbers, repeat=count)
                for idiom in idioms
            ),
            language,
        )
        == []
    )


def test_russian_cases_of_two_hundred_forms_are_the_same_number() -> None:
    lines = (DATA / "cases_ru.txt").read_text(encoding="utf-8").splitlines()
    forms = [
        (cells[0], form)
        for line in lines
        if not line.startswith("#")
        for cells in [line.split(" | ")]
        for form in cells[1:]
    ]
    assert len(forms) >= 200
    wrong = {form: value for value, form in forms if normalize(form, language="ru-RU") != value}
    assert wrong == {}


@pytest.mark.parametrize("language", TAGS)
@pytest.mark.parametrize("kind", ["cardinal", "ordinal"])
def test_every_integer_to_ten_thousand_comes_back(language: str, kind: str) -> None:
    for value in range(10_001):
        assert_comes_back(value, language, kind)


@pytest.mark.parametrize("language", TAGS)
def test_every_year_comes_back(language: str) -> None:
    for value in range(1, 10_000):
        if (language, value) == ("en", 5050):
            continue  # "Fifty fifty" is an idiom and stays.
        assert_comes_back(value, language, "year")


def test_russian_years_of_dates_come_back() -> None:
    for year in range(1000, 2200):
        named = spoken(year, "ru", "ordinal")
        assert normalize(f"{named} год", language="ru-RU") == f"{year} год"
        genitive = re.sub("ий$", "ьего", re.sub("[ыо]й$", "ого", named))
        said = f"пятого мая {genitive} года"
        assert normalize(said, language="ru-RU") == f"5 мая {year} года"


def test_english_years_in_sentences_come_back() -> None:
    for year in range(1100, 2100):
        said = spoken(year, "en", "year")
        if year >= 1300:  # "May fifth eleven thirty" is a time of that day.
            assert normalize(f"may fifth {said}", language="en-US") == f"may 5th {year}"
        assert normalize(f"back in {said} we met", language="en-US") == f"back in {year} we met"


def test_turkish_years_in_sentences_come_back() -> None:
    for year in range(1001, 2200):
        said = spoken(year, "tr", "cardinal")
        assert normalize(f"beş mayıs {said}", language="tr-TR") == f"5 mayıs {year}"
        assert normalize(f"{said} yılında", language="tr-TR") == f"{year} yılında"


@pytest.mark.parametrize("language", TAGS)
@pytest.mark.parametrize("kind", ["cardinal", "ordinal"])
def test_integers_to_a_million_come_back(language: str, kind: str) -> None:
    @settings(max_examples=400)
    @given(st.integers(10_001, 10**6))
    @example(10**6)
    @example(101_725)
    @example(999_999)
    def comes_back(value: int) -> None:
        assert_comes_back(value, language, kind)

    comes_back()


@pytest.mark.parametrize("language", TAGS)
@pytest.mark.parametrize("value", [10**9, 10**12, 123_456_789_012, 999_999_999_999])
def test_cardinals_to_a_trillion_come_back(language: str, value: int) -> None:
    assert_comes_back(value, language, "cardinal")


@pytest.mark.parametrize("language", ["auto", "de-DE", ""])
def test_a_language_without_rules_keeps_its_words(language: str) -> None:
    assert normalize("двадцать пять процентов", language=language) == "двадцать пять процентов"


def test_the_case_of_a_language_tag_does_not_matter() -> None:
    assert normalize("двадцать пять", language="RU-ru") == "25"


def test_capitals_of_the_engine_do_not_hide_a_number() -> None:
    assert normalize("Yirmi beş", language="tr-TR") == "25"
    assert normalize("İki kardeş", language="tr-TR") == "2 kardeş"


REPEATED = {
    "ru": ("сто", "один", "семь двадцать"),
    "en": ("nineteen", "one", "oh twelve"),
    "tr": ("milyon", "bir", "beş yüze"),
}


@pytest.mark.parametrize(
    ("language", "said"), [(language, said) for language in TAGS for said in REPEATED[language]]
)
def test_the_work_on_a_run_of_numbers_grows_as_its_length(language: str, said: str) -> None:
    first, *rest = (calls_of_writing([said] * count, language) for count in (250, 500, 1000, 2000))
    for times, calls in zip((2, 4, 8), rest, strict=True):
        assert calls <= 1.2 * times * first


def calls_of_writing(phrases: list[str], language: str) -> int:
    """Return how many functions are called to write the numbers of the phrases."""
    text = " ".join(phrases)
    normalize(text, language=TAGS[language])  # What is remembered of words is no part of it.
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        normalize(text, language=TAGS[language])
    finally:
        sys.setprofile(before)
    return calls
