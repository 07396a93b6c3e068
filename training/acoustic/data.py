"""Packed corpora to batches, the same ones for the same seed."""

import random
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr
import torch
from text import TOKENS, clean, to_tokens
from torch import Tensor

__all__ = ["Batch", "Config", "Corpora", "Utterance", "batches", "collate"]

RATE_HZ = 16_000
_LONGEST_S = 14.0
# The sounds of other languages that are frequent enough to be learned.
_LEAST_COUNT = 60


@dataclass(frozen=True, slots=True)
class Utterance:
    """A clip in a raw file, with its speaker and tokens."""

    file: Path
    offset: int
    length: int
    speaker: str
    head: str
    tokens: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """Utterances side by side.

    Attributes:
        waves: [B, S] in [-1, 1], zeros at the ends.
        samples: Length of each.
        heads: Token set of each.
        tokens: Tokens of each.
    """

    waves: Tensor
    samples: Tensor
    heads: tuple[str, ...]
    tokens: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration file; `starter.toml` explains its values."""

    heads: tuple[str, ...]
    start_from: str
    minutes: float
    peak_rate: float
    batch_s: float
    held_out_speakers: frozenset[str]
    corpora: dict[str, float]
    tests: tuple[str, ...]
    seed: int

    @classmethod
    def read(cls, path: Path) -> "Config":
        """Read a file."""
        table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return cls(
            heads=tuple(table["heads"]),
            start_from=table.get("start_from", ""),
            minutes=table["minutes"],
            peak_rate=table["peak_rate"],
            batch_s=table["batch_s"],
            held_out_speakers=frozenset(table["held_out_speakers"]),
            corpora=dict(table["corpora"]),
            tests=tuple(table["tests"]),
            seed=table.get("seed", 1),
        )


class Corpora:
    """What a configuration trains on and is tested with.

    Args:
        folder: Raw files and indexes, as `synthesize.py` and `pack.py` write them.
        config: Says which, and who is held out.
    """

    def __init__(self, folder: Path, config: Config) -> None:
        self._folder = folder
        self._held_out = config.held_out_speakers
        self._files: dict[Path, npt.NDArray[np.int16]] = {}
        self._sounds: dict[str, int] = {}
        if "mul" in config.heads:
            self._sounds = self._frequent_sounds()
        self.sizes = {
            head: len(self._sounds) if head == "mul" else len(TOKENS[head]) for head in config.heads
        }
        self.training: dict[str, list[Utterance]] = {}
        for pattern in config.corpora:
            of = [u for name in self._names(pattern) for u in self._read(name, is_test=False)]
            if not of:
                raise SystemExit(f"corpora: got {pattern!r}, which matches nothing in {folder}")
            self.training[pattern] = of
        known = {(u.head, u.tokens) for of in self.training.values() for u in of}
        self.tests = {
            name: [u for u in self._read(name, is_test=True) if (u.head, u.tokens) not in known]
            for name in config.tests
        }

    def samples(self, utterance: Utterance) -> npt.NDArray[np.float32]:
        """Return the samples in [-1, 1]."""
        file = self._files.get(utterance.file)
        if file is None:
            file = self._files[utterance.file] = np.memmap(utterance.file, np.int16, "r")
        part = file[utterance.offset : utterance.offset + utterance.length]
        return part.astype(np.float32) / 32768

    def _names(self, pattern: str) -> list[str]:
        return sorted(path.stem for path in self._folder.glob(f"{pattern}.tsv"))

    def _frequent_sounds(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for name in self._names("mul-*"):
            for line in (self._folder / f"{name}.tsv").read_text(encoding="utf-8").splitlines():
                for sound in line.split("\t")[3].split():
                    counts[sound] = counts.get(sound, 0) + 1
        frequent = sorted(sound for sound, count in counts.items() if count >= _LEAST_COUNT)
        return {sound: number for number, sound in enumerate(frequent)}

    def _read(self, name: str, *, is_test: bool) -> Iterator[Utterance]:
        head = name.partition("-")[0]
        with (self._folder / f"{name}.tsv").open(encoding="utf-8") as file:
            for line in file:
                offset, length, speaker, sentence = line.rstrip("\n").split("\t")
                if int(length) > _LONGEST_S * RATE_HZ:
                    continue
                if head == "mul":
                    numbers = (self._sounds.get(sound) for sound in sentence.split())
                    tokens: list[int] | None = [n for n in numbers if n is not None]
                else:
                    words = clean(sentence, head)
                    if words is None:
                        continue
                    tokens = to_tokens(words, head)
                if (speaker in self._held_out) != is_test or not tokens:
                    continue
                yield Utterance(
                    self._folder / f"{name}.pcm",
                    int(offset),
                    int(length),
                    speaker,
                    head,
                    tuple(tokens),
                )


def collate(waves: Sequence[npt.NDArray[np.float32]], of: Sequence[Utterance]) -> Batch:
    """Join utterances; the length becomes one of whole steps of the network."""
    longest = max(len(wave) for wave in waves)
    joined = np.zeros((len(waves), longest), dtype=np.float32)
    for row, wave in zip(joined, waves, strict=True):
        row[: len(wave)] = wave
    return Batch(
        torch.from_numpy(joined),
        torch.tensor([len(wave) for wave in waves]),
        tuple(u.head for u in of),
        tuple(u.tokens for u in of),
    )


def batches(corpora: Corpora, config: Config, *, seed: int) -> Iterator[Batch]:
    """Yield training batches for ever, of utterances of like length."""
    chance = random.Random(seed)
    names = list(corpora.training)
    weights = [config.corpora[name] for name in names]
    most = config.batch_s * RATE_HZ
    while True:
        drawn = chance.choices(names, weights, k=400)
        pool = [chance.choice(corpora.training[name]) for name in drawn]
        pool.sort(key=lambda u: u.length)
        groups: list[list[Utterance]] = [[]]
        for utterance in pool:
            if groups[-1] and (len(groups[-1]) + 1) * utterance.length > most:
                groups.append([])
            groups[-1].append(utterance)
        chance.shuffle(groups)
        for group in groups:
            yield collate([_varied(corpora.samples(u), chance) for u in group], group)


def _varied(samples: npt.NDArray[np.float32], chance: random.Random) -> npt.NDArray[np.float32]:
    """Return the samples at another speed, with some silence around them."""
    if chance.random() < 0.7:
        speed = chance.uniform(0.85, 1.18)
        samples = soxr.resample(samples, RATE_HZ, RATE_HZ / speed, quality="LQ")
    peak = float(np.abs(samples).max()) or 1.0
    before = np.zeros(int(chance.uniform(0.02, 0.4) * RATE_HZ), dtype=np.float32)
    after = np.zeros(int(chance.uniform(0.05, 0.4) * RATE_HZ), dtype=np.float32)
    return np.concatenate((before, samples * np.float32(0.5 / peak), after))
