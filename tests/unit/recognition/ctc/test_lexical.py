"""The beam search against the definition: sums over all alignments of all word sequences."""

import itertools
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.small_language import NGrams, build, log_prob, random_ngrams
from rechka.recognition.engines.ctc.beam import BeamParameters
from rechka.recognition.engines.ctc.graph import Graph
from rechka.recognition.engines.ctc.hotwords import HotwordBoost
from rechka.recognition.engines.ctc.lexical import LexicalDecoder
from rechka.recognition.engines.ctc.phrases import next_phrase
from rechka.recognition.engines.ctc.readings import Calibration
from rechka.recognition.engines.ctc.tokens import Tokens
from rechka.recognition.port import Hotword

TOKENS = ("a", "b", "c", "<blk>")
LEXICON = [("a", "a"), ("ab", "a b"), ("bee", "b"), ("be", "b"), ("cab", "c a b"), ("ab", "b a")]
WORDS = list(dict.fromkeys(word for word, _ in LEXICON))
# Nothing is pruned.
WIDE = BeamParameters(
    lm_weight=0.7, word_bonus=0.3, beam=100_000, score_beam=60.0, alternatives_beam=60.0
)


def emissions(rng: np.random.Generator, frames: int, tokens: int = 4) -> np.ndarray:
    logits = rng.normal(0.0, 2.0, (frames, tokens))
    return normalized(logits)


def normalized(logits: np.ndarray) -> np.ndarray:
    log_probs: np.ndarray = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return log_probs.astype(np.float32)


def decoder(
    graph: Graph, tokens: Tokens, parameters: BeamParameters = WIDE, *hotwords: Hotword
) -> LexicalDecoder:
    return LexicalDecoder(
        graph,
        tokens,
        parameters=parameters,
        calibration=Calibration(),
        hotwords=HotwordBoost(hotwords, graph, lm_weight=parameters.lm_weight),
    )


def alignments(log_probs: np.ndarray, blank: int) -> dict[tuple[int, ...], list[float]]:
    """Return the probabilities of all paths of each token sequence."""
    found: dict[tuple[int, ...], list[float]] = {}
    frames, tokens = log_probs.shape
    for path in itertools.product(range(tokens), repeat=frames):
        collapsed = tuple(token for token, _ in itertools.groupby(path) if token != blank)
        score = float(sum(log_probs[frame, token] for frame, token in enumerate(path)))
        found.setdefault(collapsed, []).append(math.exp(score))
    return found


def parses(spelling: tuple[int, ...]) -> Iterator[tuple[str, ...]]:
    """Return every way to cut tokens into words."""
    if not spelling:
        yield ()
    for word, text in LEXICON:
        own = tuple(TOKENS.index(token) for token in text.split())
        if spelling[: len(own)] == own:
            for rest in parses(spelling[len(own) :]):
                yield word, *rest


def brute_force(log_probs: np.ndarray, table: NGrams) -> tuple[dict[str, float], float]:
    """Return the score of each text, and that of the best single path."""
    paths: dict[tuple[str, ...], list[float]] = {}
    for spelling, probabilities in alignments(log_probs, TOKENS.index("<blk>")).items():
        for words in parses(spelling):
            paths.setdefault(words, []).extend(probabilities)
    scores, best = {}, -math.inf
    for words, probabilities in paths.items():
        context = ["<s>"]
        log_lm = 0.0
        for word in (*words, "</s>"):
            log_lm += log_prob(table, context, word) * math.log(10)
            context.append(word)
        prior = WIDE.lm_weight * log_lm + WIDE.word_bonus * len(words)
        scores[" ".join(words)] = math.log(sum(probabilities)) + prior
        best = max(best, math.log(max(probabilities)) + prior)
    return scores, best


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 10_000), frames=st.integers(1, 6), order=st.integers(1, 3))
def test_the_best_reading_is_at_least_that_of_the_best_path(
    tmp_path: Path, seed: int, frames: int, order: int
) -> None:
    rng = np.random.default_rng(seed)
    table = random_ngrams(WORDS, order, rng)
    graph, tokens = build(tmp_path, LEXICON, table, TOKENS)
    log_probs = emissions(rng, frames)
    expected, best_path = brute_force(log_probs, table)
    ours = decoder(graph, tokens)
    ours.accept(log_probs)
    readings = ours.finish(8)
    # Where histories meet the better sum goes on, so the sum that arrives at the end is
    # never smaller than the best single path.
    assert expected[readings[0].text if readings else ""] >= best_path - 1e-3
    assert len({reading.text for reading in readings}) == len(readings)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 10_000))
def test_readings_that_never_meet_have_exact_scores(tmp_path: Path, seed: int) -> None:
    # Two words at most and an order of 3: each history is a state of its own.
    rng = np.random.default_rng(seed)
    table = random_ngrams(WORDS, 1, rng)
    for length in (1, 2):
        before = [key for key in table if len(key) == length and key[-1] != "</s>"]
        for key, word in itertools.product(before, WORDS):
            backoff = -0.5 if length == 1 else 0.0
            table[*key, word] = (-0.05 * float(rng.integers(1, 40)), backoff)
    table["<s>",] = (-99.0, -0.2)
    for word in WORDS:
        table[word,] = (table[word,][0], -0.3)
    graph, tokens = build(tmp_path, LEXICON, table, TOKENS)
    log_probs = emissions(rng, 2)
    expected, _ = brute_force(log_probs, table)
    ours = decoder(graph, tokens)
    ours.accept(log_probs)
    paths = ours._paths(100)
    traces = ours._search.traces
    got = {
        " ".join(graph.text(int(traces.words["word"][trace])) for trace in chain): score
        for score, chain in paths
    }
    assert set(got) == set(expected)
    best = max(expected, key=expected.__getitem__)
    for text, score in expected.items():
        assert got[text] - got[best] == pytest.approx(score - expected[best], abs=2e-3)


def test_frames_may_come_in_any_pieces(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    graph, tokens = build(tmp_path, LEXICON, random_ngrams(WORDS, 2, rng), TOKENS)
    log_probs = emissions(rng, 60)
    whole, cut = (decoder(graph, tokens, BeamParameters(beam=30)) for _ in range(2))
    whole.accept(log_probs)
    for row in log_probs:
        cut.accept(row[None])
        assert cut.observe() == cut.observe()
    assert whole.finish(5) == cut.finish(5)


def spelled(text: str, *, frames: int = 2, gap: int = 2, sure: float = 12.0) -> np.ndarray:
    """Return outputs that spell tokens one after the other, a space being a longer gap."""
    rows = []
    blank = len(TOKENS) - 1
    for token in text:
        rows += [blank] * gap if token == " " else [TOKENS.index(token)] * frames + [blank] * gap
    logits = np.zeros((len(rows), len(TOKENS)))
    logits[np.arange(len(rows)), rows] = sure
    return normalized(logits)


def flat(words: Sequence[str] = WORDS) -> NGrams:
    value = -math.log10(len(words) + 1)
    table: NGrams = {("<s>",): (-99.0, 0.0)}
    table |= {(word,): (value, 0.0) for word in (*words, "</s>")}
    return table


def test_words_have_the_frames_of_their_tokens(tmp_path: Path) -> None:
    graph, tokens = build(tmp_path, LEXICON, flat(), TOKENS)
    ours = decoder(graph, tokens)
    ours.accept(spelled("cab   ab"))
    words = ours.finish(1)[0].words
    assert [(word.text, word.start, word.end) for word in words] == [("cab", 0, 10), ("ab", 18, 24)]


def test_silence_is_counted_from_the_last_token(tmp_path: Path) -> None:
    graph, tokens = build(tmp_path, LEXICON, flat(), TOKENS)
    ours = decoder(graph, tokens)
    ours.accept(spelled("  "))
    assert ours.silent_frames == 4
    ours.accept(spelled("cab"))
    assert ours.silent_frames == 2
    ours.accept(spelled("   "))
    assert ours.silent_frames == 8
    assert ours.observe().text == "cab"


def test_a_doubled_token_needs_a_blank_between(tmp_path: Path) -> None:
    graph, tokens = build(tmp_path, [("aa", "a a"), ("a", "a")], flat(["aa", "a"]), TOKENS)
    joined, parted = decoder(graph, tokens), decoder(graph, tokens)
    joined.accept(spelled("a", frames=4))
    parted.accept(spelled("aa", frames=2))
    assert joined.finish(1)[0].text == "a"
    assert parted.finish(1)[0].text in {"aa", "a a"}


def test_homophones_are_told_apart_by_the_language_model(tmp_path: Path) -> None:
    table = dict(flat())
    table |= {("cab", "be"): (-0.1, 0.0), ("ab", "bee"): (-0.1, 0.0)}
    table |= {("cab",): (-1.0, -0.5), ("ab",): (-1.0, -0.5)}
    graph, tokens = build(tmp_path, LEXICON, table, TOKENS)
    for text, heard in [("cab b", "cab be"), ("ab b", "ab bee")]:
        ours = decoder(graph, tokens)
        ours.accept(spelled(text))
        readings = ours.finish(8)
        assert readings[0].text == heard
        other = heard.replace("bee", "be") if "bee" in heard else heard.replace("be", "bee")
        assert other in [reading.text for reading in readings]
        confidences = [reading.confidence for reading in readings]
        assert confidences == sorted(confidences, reverse=True)


def test_a_merged_reading_is_as_far_behind_as_the_language_model_puts_it(tmp_path: Path) -> None:
    table = dict(flat())
    table |= {("ab", "bee"): (-0.1, 0.0), ("ab",): (-1.0, -0.5)}
    graph, tokens = build(tmp_path, LEXICON, table, TOKENS)
    ours = decoder(graph, tokens)
    ours.accept(spelled("ab b"))
    scores = {
        tuple(graph.text(int(ours._search.traces.words["word"][trace])) for trace in chain): score
        for score, chain in ours._paths(8)
    }
    behind = scores["ab", "bee"] - scores["ab", "be"]
    log_ratio = (-0.1 - (table["be",][0] - 0.5)) * math.log(10)
    # Probabilities of words are rounded to 256 levels.
    assert behind == pytest.approx(WIDE.lm_weight * log_ratio, abs=0.02)


def test_a_word_is_shown_from_its_second_letter_on_as_the_likeliest(tmp_path: Path) -> None:
    lexicon = [("cab", "c a b"), ("caba", "c a b a"), ("cc", "c c"), ("b", "b")]
    table = dict(flat(["cab", "caba", "cc", "b"])) | {("caba",): (-0.1, 0.0)}
    graph, tokens = build(tmp_path, lexicon, table, TOKENS)
    ours = decoder(graph, tokens)
    shown = []
    for letter in "caba":
        ours.accept(spelled(letter, frames=1, sure=20.0))
        shown.append(ours.observe().text)
    assert shown == ["", "caba", "caba", "caba"]
    (running,) = ours.observe().words
    assert (running.text, running.start, running.end) == ("caba", 0, 10)
    assert 0 <= running.confidence <= 1


def test_a_first_letter_is_shown_once_nothing_follows_it(tmp_path: Path) -> None:
    table = dict(flat(["b", "ba"])) | {("ba",): (-0.1, 0.0)}
    graph, tokens = build(tmp_path, [("b", "b"), ("ba", "b a")], table, TOKENS)
    ours = decoder(graph, tokens)
    shown = []
    for outputs in (spelled("b", frames=1, gap=1), *([spelled(" ", gap=1)] * 3)):
        ours.accept(outputs)
        shown.append(ours.observe().text)
    assert shown == ["", "", "ba", "ba"]


SPACED = ("a", "b", "|", "<blk>")


def said(tokens: str) -> np.ndarray:
    """Return outputs that are sure of a token of `SPACED` a frame; "-" is the blank."""
    rows = [SPACED.index(token) if token != "-" else 3 for token in tokens]
    logits = np.zeros((len(rows), 4))
    logits[np.arange(len(rows)), rows] = 9.0
    return normalized(logits)


def test_a_space_among_the_tokens_stands_between_words(tmp_path: Path) -> None:
    lexicon = [("ab", "a b"), ("ba", "b a")]
    graph, tokens = build(tmp_path, lexicon, flat(["ab", "ba"]), SPACED)
    for outputs in ("ab||ba|", "ab|-ba-", "ab-|ba"):
        ours = decoder(graph, tokens)
        ours.accept(said(outputs))
        assert ours.observe().text == "ab ba"
        words = ours.finish(1)[0].words
        assert [(word.text, word.start, word.end) for word in words] == [
            ("ab", 0, 2),
            ("ba", 4, 6),
        ]


def test_without_a_space_between_them_letters_are_of_one_word(tmp_path: Path) -> None:
    lexicon = [("a", "a"), ("b", "b"), ("aba", "a b a")]
    # The two short words are far more likely than the long one.
    table = dict(flat(["a", "b"])) | {("aba",): (-2.0, 0.0)}
    graph, tokens = build(tmp_path, lexicon, table, SPACED)
    for outputs, text in (("aba", "aba"), ("a-b-a|", "aba"), ("a|b|a", "a b a")):
        ours = decoder(graph, tokens, BeamParameters(lm_weight=1.0, word_bonus=2.0))
        ours.accept(said(outputs))
        assert ours.finish(1)[0].text == text


def test_nothing_but_blanks_is_no_reading(tmp_path: Path) -> None:
    graph, tokens = build(tmp_path, LEXICON, flat(), TOKENS)
    ours = decoder(graph, tokens)
    ours.accept(spelled("     "))
    assert ours.observe().words == ()
    assert ours.finish(5) == []
    assert decoder(graph, tokens).finish(5) == []


def test_a_word_that_is_cut_off_does_not_take_the_others_along(tmp_path: Path) -> None:
    graph, tokens = build(tmp_path, [("cab", "c a b")], flat(["cab"]), TOKENS)
    ours = decoder(graph, tokens, BeamParameters(beam=1))
    ours.accept(spelled("cab ca", sure=20.0))
    assert [reading.text for reading in ours.finish(5)] == ["cab"]


def hear(graph: Graph, tokens: Tokens, log_probs: np.ndarray, *hotwords: Hotword) -> str:
    ours = decoder(graph, tokens, WIDE, *hotwords)
    ours.accept(log_probs)
    return ours.finish(1)[0].text


def test_a_hotword_wins_where_the_sound_is_the_same(tmp_path: Path) -> None:
    table = dict(flat()) | {("be",): (-0.3, 0.0), ("bee",): (-2.5, 0.0)}
    graph, tokens = build(tmp_path, LEXICON, table, TOKENS)
    log_probs = spelled("cab b")
    assert hear(graph, tokens, log_probs) == "cab be"
    assert hear(graph, tokens, log_probs, Hotword("bee", 6.0)) == "cab bee"
    assert hear(graph, tokens, log_probs, Hotword("BEE", 6.0)) == "cab bee"
    assert hear(graph, tokens, log_probs, Hotword("unheard-of", 6.0)) == "cab be"


def test_a_phrase_that_is_not_completed_gives_its_boost_back(tmp_path: Path) -> None:
    table = dict(flat()) | {("be",): (-0.3, 0.0), ("bee",): (-2.0, 0.0)}
    graph, tokens = build(tmp_path, LEXICON, table, TOKENS)
    phrase = Hotword("bee cab cab", 6.0)
    assert hear(graph, tokens, spelled("b cab cab"), phrase) == "bee cab cab"
    assert hear(graph, tokens, spelled("b cab b"), phrase) == "be cab be"
    assert hear(graph, tokens, spelled("b"), phrase) == "be"
    assert hear(graph, tokens, spelled("b b cab cab"), phrase) == "be bee cab cab"


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    phrases=st.lists(
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=3),
        min_size=1,
        max_size=4,
        unique_by=tuple,
    ),
    said=st.lists(st.sampled_from(WORDS), max_size=8),
)
def test_boosts_add_up_to_those_of_completed_phrases(
    tmp_path: Path, phrases: list[list[str]], said: list[str]
) -> None:
    graph, _ = build(tmp_path, LEXICON, flat(), TOKENS)
    boost = HotwordBoost(
        [Hotword(" ".join(phrase), 1.0) for phrase in phrases], graph, lm_weight=1.0
    )
    ids = graph.find(frozenset(WORDS))
    state, total = 0, 0.0
    for word in said:
        state, gain = next_phrase(boost.machine, state, ids[word])
        total += float(gain)
    total -= float(boost.pending(np.array([state]))[0])
    # What remains is a number of words, all of which stand in phrases that were said.
    covered = {
        place
        for phrase in phrases
        for begin in range(len(said))
        if said[begin : begin + len(phrase)] == phrase
        for place in range(begin, begin + len(phrase))
    }
    assert total == pytest.approx(round(total), abs=1e-4)
    assert -1e-4 <= total <= len(covered) + 1e-4
    if not covered:
        assert total == pytest.approx(0.0, abs=1e-4)


def test_a_hotword_keeps_its_way_in_a_narrow_beam(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    words = sorted({"".join(rng.choice(list("abc"), 6)) for _ in range(300)})
    table = dict(flat(words)) | {(words[0],): (-6.0, 0.0)}
    graph, tokens = build(tmp_path, [(word, " ".join(word)) for word in words], table, TOKENS)
    log_probs = spelled(words[0], sure=2.5)
    ours = decoder(
        graph,
        tokens,
        BeamParameters(beam=4, lm_weight=1.0),
        Hotword(words[0], 12.0),
    )
    ours.accept(log_probs)
    assert ours.finish(1)[0].text == words[0]


def test_minutes_without_a_pause_take_bounded_memory_and_times_do_not_drift(tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    graph, tokens = build(tmp_path, LEXICON, random_ngrams(WORDS, 2, rng), TOKENS)
    parameters = BeamParameters(beam=12, score_beam=8.0, lm_weight=0.2, alternatives_beam=4.0)
    ours = decoder(graph, tokens, parameters)
    phrase = spelled("cab ab   a  cab   ", sure=6.0)
    # Ten minutes at 40 ms a frame; bench/ctc_decoder.py goes on for four hours.
    rounds = 10 * 60 * 25 // len(phrase)
    held = []
    for _ in range(rounds):
        ours.accept(phrase)
        held.append(ours.bytes)
    assert max(held[rounds // 4 :]) <= 1.5 * max(held[: rounds // 4])
    assert max(held) < 2_000_000
    words = ours.finish(1)[0].words
    once = decoder(graph, tokens, parameters)
    once.accept(phrase)
    first = once.finish(1)[0].words
    assert len(words) == rounds * len(first)
    last = words[-len(first) :]
    shift = (rounds - 1) * len(phrase)
    assert [word.start - shift for word in last[1:]] == [word.start for word in first[1:]]
    assert [word.end - shift for word in last] == [word.end for word in first]
    assert [word.text for word in words[: len(first)]] == [word.text for word in first]
