"""Sentences to words: what is read, what is refused, what is held out."""

import lzma
from collections import Counter
from pathlib import Path

import pytest
from language.clean import is_word, words_of
from language.corpus import Source, group_sources, join_hyphens, read_sources
from language.sentences import choose_sentences
from language.vocabulary import choose_words, dictionary, pronunciations, write_lexicon


@pytest.mark.parametrize(
    ("language", "line", "words"),
    [
        ("ru", "— Ещё ёлка, кто-то… пришёл!", "еще елка кто-то пришел"),
        (
            "ru",
            "В 1855 году было 20 миллионов.",
            "в тысяча восемьсот пятьдесят пятом году было двадцать миллионов",
        ),
        ("ru", "Сегодня 9 мая.", "сегодня девятого мая"),
        ("ru", "Подожди 2 минуты и 1 час", "подожди две минуты и один час"),
        ("ru", "Убавь на 50%", "убавь на пятьдесят процентов"),
        ("tr", "IŞIK İstanbul'da, hâlâ", "ışık istanbul'da hala"),
        ("tr", "2014'te %35 oldu", "iki bin on dörtte yüzde otuz beş oldu"),
        ("tr", "3 Şubat'ta 5. kat 1.500 kişi", "üç şubat'ta beşinci kat bin beş yüz kişi"),
        (
            "en",
            "Don't pay $3.50, Mr. Well-Known!",
            "don't pay three dollars and fifty cents mr well known",
        ),
        (
            "en",
            "At 4:30 pm on March 3rd, 1998",
            "at four thirty pm on march third nineteen ninety eight",
        ),
        (
            "en",
            "The U.S. has 1,200 of 45 in 2.5%",
            "the u s has one thousand two hundred of forty five in two point five percent",
        ),
    ],
)
def test_a_sentence_becomes_the_words_one_says(language: str, line: str, words: str) -> None:
    assert words_of(line, language) == tuple(words.split())


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("ru", "около 20 градусов"),
        ("ru", "Осталось 2 книги."),
        ("ru", "Открой Firefox"),
        ("ru", "А. С. Пушкин"),
        ("ru", "5 руб. за кг"),
        ("tr", "New York'ta"),
        ("tr", "L0101 için"),
        ("en", "I live at 2233 Ventura Street"),
        ("en", "call 555-1234 now"),
        ("en", "the naïve one"),
        ("en", "x = y"),
        ("en", "…"),
    ],
)
def test_a_sentence_whose_reading_is_uncertain_is_refused(language: str, line: str) -> None:
    assert words_of(line, language) is None


def test_a_sentence_end_is_no_turkish_ordinal() -> None:
    assert words_of("Saat 5. Bu iyi.", "tr") == ("saat", "beş", "bu", "iyi")


def test_a_vocabulary_word_has_a_vowel_and_no_drawl() -> None:
    assert is_word("кто-то", "ru")
    assert not is_word("кг", "ru")
    assert not is_word("нееет", "ru")
    assert is_word("mr", "en")


def _write(folder: Path, lines: list[str], table: str | None = None) -> None:
    with lzma.open(folder / "ru.txt.xz", "wt", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in lines))
    if table is not None:
        header = "language\trepo\tlines\tin_main_file\n"
        (folder / "SOURCES.tsv").write_text(header + table, "utf-8")


_UNITS = ["ноль", "один", "два", "три", "четыре", "пять", "шесть", "семь", "восемь", "девять"]


def _numbered(count: int) -> list[str]:
    return [" ".join(_UNITS[int(digit)] for digit in f"{n:05d}") for n in range(count)]


def test_held_out_blocks_are_whole_and_never_in_training(tmp_path: Path) -> None:
    lines = _numbered(4000)
    lines[700] = lines[3]  # A sentence of a held-out block, once more in training.
    _write(tmp_path, lines)

    (source,) = read_sources(tmp_path, "ru")

    expected = [tuple(line.split()) for line in _numbered(4000)]
    assert source.tuning == expected[:20] + expected[2000:2020]
    assert source.report == expected[1000:1020] + expected[3000:3020]
    assert set(source.training).isdisjoint(source.tuning + source.report)
    assert len(source.training) == 4000 - 80 - 1


def test_sources_are_cut_by_their_line_counts(tmp_path: Path) -> None:
    _write(tmp_path, _numbered(60), "ru\ta\t40\tyes\nru\tb\t20\tyes\nru\tc\t9\tno\nen\td\t9\tyes\n")

    first, second = read_sources(tmp_path, "ru")

    assert (first.name, len(first.tuning), len(first.report), len(first.training)) == (
        "a",
        20,
        20,
        0,
    )
    assert (second.name, len(second.training)) == ("b", 20)


def test_line_counts_that_do_not_add_up_are_an_error(tmp_path: Path) -> None:
    _write(tmp_path, _numbered(60), "ru\ta\t40\tyes\n")

    with pytest.raises(ValueError, match=r"SOURCES.tsv: 40 lines for ru, the text has 60"):
        read_sources(tmp_path, "ru")


def _plan(folder: Path, text: str) -> Path:
    path = folder / "sources.toml"
    path.write_text(f"[ru]\n{text}", "utf-8")
    return path


def test_sources_are_grouped_by_the_table(tmp_path: Path) -> None:
    table = _plan(tmp_path, 'spoken=["b"]\nstrange=["a"]\n[ru.groups]\nx=["a", "c"]\ny=["b"]\n')
    first, second, third = (Source(name) for name in "abc")

    plan = group_sources([first, second, third], table, "ru")

    assert plan.groups == {"x": [first, third], "y": [second]}
    assert (plan.spoken, plan.strange) == ([second], [first])


def test_a_text_without_sources_is_one_group(tmp_path: Path) -> None:
    plan = group_sources([Source("text")], tmp_path / "none.toml", "ru")

    assert [*plan.groups] == ["text"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'spoken=["a"]\nstrange=[]\n[ru.groups]\nx=["a"]\n',
            r"without a group or unknown: \['b'\]",
        ),
        ('spoken=["c"]\nstrange=[]\n[ru.groups]\nx=["a", "b"]\n', r"unknown: \['c'\]"),
        ('spoken=[]\nstrange=["a"]\n[ru.groups]\nx=["a"]\ny=["b"]\n', r"x: all its sources"),
    ],
)
def test_a_wrong_table_is_an_error_that_names_the_source(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(ValueError, match=f"sources.toml: ru: .*{message}"):
        group_sources([Source("a"), Source("b")], _plan(tmp_path, text), "ru")


def test_rare_compounds_are_cut_and_particles_stay() -> None:
    line = ("дед-мороз", "кто-то", "военно-морской")
    source = Source("a", training=[line, ("военно-морской",) * 2])

    join_hyphens([source])

    assert source.training[0] == ("дед", "мороз", "кто-то", "военно-морской")


def test_words_of_the_text_come_before_words_of_lists() -> None:
    counts = Counter({"дом": 2, "кот": 1, "кг": 9})
    general = {"лес": 0.5, "кот": 0.0001, "сад": 0.1}

    assert choose_words(counts, general, "ru", size=1) == ["дом"]
    assert choose_words(counts, general, "ru", size=3) == ["лес", "дом", "сад"]
    assert choose_words(counts, general, "ru", size=9, known={"сад": [("S",)]}) == ["сад"]


def test_the_lexicon_has_letters_or_every_pronunciation_of_the_dictionary(tmp_path: Path) -> None:
    (tmp_path / "dict").write_text("a AH0\na(2) EY1\na.m. EY EH M\nit's IH T S\n!mark M\n", "utf-8")
    known = dictionary(tmp_path / "dict")

    write_lexicon(tmp_path / "en", pronunciations(["it's", "a"], "en", known))
    write_lexicon(tmp_path / "ru", pronunciations(["кто-то"], "ru", None))

    assert (tmp_path / "en").read_text("utf-8") == "it's\tIH T S\na\tAH\na\tEY\n"
    assert (tmp_path / "ru").read_text("utf-8") == "кто-то\tк т о т о\n"


def test_sentences_with_something_new_are_chosen_before_repetitions() -> None:
    same = [("one", "two", "three"), ("one", "two", "three", "one")]
    pool = [*same, ("seven", "purple", "foxes"), ("one", "unknown", "word"), ("too", "short")]
    words = frozenset(["one", "two", "three", "seven", "purple", "foxes", "too", "short"])

    chosen = choose_sentences(pool, words, 2)

    assert ("seven", "purple", "foxes") in chosen
    assert len(choose_sentences(pool, words, 10)) == 3
