"""Train one language's punctuation model on a CPU: see the README beside this file."""

import argparse
import random
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from corpus import Utterance, read_split, utterances
from export import export
from model import PunctuationModel
from torch import Tensor
from torch.nn import functional

from rechka.text.features import word_features

BATCH_WORDS = 4096
IGNORED = -100


def batches(
    data: list[Utterance], chance: random.Random
) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Yield rows, mask, marks and cases of utterances of about the same length."""
    order = sorted(range(len(data)), key=lambda index: len(data[index].words) + chance.random() * 4)
    groups: list[list[int]] = [[]]
    for index in order:
        if (len(groups[-1]) + 1) * len(data[index].words) > BATCH_WORDS:
            groups.append([])
        groups[-1].append(index)
    chance.shuffle(groups)
    for group in groups:
        width = max(len(data[index].words) for index in group)
        rows = np.zeros((3, len(group), width), dtype=np.int64)
        mask = np.zeros((len(group), 1, width), dtype=np.float32)
        marks = np.full((len(group), width), IGNORED, dtype=np.int64)
        cases = np.full((len(group), width), IGNORED, dtype=np.int64)
        for line, index in enumerate(group):
            utterance = data[index]
            length = len(utterance.words)
            rows[:, line, :length] = np.array([word_features(w) for w in utterance.words]).T
            mask[line, 0, :length] = 1
            marks[line, :length] = utterance.marks
            # The first word of a sentence is a capital by rule, not by the model.
            cases[line, :length] = [
                IGNORED if at == 0 or utterance.marks[at - 1] >= 2 else case
                for at, case in enumerate(utterance.cases)
            ]
        yield tuple(map(torch.from_numpy, (rows, mask, marks, cases)))  # type: ignore[misc]


def train(model: PunctuationModel, data: list[Utterance], *, epochs: int, seed: int) -> None:
    """Train in place; prints the loss as it goes."""
    chance = random.Random(seed)
    steps = epochs * sum(len(u.words) for u in data) // BATCH_WORDS
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps + steps // 4)
    started_s, step = time.monotonic(), 0
    for epoch in range(epochs):
        for rows, mask, marks, cases in batches(data, chance):
            logits = model(rows, mask)
            loss = functional.cross_entropy(logits[:, :4], marks) + functional.cross_entropy(
                logits[:, 4:], cases
            )
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            step += 1
            if step % 100 == 0:
                elapsed_s = time.monotonic() - started_s
                print(
                    f"epoch {epoch} step {step}/{steps} loss {loss:.4f} {elapsed_s:.0f} s",
                    flush=True,
                )


def main() -> None:
    """Read the arguments, train, write the model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("language", choices=("en", "ru", "tr"))
    parser.add_argument("--text", type=Path, required=True, help="folder of <language>.txt.xz")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder to write <language>.onnx to"
    )
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)
    training, _ = read_split(arguments.text / f"{arguments.language}.txt.xz")
    data = utterances(training, arguments.language, seed=arguments.seed)
    print(f"{len(data)} utterances, {sum(len(u.words) for u in data)} words", flush=True)
    model = PunctuationModel()
    train(model, data, epochs=arguments.epochs, seed=arguments.seed)
    export(model.eval(), arguments.out / f"{arguments.language}.onnx")


if __name__ == "__main__":
    main()
