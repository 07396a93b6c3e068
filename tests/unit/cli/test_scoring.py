"""Error rates."""

import pytest

from rechka.cli.scoring import score


def test_one_wrong_word_of_four_is_a_quarter() -> None:
    result = score(["one two three four"], ["one two tree four"])
    assert result.wer == 0.25
    assert result.cer == pytest.approx(1 / 18)


def test_case_punctuation_and_yo_count_only_in_the_exact_rates() -> None:
    result = score(["ещё side-tap don't"], ["Еще, side tap don’t."])
    assert (result.wer, result.cer) == (0, 0)
    assert result.exact_wer > 0
    assert result.exact_cer > 0


def test_long_texts_weigh_more() -> None:
    assert score(["a b c", "d"], ["a b c", "x"]).wer == 0.25


def test_an_empty_text_is_all_wrong() -> None:
    assert score(["one two"], [""]).wer == 1


def test_what_is_recognized_where_nothing_was_said_is_inserted() -> None:
    assert score(["one two", ""], ["one two", "three"]).wer == 0.5
    assert score(["one two", "..."], ["one two", "three"]).wer == 0.5
    assert score(["", ""], ["one two", "three"]).wer == 3
    assert score([""], [""]).cer == 0
