"""What is answered, and when."""

from rechka.recognition.port import Finished, Heard, Observation
from rechka.results import Final, Hypothesis, Word
from rechka.session.replies import Replies
from rechka.settings import ResultSettings
from rechka.text.pipeline import TextOptions, TextPipeline


def replies(*, partial_results: bool = True, **settings: object) -> Replies:
    pipeline = TextPipeline(TextOptions(language="en-US"))
    values = {"partial_interval_ms": 100, **settings}
    return Replies(ResultSettings.model_validate(values), pipeline, partial_results=partial_results)


def heard(text: str) -> Heard:
    return Heard(0, Observation(Hypothesis(text)), decoded_ms=100)


def partial_text(replies: Replies, text: str, *, now_s: float) -> str | None:
    partial = replies.partial(heard(text), offset_ms=0, now_s=now_s)
    return None if partial is None else partial.hypothesis.text


def test_a_partial_is_sent_when_the_text_changes() -> None:
    made = replies()
    assert partial_text(made, "", now_s=0.0) is None
    assert partial_text(made, "hello", now_s=0.0) == "Hello"
    assert partial_text(made, "hello", now_s=1.0) is None
    assert partial_text(made, "hello world", now_s=2.0) == "Hello world"


def test_a_partial_that_is_too_early_is_dropped_and_its_text_comes_later() -> None:
    made = replies()
    assert partial_text(made, "a", now_s=0.0) == "A"
    assert partial_text(made, "a b", now_s=0.05) is None
    assert partial_text(made, "a b", now_s=0.1) == "A b"


def test_no_partial_is_sent_to_who_does_not_want_them() -> None:
    assert partial_text(replies(partial_results=False), "hello", now_s=0.0) is None


def test_times_are_moved_to_the_session_and_rounded_once() -> None:
    hypothesis = Hypothesis("a b", (Word("a", 10, 20), Word("b", 30, 41)))
    final = replies().final(Finished(0, (hypothesis,)), offset_ms=1000.4)
    assert final is not None
    assert [(word.start_ms, word.end_ms) for word in final.alternatives[0].words] == [
        (1010, 1020),
        (1030, 1041),
    ]
    assert (final.start_ms, final.end_ms) == (1010, 1041)


def test_an_utterance_without_text_has_no_result() -> None:
    assert replies().final(Finished(0, ()), offset_ms=0) is None
    assert replies().final(Finished(0, (Hypothesis(""),)), offset_ms=0) is None


def test_text_that_was_shown_is_taken_back_by_an_empty_final() -> None:
    made = replies()
    partial_text(made, "hello", now_s=0.0)
    assert made.final(Finished(0, ()), offset_ms=0) == Final((Hypothesis(""),))
    # The next utterance begins afresh.
    assert made.final(Finished(1, ()), offset_ms=0) is None
    assert partial_text(made, "hello", now_s=9.0) == "Hello"


def test_alternatives_are_at_most_as_many_as_set_and_keep_their_order() -> None:
    alternatives = tuple(Hypothesis(text) for text in ("best", "good", "fair"))
    final = replies(max_alternatives=2).final(Finished(0, alternatives), offset_ms=0)
    assert final is not None
    assert [item.text for item in final.alternatives] == ["Best", "Good"]


def test_confidences_are_one_unless_the_engines_are_asked_for() -> None:
    finished = Finished(0, (Hypothesis("a", (Word("a", 0, 1, 0.5),), 0.25),))
    documented = replies().final(finished, offset_ms=0)
    measured = replies(confidence="engine").final(finished, offset_ms=0)
    assert documented is not None
    assert measured is not None
    assert documented.alternatives[0].confidence == 1
    assert documented.alternatives[0].words[0].confidence == 1
    assert measured.alternatives[0].confidence == 0.25
    assert measured.alternatives[0].words[0].confidence == 0.5
