"""The n-gram models: probabilities, back-off, mixing, pruning and the ARPA form."""

import itertools
import math
import random
from pathlib import Path

import numpy as np
import pytest
from language.arpa import read_arpa, write_arpa
from language.build import mixed_model
from language.corpus import Plan, Sentence, Source
from language.estimate import count, encode, estimate
from language.mixture import fit_weights, mix
from language.model import BEGIN, BITS, Model
from language.prune import prune
from language.score import score, word_probabilities

WORDS = ["<s>", "</s>", "<unk>", *"abcdefgh"]
NUMBERS = {word: number for number, word in enumerate(WORDS)}
GENERAL = np.array([0.0, 0.0, 0.0, *(1.0 / n for n in range(1, 9))])


def corpus(seed: int, lines: int = 400) -> list[Sentence]:
    """Sentences in which the next letter depends on the last two; h is never there."""
    chance = random.Random(seed)
    result = []
    for _ in range(lines):
        line = [chance.choice("abc")]
        while chance.random() < 0.8:
            last = NUMBERS[line[-1]] * 3 + len(line) % 2
            line.append("abcdefg"[(last + chance.choice((0, 0, 0, 1, 1, 2, 5))) % 7])
        result.append(tuple(line))
    return result


def model(seed: int = 1, *, lines: int = 400, order: int = 3, trust: float = 5.0) -> Model:
    counts = count(encode(corpus(seed, lines), NUMBERS), order)
    return estimate(counts, WORDS, GENERAL, trust=trust)


def key(*words: str) -> np.uint64:
    result = 0
    for word in words:
        result = result << BITS | NUMBERS[word]
    return np.uint64(result)


def p(model: Model, *words: str) -> float:
    return float(model.probability(np.array([key(*words)]), len(words))[0])


def all_sums(model: Model) -> list[float]:
    """The sum over all next words after every history of no, one and two words."""
    following = [word for number, word in enumerate(WORDS) if number != BEGIN]
    pairs = itertools.product(["<s>", *"abcdefgh"], "abcdefgh")
    past: list[tuple[str, ...]] = [(), *((word,) for word in ["<s>", *"abcdefgh"]), *pairs]
    return [sum(p(model, *history, word) for word in following) for history in past]


def test_words_after_every_history_sum_to_one() -> None:
    assert all_sums(model()) == pytest.approx([1.0] * 82, abs=1e-9)


def test_a_word_that_the_text_lacks_is_as_likely_as_it_is_elsewhere() -> None:
    little, much = model(trust=1.0), model(trust=1000.0)

    assert 0 < p(little, "h") < p(much, "h")
    end = p(much, "</s>")
    assert p(much, "h") == pytest.approx((1 - end) * GENERAL[-1] / GENERAL.sum(), rel=0.1)


def test_bigrams_follow_the_formula_of_chen_and_goodman() -> None:
    # One word sentences: a 4 times, b 3, c 2, d and e once, f once.
    lines = [(word,) for word in "aaaabbbccdef"]
    counts = count(encode(lines, NUMBERS), 2)
    made = estimate(counts, WORDS, GENERAL, trust=0.0)

    # After <s>: counts of 1, 2, 3 and 4 occur 3, 1, 1 and 1 times (that of </s> after
    # each word is the same), so n1 = 6, n2 = 2, n3 = 2, n4 = 2.
    ratio = 6 / (6 + 2 * 2)
    discounts = (1 - 2 * ratio * 2 / 6, 2 - 3 * ratio * 2 / 2, 3 - 4 * ratio * 2 / 2)
    free = (3 * discounts[0] + discounts[1] + 2 * discounts[2]) / 12
    assert float(made.levels[0].backoff[BEGIN]) == pytest.approx(free)
    assert p(made, "<s>", "c") == pytest.approx((2 - discounts[1]) / 12 + free * p(made, "c"))
    # Not seen after <s>: what is free, shared out by the lower order.
    assert p(made, "<s>", "h") == pytest.approx(free * p(made, "h"))


def test_back_off_factors_share_out_what_the_explicit_words_leave() -> None:
    made = model()
    estimated = [level.backoff.copy() for level in made.levels[:-1]]

    made.normalize()

    for order, before in enumerate(estimated, start=1):
        explicit, _ = made.sums(order + 1)
        assert made.levels[order - 1].backoff[explicit > 0] == pytest.approx(before[explicit > 0])


def test_a_model_foresees_text_like_its_own_better_than_shorter_models_do() -> None:
    unseen = corpus(2)
    perplexities = [score(model(order=order, lines=4000), unseen).perplexity for order in (2, 3)]

    assert perplexities[1] < perplexities[0] < 8


def test_unknown_words_are_counted_and_end_the_history() -> None:
    made = model()
    lines = [("a", "zebra", "b")]

    figures = score(made, lines)

    assert (figures.words, figures.unknown) == (3, 1)
    expected = [p(made, "<s>", "a"), p(made, "b"), p(made, "b", "</s>")]
    assert word_probabilities(made, encode(lines, NUMBERS)) == pytest.approx(expected)
    assert figures.perplexity == pytest.approx(math.prod(expected) ** (-1 / 3))


def test_a_mixture_is_the_mean_of_its_models_and_sums_to_one() -> None:
    models = [model(1), model(2, lines=60)]

    mixed = mix(models, [0.7, 0.3])

    assert p(mixed, "<s>", "a") == pytest.approx(
        0.7 * p(models[0], "<s>", "a") + 0.3 * p(models[1], "<s>", "a")
    )
    assert p(mixed, "a") == pytest.approx(0.7 * p(models[0], "a") + 0.3 * p(models[1], "a"))
    assert all_sums(mixed) == pytest.approx([1.0] * 82, abs=1e-9)


def test_weights_are_found_that_the_words_were_drawn_with() -> None:
    chance = np.random.default_rng(1)
    distributions = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    drawn = chance.choice(3, size=20000, p=0.25 * distributions[0] + 0.75 * distributions[1])

    weights = fit_weights(distributions[:, drawn], np.ones(20000), rounds=200)

    assert weights == pytest.approx([0.25, 0.75], abs=0.02)


def test_groups_are_weighted_by_what_is_said_in_held_out_and_in_strange_text() -> None:
    like, unlike = corpus(1), [("h", "h", "g"), ("g", "h"), ("h",)] * 40
    letters = Source("letters", training=like, tuning=corpus(2, 40))
    other = Source("other", training=unlike)
    odd = Source("odd", training=[("h", "g", "h")] * 30)
    groups = {"letters": [letters], "other": [other, odd]}
    general = dict(zip(WORDS, GENERAL.tolist(), strict=True))

    alone, without = mixed_model(Plan(groups, [letters], []), WORDS[3:], general)
    both, with_strange = mixed_model(Plan(groups, [letters], [odd]), WORDS[3:], general)

    assert without["weights"]["letters"] == pytest.approx(1 / 1.05, abs=0.001)
    assert with_strange["weights"]["letters"] == pytest.approx(0.5, abs=0.1)
    assert p(alone, "h", "g") < p(both, "h", "g")
    assert all_sums(both) == pytest.approx([1.0] * 82, abs=1e-9)


@pytest.mark.parametrize("size", [80, 40, 10])
def test_pruning_keeps_to_the_size_and_to_sums_of_one(size: int) -> None:
    full = model()

    small = prune(full, size)

    longer = sum(len(level.keys) for level in small.levels[1:])
    assert size - 5 <= longer <= size < sum(len(level.keys) for level in full.levels[1:])
    assert all_sums(small) == pytest.approx([1.0] * 82, abs=1e-9)


def test_the_cost_of_pruning_is_the_divergence_that_it_causes() -> None:
    full = model()
    total = sum(len(level.keys) for level in full.levels[1:])

    def divergence(other: Model) -> float:
        """Of all words after the histories of two words, weighted by these."""
        pairs = full.levels[1]
        result = 0.0
        for history, mass in zip(pairs.keys.tolist(), pairs.mass.tolist(), strict=True):
            keys = np.array([history << BITS | n for n in range(1, len(WORDS))], np.uint64)
            was, became = full.probability(keys, 3), other.probability(keys, 3)
            result += mass * float((was * np.log(was / became)).sum())
        return result

    one_less = prune(full, total - 1)
    gone = {int(k) for k in full.levels[2].keys} - {int(k) for k in one_less.levels[2].keys}
    assert len(gone) == 1
    least = divergence(one_less)
    for number in range(0, len(full.levels[2].keys), 7):
        kept = np.arange(len(full.levels[2].keys)) != number
        other = model()
        other.levels[2] = other.levels[2].select(kept)
        other.normalize()
        assert divergence(other) >= least - 1e-12


def test_a_smaller_model_foresees_the_text_less_well() -> None:
    full = model(lines=4000)
    sizes = (10**6, 100, 30, 5)

    perplexities = [score(prune(full, size), corpus(2)).perplexity for size in sizes]

    assert perplexities == sorted(perplexities)
    assert perplexities[0] == pytest.approx(score(full, corpus(2)).perplexity)


def test_the_same_text_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        write_arpa(tmp_path / name, prune(mix([model(1), model(2)], [0.5, 0.5]), 50))

    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()


def test_an_arpa_file_reads_back_as_the_same_model(tmp_path: Path) -> None:
    made = prune(model(), 60)
    write_arpa(tmp_path / "words.arpa", made)

    back = read_arpa(tmp_path / "words.arpa")

    assert back.words == made.words
    for before, after in zip(made.levels, back.levels, strict=True):
        assert after.keys.tolist() == before.keys.tolist()
        assert after.p == pytest.approx(before.p, rel=1e-5)
    assert all_sums(back) == pytest.approx([1.0] * 82, abs=1e-4)
    head = (tmp_path / "words.arpa").read_text("utf-8").splitlines()[:4]
    assert head == ["\\data\\", *(f"ngram {n}={len(made.levels[n - 1].keys)}" for n in (1, 2, 3))]


def test_a_broken_arpa_file_is_refused_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "words.arpa"
    path.write_text("\\data\\\nngram 1=4\n\n\\1-grams:\n-1\t<s>\nminus\ta\n", "utf-8")

    with pytest.raises(ValueError, match=r"words.arpa: line 6: 'minus\\ta'"):
        read_arpa(path)


def test_kenlm_reads_the_same_probabilities(tmp_path: Path) -> None:
    kenlm = pytest.importorskip("kenlm", reason="kenlm is not installed")
    made = prune(model(), 60)
    write_arpa(tmp_path / "words.arpa", made)

    theirs = kenlm.Model(str(tmp_path / "words.arpa"))

    for line in corpus(3, 20):
        ours = np.log10(word_probabilities(made, encode([line], NUMBERS))).sum()
        assert theirs.score(" ".join(line)) == pytest.approx(ours, abs=1e-4)
