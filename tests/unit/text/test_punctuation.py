"""Punctuation and capitals: what is certain of the models, and their right context."""

import pytest

from rechka.errors import RequestError
from rechka.text import punctuate
from rechka.text.features import RIGHT_CONTEXT_WORDS, word_features
from rechka.text.punctuation import punctuator_for
from rechka.text.tokens import Token


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en-US", "hello how are you", "Hello, how are you?"),
        ("ru-RU", "привет как дела", "Привет, как дела?"),
        ("tr-TR", "istanbul çok güzel bir şehir", "İstanbul çok güzel bir şehir."),
        ("ru-RU", "я знаю что ты дома", "Я знаю, что ты дома."),
    ],
)
def test_plain_sentences_are_written_as_people_do(language: str, text: str, expected: str) -> None:
    assert punctuate(text, language=language) == expected


@pytest.mark.parametrize("language", ["en", "ru", "tr"])
def test_the_end_always_has_a_full_stop_or_question_mark(language: str) -> None:
    for text in ("a", "abc 25%", "в", "x y z w v u"):
        written = punctuate(text, language=language)
        assert written[-1] in ".?"
        assert written.lower().replace(",", "").replace(".", "").replace("?", "") == text


@pytest.mark.parametrize(
    ("language", "text", "mark"),
    [
        ("ru-RU", "да", "."),
        ("ru-RU", "можно", "."),
        ("ru-RU", "ты дома", "."),
        ("ru-RU", "что", "?"),
        ("ru-RU", "слышно ли", "?"),
        ("ru-RU", "как дела", "?"),
        ("en-US", "yes", "."),
        ("en-US", "yes please", "."),
        ("en-US", "are you there", "?"),
        ("tr-TR", "evet", "."),
        ("tr-TR", "tamam", "."),
        ("tr-TR", "var mı", "?"),
        ("tr-TR", "nasılsın", "?"),
    ],
)
def test_a_few_words_are_asked_only_with_a_question_word(
    language: str, text: str, mark: str
) -> None:
    assert punctuate(text, language=language)[-1] == mark


@pytest.mark.parametrize("language", ["ru", "en", "tr"])
def test_no_short_answer_is_a_question(language: str) -> None:
    answers = {
        "ru": "да нет ага угу конечно хорошо алло можно ладно правда понятно нормально",
        "en": "yes no yeah okay sure right really maybe hello fine thanks never",
        "tr": "evet hayır tamam olur peki alo belki tabii doğru yok var iyiyim",
    }[language].split()
    said = [*answers, *(f"{answer} {answer}" for answer in answers)]
    assert [text for text in said if "?" in punctuate(text, language=language)] == []


def test_nothing_stays_nothing() -> None:
    assert punctuate("", language="en-US") == ""


def test_a_language_without_a_model_is_refused() -> None:
    with pytest.raises(RequestError, match="de-DE"):
        punctuate("hallo", language="de-DE")


def test_a_word_past_the_right_context_changes_no_decision() -> None:
    punctuator = punctuator_for("en-US")
    said = "i think that we should go home now because it is late and the bus is gone"
    words = said.split()
    tokens = [Token(word, at, at) for at, word in enumerate(words)]
    whole = punctuator.punctuate(tokens)
    for count in range(RIGHT_CONTEXT_WORDS + 1, len(tokens)):
        partial = punctuator.punctuate_partial(tokens[:count], settled=count)
        assert partial[: count - RIGHT_CONTEXT_WORDS] == whole[: count - RIGHT_CONTEXT_WORDS]
        assert [token.text for token in partial[count - RIGHT_CONTEXT_WORDS + 1 :]] == words[
            count - RIGHT_CONTEXT_WORDS + 1 : count
        ]


def test_a_number_that_grows_looks_the_same_to_the_model() -> None:
    assert word_features("20") == word_features("25%") == word_features("12:30")
