"""What reads bytes from outside answers, or refuses with an error of the project.

The same faults in every run; `bench/fuzz.py` looks for others for as long as one likes.
"""

import random
import zlib

import pytest

from fuzzing.seeds import SEEDS, mutate
from fuzzing.targets import TARGETS, run

ROUNDS = 150
# Their honest inputs are answered; those of the others are refused for who sends them, or
# for files that do not lie beside them.
ANSWERED = sorted(set(TARGETS) - {"credentials", "assertions", "manifests"})
# Whatever comes is samples, packets that sound of something, or fields to pass over.
ANY_BYTES = {"pcm", "ogg_pages", "opus_packets", "config", "answers"}


def test_every_target_has_honest_inputs() -> None:
    assert list(SEEDS) == list(TARGETS)


@pytest.mark.parametrize("name", ANSWERED)
def test_honest_inputs_are_answered(name: str) -> None:
    assert all(run(TARGETS[name], seed) for seed in SEEDS[name]())


@pytest.mark.parametrize("name", TARGETS)
def test_broken_inputs_are_answered_or_refused(name: str) -> None:
    seeds = list(SEEDS[name]())
    dice = random.Random(zlib.crc32(name.encode()))
    broken = [mutate(dice.choice(seeds), dice, others=seeds) for _ in range(ROUNDS)]
    answers = [run(TARGETS[name], data) for data in (b"", *seeds, *broken)]
    assert all(answers) == (name in ANY_BYTES)
