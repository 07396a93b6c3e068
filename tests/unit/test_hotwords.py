"""Phrases as text: in metadata, in files, in options."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rechka.errors import RequestError
from rechka.hotwords import (
    DEFAULT_BOOST,
    Hotword,
    format_hotwords,
    parse_hotwords,
    read_hotwords_file,
)
from rechka.session.hotwords import folder_hotwords, join_hotwords
from rechka.wire.hotwords import HOTWORDS, HOTWORDS_BIN, decode_hotwords, encode_hotwords

LETTERS = st.characters(exclude_categories=("C", "Z"), exclude_characters=":;#")
PHRASES = st.lists(st.text(LETTERS, min_size=1, max_size=9), min_size=1, max_size=9).map(" ".join)
HOTWORDS_LISTS = st.lists(
    st.builds(Hotword, PHRASES, st.floats(-20, 20)), max_size=20, unique_by=lambda item: item.text
)


def test_phrases_have_boosts_or_the_default() -> None:
    text = " ivan  petrov:6 ; речка;;teh: -5.5;"
    assert parse_hotwords(text, field="x") == (
        Hotword("ivan petrov", 6.0),
        Hotword("речка", DEFAULT_BOOST),
        Hotword("teh", -5.5),
    )
    assert parse_hotwords(" ; ", field="x") == ()


@given(HOTWORDS_LISTS)
def test_what_is_written_is_read_again(hotwords: list[Hotword]) -> None:
    text = format_hotwords(hotwords, field="x")
    assert parse_hotwords(text, field="x") == tuple(hotwords)
    assert decode_hotwords({HOTWORDS_BIN: encode_hotwords(tuple(hotwords))}) == tuple(hotwords)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ivan:much", "x: got 'ivan:much'; accepted as a boost: a number from -20 to 20"),
        ("ivan:nan", "got 'ivan:nan'; accepted as a boost: a number"),
        ("ivan:21", "got 'ivan:21'; accepted as a boost: a number from -20 to 20"),
        ("ivan:", "got 'ivan:'; accepted as a boost: a number"),
        (":5", "got ':5'; accepted: a phrase of 1 to 10 words and at most 100 characters"),
        ("a b c d e f g h i j k", "accepted: a phrase of 1 to 10 words"),
        ("a" * 101, f"got '{'a' * 40}…'; accepted: a phrase of 1 to 10 words"),
        ("10:30:5", "got '10:30:5'; accepted: phrases without : and ;"),
        ("a\0b", r"got 'a\\x00b'; accepted: phrases without : and ; and without control"),
        (";".join(["a"] * 101), "x: got 101 phrases; accepted: at most 100"),
    ],
)
def test_what_is_no_phrase_is_named(text: str, problem: str) -> None:
    with pytest.raises(RequestError, match=problem) as caught:
        parse_hotwords(text, field="x")
    assert list(caught.value.violations) == ["x"]


def test_phrases_that_cannot_be_written_are_refused() -> None:
    for phrase in (Hotword("10:30", 1.0), Hotword("a;b", 1.0), Hotword("a", 50.0)):
        with pytest.raises(RequestError, match="hotwords: "):
            encode_hotwords((phrase,))
    long = tuple(Hotword(f"{number:02}{'я' * 98}", 1.0) for number in range(90))
    with pytest.raises(RequestError, match="bytes of phrases; accepted: at most 16384"):
        encode_hotwords(long)


def test_a_header_carries_other_letters_in_percents() -> None:
    expected = (Hotword("речка", 6.0), Hotword("a%", 4.0))
    percents = "%D1%80%D0%B5%D1%87%D0%BA%D0%B0:6;a%25"
    assert decode_hotwords({HOTWORDS: percents}) == expected
    assert decode_hotwords({}) == ()


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        ({HOTWORDS: "a", HOTWORDS_BIN: b"a"}, "it came together with x-rechka-hotwords-bin"),
        ({HOTWORDS: "%zz"}, r"metadata\.x-rechka-hotwords: got a % without two hex"),
        ({HOTWORDS: "river%2"}, r"metadata\.x-rechka-hotwords: got a % without two hex"),
        ({HOTWORDS: "river%"}, r"metadata\.x-rechka-hotwords: got a % without two hex"),
        ({HOTWORDS: "%FF"}, r"metadata\.x-rechka-hotwords: got other bytes than UTF-8"),
        ({HOTWORDS_BIN: b"\xff"}, r"metadata\.x-rechka-hotwords-bin: got other bytes than UTF-8"),
        ({HOTWORDS: "a:b"}, r"metadata\.x-rechka-hotwords: got 'a:b'"),
        ({HOTWORDS_BIN: b"a" * 16_385}, "got 16385 bytes; accepted: at most 16384"),
    ],
)
def test_headers_that_are_no_good_are_refused(
    metadata: dict[str, str | bytes], problem: str
) -> None:
    with pytest.raises(RequestError, match=problem):
        decode_hotwords(metadata)


def test_a_file_has_a_phrase_a_line(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_text("\ufeff# Names\nиван петров : 6\n\nречка  # a river\n", encoding="utf-8")
    expected = (Hotword("иван петров", 6.0), Hotword("речка", DEFAULT_BOOST))
    assert read_hotwords_file(path, field="x") == expected


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"ivan\npetrov:x\n", r"recognition\.hotwords\.f: .*names\.txt, line 2: got 'petrov:x'"),
        (b"\xff\xfe", r"recognition\.hotwords\.f: .*names\.txt: 'utf-8' codec"),
        (b"a\n" * 501, "got 501 phrases; accepted: at most 500"),
        (b"#" * (2**20 + 1), "got 1048577 bytes; accepted: at most 1048576"),
        (None, "No such file"),
    ],
)
def test_a_file_that_is_no_good_is_refused(
    tmp_path: Path, data: bytes | None, problem: str
) -> None:
    path = tmp_path / "names.txt"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(RequestError, match=problem):
        folder_hotwords({"f": path}, "f")


def test_a_folder_without_a_file_of_its_own_has_that_of_the_others(tmp_path: Path) -> None:
    own, others = tmp_path / "own.txt", tmp_path / "others.txt"
    own.write_text("ivan:5\n")
    others.write_text("petrov:3\n")
    assert folder_hotwords({"f": own, "*": others}, "f") == (Hotword("ivan", 5.0),)
    assert folder_hotwords({"f": own, "*": others}, "g") == (Hotword("petrov", 3.0),)
    assert folder_hotwords({"f": own}, "g") == ()


def test_the_sessions_own_boost_of_a_phrase_counts() -> None:
    own, folders = (Hotword("Ivan", 1.0),), (Hotword("ivan", 9.0), Hotword("petrov", 2.0))
    assert join_hotwords(own, folders) == (Hotword("Ivan", 1.0), Hotword("petrov", 2.0))
