"""The small parts: credentials, metadata, seams, joined texts, and what is imported."""

import subprocess
import sys

import pytest

import rechka.client
from rechka.client.channel import Credentials, call_metadata
from rechka.client.seam import divide, later, rests_ms, resume_ms
from rechka.client.transcript import join_finals
from rechka.errors import RequestError
from rechka.results import Final, Hypothesis, Partial, Result, Word
from rechka.spec import RecognitionSpec

BLOCKED = [
    "numpy",
    "numba",
    "av",
    "pydantic",
    "structlog",
    "starlette",
    "uvicorn",
    "soxr",
    "sounddevice",
]


def final(*words: tuple[str, int, int], text: str | None = None, ends: bool = True) -> Final:
    heard = tuple(Word(*word) for word in words)
    written = " ".join(word.text for word in heard) if text is None else text
    reading = Hypothesis(written, words=heard)
    return Final((reading,), ends, start_ms=heard[0].start_ms, end_ms=heard[-1].end_ms)


def test_the_client_needs_no_package_of_the_server() -> None:
    block = f"""
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {BLOCKED}:
            raise ModuleNotFoundError(name=name)
sys.meta_path.insert(0, Block())
import rechka.client, rechka.cli.recognize, rechka.cli.mic, rechka.cli.proto
"""
    done = subprocess.run(
        [sys.executable, "-c", block], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_public_names_are_documented() -> None:
    for name in rechka.client.__all__:
        assert getattr(rechka.client, name).__doc__


def test_secrets_become_headers() -> None:
    assert Credentials(token="t1.abc\n").header() == "Bearer t1.abc"
    assert Credentials(api_key="AQVN").header() == "Api-Key AQVN"
    assert Credentials(token=lambda: "fresh").header() == "Bearer fresh"
    assert Credentials().header() is None


@pytest.mark.parametrize("secret", ["", "  ", "two\nlines", "naïve"])
def test_a_secret_that_no_header_can_carry_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(RequestError) as caught:
        Credentials(api_key=secret).header()
    assert secret.strip() == "" or secret not in caught.value.message
    with pytest.raises(RequestError, match="one of them"):
        Credentials(token="a", api_key="b")


def test_credentials_do_not_show_their_secret() -> None:
    assert "AQVN" not in repr(Credentials(api_key="AQVN"))


def test_metadata_of_the_caller_wins() -> None:
    extra = [("authorization", "Bearer own"), ("x-client-request-id", "mine")]
    assert call_metadata(Credentials(token="t"), RecognitionSpec(), extra) == extra


@pytest.mark.parametrize("pair", [("Upper", "x"), ("", "x"), ("key", "naïve"), ("key", "a\nb")])
def test_metadata_that_cannot_be_sent_is_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(RequestError, match="metadata"):
        call_metadata(Credentials(), RecognitionSpec(), [pair])


def test_results_are_moved_as_a_whole() -> None:
    moved = later(final(("a", 0, 100), ("b", 150, 250)), 1_000.4)
    assert moved == final(("a", 1_000, 1_100), ("b", 1_150, 1_250))
    assert later(Partial(Hypothesis("a")), 5) == Partial(Hypothesis("a"))


def test_audio_goes_on_inside_the_pause_after_a_final() -> None:
    assert rests_ms(final(("a", 0, 500))) == 600
    assert rests_ms(final(("a", 0, 500), ends=False)) == 500
    # It may have been ended for its length.
    assert rests_ms(final(("a", 0, 500), ("b", 14_600, 15_000))) == 15_000
    assert rests_ms(Final((Hypothesis("a"),))) is None


def test_a_final_is_heard_again_from_a_little_before_it() -> None:
    assert resume_ms(final(("a", 1_000, 1_200))) == 750
    assert resume_ms(final(("a", 100, 200))) == 0


def test_a_final_is_divided_before_the_first_word_that_may_be_cut() -> None:
    whole = final(("one", 0, 300), ("two", 400, 700), ("thr", 760, 1_000), text="One, two. Thr")
    assert divide(whole, 700) == (final(("one", 0, 300), ("two", 400, 700), text="One, two."), 730)
    assert divide(whole, 699) == (final(("one", 0, 300), text="One,"), 350)
    assert divide(whole, 299) is None


def test_a_text_that_does_not_match_its_words_is_written_from_them() -> None:
    whole = final(("twenty", 0, 300), ("five", 400, 700), ("x", 750, 800), text="25 x")
    divided = divide(whole, 700)
    assert divided is not None
    assert divided[0].alternatives[0].text == "twenty five"


def test_finals_are_joined_and_empty_ones_passed_over() -> None:
    results: list[Result] = [
        Partial(Hypothesis("he")),
        Final((Hypothesis("Hello"), Hypothesis("Yellow"))),
        Final((Hypothesis(""),)),
        Final((Hypothesis("world"),)),
    ]
    assert join_finals(results) == "Hello world"
    assert join_finals([]) == ""
