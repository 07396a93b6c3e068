"""Words from tokens, spellings of hotwords, and whether a device is really used."""

import os
from pathlib import Path

import pytest

from fakes.tone_transducers import sentencepiece_model
from rechka.errors import RequestError
from rechka.recognition.engines.sherpa.device import check_device, listen_to_stderr
from rechka.recognition.engines.sherpa.hotwords import spell_hotwords
from rechka.recognition.engines.sherpa.pieces import Pieces, read_pieces
from rechka.recognition.engines.sherpa.tokens import join_words, read_tokens
from rechka.recognition.engines.sherpa.writing import lower, strip_punctuation
from rechka.recognition.port import Hotword


def words_of(*tokens: str) -> list[tuple[str, int, int, tuple[float, ...]]]:
    times_ms = [100 * number for number in range(len(tokens))]
    log_probs = [-0.1 * number for number in range(len(tokens))]
    joined = join_words(tokens, times_ms, log_probs)
    return [(word.text, word.start_ms, word.end_ms, word.log_probs) for word in joined]


def test_a_space_begins_a_word() -> None:
    assert words_of(" to", "day", " it", " is") == [
        ("today", 0, 100, (-0.0, -0.1)),
        ("it", 200, 200, (-0.2,)),
        ("is", 300, 300, (pytest.approx(-0.3),)),
    ]
    assert [word[0] for word in words_of("day", " it")] == ["day", "it"]
    assert join_words([], [], []) == []
    assert join_words([" it"], [40], [])[0].log_probs == ()


def test_a_lone_mark_of_a_words_start_is_no_word() -> None:
    assert [word[:3] for word in words_of(" ", "d", "ay", " ", " it", " ")] == [
        ("day", 0, 200),
        ("it", 400, 400),
    ]


def test_bytes_of_a_letter_that_is_no_token_make_the_letter() -> None:
    assert [word[0] for word in words_of(" caf", "<0xC3>", "<0xA9>", " no")] == ["café", "no"]
    assert [word[0] for word in words_of(" caf", "<0xC3>", " no")] == ["caf", "no"]
    assert [word[0] for word in words_of(" <b>")] == ["<b>"]


def test_tokens_may_be_other_spaces_than_the_plain_one(tmp_path: Path) -> None:
    path = tmp_path / "tokens.txt"
    path.write_text("<blk> 0\r\n\u3000\t2\n\u2028 1\n", encoding="utf-8", newline="")
    assert read_tokens(path) == ("<blk>", "\u2028", "\u3000")


def test_small_letters_follow_the_language() -> None:
    assert lower("ISPARTA İZMİR", "tr-TR") == "ısparta izmir"
    assert lower("ISPARTA", "en-US") == "isparta"
    assert lower("МОСКВА", "ru-RU") == "москва"


def test_punctuation_is_taken_off_a_words_ends_only() -> None:
    assert strip_punctuation("«Привет,") == "Привет"
    assert strip_punctuation("it's") == "it's"
    assert strip_punctuation("...") == ""
    assert strip_punctuation("50%") == "50"


PIECES = Pieces({"▁": -9, "▁to": -1, "day": -2, "d": -5, "a": -6, "y": -7, "▁d": -3, "t": -8})


def test_a_word_is_spelled_in_the_pieces_of_the_highest_score() -> None:
    assert PIECES.count("today") == 2
    assert PIECES.count("day") == 2
    assert PIECES.count("da") == 2
    assert PIECES.count("t") == 2
    assert PIECES.count("toy") == 2
    assert PIECES.count("boy") == 0
    assert PIECES.count("") == 1


def test_a_words_boost_is_shared_among_its_tokens() -> None:
    phrases = [Hotword("today", 3.0), Hotword("TODAY  day", 6.0), Hotword("toy", -1.0)]
    assert spell_hotwords(phrases, PIECES) == "today :1.5000/today day :3.0000/toy :-0.5000"


def test_phrases_that_cannot_be_spelled_are_passed_over() -> None:
    texts = ("boy", "today boy", "", " ", "to/day", ":3", "day :3", "#1", "@day", "day\n#2")
    assert spell_hotwords([Hotword(text, 2.0) for text in texts], PIECES) == ""
    assert spell_hotwords([Hotword("today", 0.0)], PIECES) == ""
    mixed = [Hotword("boy", 2.0), Hotword("today", 2.0), Hotword("Today", 9.0)]
    assert spell_hotwords(mixed, PIECES) == "today :1.0000"


def test_a_phrase_is_written_in_the_letters_that_the_model_has() -> None:
    capitals = Pieces({"▁T": -1, "O": -2})
    assert spell_hotwords([Hotword("to", 2.0)], capitals) == "TO :1.0000"
    both = Pieces({"▁T": -1, "▁t": -2, "o": -3, "O": -4})
    assert spell_hotwords([Hotword("to to", 2.0)], both) == "/".join(
        ["to to :1.0000", "To to :1.0000", "To To :1.0000"]
    )
    assert "TO :1.0000" in spell_hotwords([Hotword("TO", 2.0)], both)


def test_only_pieces_that_are_tokens_are_read(tmp_path: Path) -> None:
    path = tmp_path / "bpe.model"
    path.write_bytes(sentencepiece_model([("▁to", -0.5), ("day", -1.5), ("x", -2.0)]))
    pieces = read_pieces(path, ["<blk>", "<unk>", "▁to", "day"])
    assert pieces is not None
    assert pieces.vocabulary() == "▁to\t-0.5\nday\t-1.5\n"


def test_without_a_file_the_order_of_the_tokens_is_their_rank() -> None:
    pieces = read_pieces(None, ["<blk>", "<unk>", "▁to", "day"])
    assert pieces is not None
    assert pieces.vocabulary() == "▁to\t-0.0\nday\t-1.0\n"
    assert read_pieces(None, ["<blk>", "a", "b"]) is None


def test_what_is_written_to_the_standard_error_output_is_kept_and_passed_on(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with listen_to_stderr() as heard:
        os.write(2, b"first\n")
    os.write(2, b"second\n")
    assert heard.text == "first\n"
    assert capfd.readouterr().err == "first\nsecond\n"


def test_a_device_counts_only_if_its_code_is_there_and_nothing_was_said(tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    with pytest.raises(RequestError, match="libonnxruntime_providers_cuda was not loaded"):
        check_device("cuda", "", maps)
    maps.write_text("7f00-7f01 r-xp 00000000 08:01 1 /lib/libonnxruntime_providers_cuda.so\n")
    check_device("cuda", "loading\n", maps)
    said = "session.cc:1 Failed to enable CUDA: no device. Fallback to cpu\n"
    with pytest.raises(RequestError, match=r"got 'cuda:1', but .*: Failed to enable CUDA"):
        check_device("cuda:1", said, maps)
