"""The profanity filter: coverage of known lists, exemptions, masks and files."""

from pathlib import Path

import pytest

from rechka.errors import ErrorCode, RequestError
from rechka.text import filter_profanity
from rechka.text.profanity import ProfanityRules, read_profanity_file
from unit.text.inflections import inflected

LISTS = Path(__file__).parents[3] / ".." / "shared" / "data" / "profanity"


@pytest.mark.parametrize("language", ["ru", "en", "tr"])
def test_at_least_95_percent_of_a_known_list_is_found_in_its_forms(language: str) -> None:
    path = LISTS / f"{language}.txt"
    if not path.exists():
        pytest.skip("the lists are not here")
    entries = {line.strip() for line in path.read_text(encoding="utf-8").splitlines()}
    singles = {entry for entry in entries if entry and " " not in entry}
    found = [_found(entry, language) for entry in singles]
    assert sum(share > 0 for share in found) >= 0.95 * len(found)
    # An entry counts by the share of its forms, so that a verb weighs as much as a noun.
    assert sum(found) >= 0.95 * len(found)


def _found(entry: str, language: str) -> float:
    if filter_profanity(entry, language=language):
        return 0.0
    forms = inflected(entry, language)
    return sum(not filter_profanity(form, language=language) for form in forms) / len(forms)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("ru", "себе требовать употреблять хуже худой хулиган мудрый мандат мандарин сражение"),
        ("ru", "подстрахуй психуй колебать херсон херувим стервятник ребёнок веб себастьян"),
        ("ru", "ниссан поезд переезд отребье ссылка рассада оскорблять гребень ебонит"),
        ("ru", "педрилло анна педриллы команда дерматин дорога сукно трахея сравнить говорить"),
        ("en", "class assess cockpit scunthorpe titanic analysis shiitake peacock dickens"),
        ("en", "sussex essex grape drape therapist cucumber document assume button"),
        ("tr", "ama aman amca götür götürmek sikke siklet sıçradı sıçan sıçramak bokser yarar"),
        ("tr", "taşı taşıyor"),
        ("ru", "страх страхует трахея астрахань"),
        ("en", "dick cheney moby dick dick van dyke tit for tat rape seed oil"),
        ("en", "she got it magna cum laude so the chink in the armor is his"),
    ],
)
def test_innocent_neighbors_of_profanity_stay(language: str, text: str) -> None:
    assert filter_profanity(text, language=language) == text


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("ru", "да охуеть можно", "да можно"),
        ("ru", "заебись Пиздец", ""),
        ("ru", "ёбаный стыд", "стыд"),
        ("ru", "пошёл нахуй отсюда", "пошёл отсюда"),
        ("en", "this is fucking great", "this is great"),
        ("en", "that sh1t again", "that again"),
        ("en", "give me a blow job", "give me a"),
        ("tr", "SİKTİR git", "git"),
        ("tr", "OTUZ BİRCİLER geldi", "geldi"),
        ("tr", "YARAĞIN biri", "biri"),
        ("tr", "hassiktir daşak çük çükü", ""),
        ("ru", "он оттрахал их", "он их"),
        ("en", "what a dick said dick cheney", "what a said dick cheney"),
    ],
)
def test_forms_spellings_and_phrases_are_dropped(language: str, text: str, expected: str) -> None:
    assert filter_profanity(text, language=language) == expected


def test_a_mask_keeps_the_first_letter_and_the_length() -> None:
    assert filter_profanity("what the fuck, man", language="en", mode="mask") == (
        "what the f***, man"
    )
    assert filter_profanity("Сука какая", language="ru", mode="mask") == "С*** какая"


def test_a_dropped_last_word_leaves_its_mark_to_the_word_before() -> None:
    assert filter_profanity("Where is it, bitch?", language="en") == "Where is it?"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_an_operator_adds_and_exempts_words_by_file(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("конкурент*\n# ours\nплохое слово\n!хрен*\n", encoding=encoding)
    rules = read_profanity_file(path)
    said = "наш Конкурентов хрен с плохое слово горчицей"
    assert filter_profanity(said, language="ru", rules=rules) == "наш хрен с горчицей"


def test_an_added_word_works_in_a_language_without_a_list() -> None:
    rules = ProfanityRules(added=("verflixt",))
    assert filter_profanity("so verflixt nochmal", language="de-DE", rules=rules) == "so nochmal"


@pytest.mark.parametrize(
    "line", ["[abc", "a{3}", "(x", "x)", "\\w", "*", "* *", "~+", "a?*", "!*", "-*"]
)
def test_a_line_that_is_no_entry_is_refused_with_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "words.txt"
    path.write_text(f"good\n{line}\n", encoding="utf-8")
    with pytest.raises(
        RequestError, match=r"^settings: results\.profanity_file: .*words\.txt, line 2"
    ) as caught:
        read_profanity_file(path)
    assert caught.value.code is ErrorCode.INVALID_CONFIG


def test_an_added_word_is_found_in_a_phrase_that_the_shipped_list_exempts() -> None:
    for added, left in (("dick", "so cheney said"), ("dick cheney", "so said")):
        rules = ProfanityRules(added=(added,))
        assert filter_profanity("so dick cheney said", language="en", rules=rules) == left


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    problem = r"^settings: results\.profanity_file: \S*none\.txt: No such file or directory$"
    with pytest.raises(RequestError, match=problem):
        read_profanity_file(tmp_path / "none.txt")
