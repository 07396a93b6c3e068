"""Train a network: `python train.py CONFIG CORPORA_FOLDER OUTPUT_FOLDER [--processes 2]`.

One process a core, each with batches of its own and gradients in common. A checkpoint
is written every few minutes and taken up again when the program is started anew.
`minutes` of the configuration is processor time of one process, over all runs: the
learning rate follows it, and a machine that does other things too only takes longer.
"""

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from data import RATE_HZ, Batch, Config, Corpora, batches, collate
from features import HOP, Augmenter, log_mel, power_spectrum
from imported import weights_of
from model import STEP, SUBSAMPLING, AcousticModel
from torch import Tensor, multiprocessing
from torch.nn import functional

_CHECKPOINT_S = 240.0
_LOG_S = 30.0
_WARM_UP = 0.04
_AVERAGE_OVER = 400
_TEST_CLIPS = 48
_MULTILINGUAL_WEIGHT = 0.5


def _has_bfloat16() -> bool:
    """Return whether the processor multiplies 16-bit floats; without, they are ten times slower."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return "avx512_bf16" in text or "amx_bf16" in text


_HAS_BFLOAT16 = _has_bfloat16()


@dataclass(frozen=True, slots=True)
class Place:
    """Which of how many processes this is."""

    rank: int
    count: int


def padded(batch: Batch, delay_frames: int) -> tuple[Batch, Tensor]:
    """Lengthen a batch by the delay, to whole steps; return also the outputs of each."""
    tail = (delay_frames + 2) * SUBSAMPLING * HOP
    step = STEP * HOP
    size = math.ceil((batch.waves.shape[1] + tail) / step) * step
    waves = functional.pad(batch.waves, (0, size - batch.waves.shape[1]))
    outputs = (batch.samples + tail) // (SUBSAMPLING * HOP)
    return Batch(waves, batch.samples, batch.heads, batch.tokens), outputs


def loss_of(model: AcousticModel, encoded: Tensor, batch: Batch, outputs: Tensor) -> Tensor:
    """Return the CTC loss a token, summed over the token sets by their shares."""
    total = encoded.new_zeros((), dtype=torch.float32)
    for head in sorted(set(batch.heads)):
        rows = [row for row, name in enumerate(batch.heads) if name == head]
        logits = model.heads[head](encoded[rows]).float()
        targets = torch.tensor([t for row in rows for t in batch.tokens[row]])
        sizes = torch.tensor([len(batch.tokens[row]) for row in rows])
        loss = functional.ctc_loss(
            logits.log_softmax(-1).transpose(0, 1),
            targets,
            outputs[rows],
            sizes,
            blank=logits.shape[-1] - 1,
            reduction="sum",
            zero_infinity=True,
        )
        weight = _MULTILINGUAL_WEIGHT if head == "mul" else 1.0
        total = total + weight * loss / sum(len(tokens) for tokens in batch.tokens)
    return total


def greedy(logits: Tensor) -> list[int]:
    """Return the tokens of the best path of [T, V + 1]."""
    best = logits.argmax(-1).tolist()
    blank = logits.shape[-1] - 1
    return [t for before, t in pairwise([blank, *best]) if t not in (before, blank)]


def distance(a: Sequence[int], b: Sequence[int]) -> int:
    """Return the edit distance."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


@torch.no_grad()
def token_errors(model: AcousticModel, corpora: Corpora) -> dict[str, float]:
    """Return the token error rate of the best path on the held-out voices."""
    rates = {}
    model.eval()
    for name, utterances in corpora.tests.items():
        wrong = size = 0
        for utterance in utterances[:_TEST_CLIPS]:
            batch = collate([corpora.samples(utterance)], [utterance])
            batch, _ = padded(batch, model.shape.delay_frames)
            features = log_mel(power_spectrum(batch.waves))
            logits = model.heads[utterance.head](model(features))[0]
            wrong += distance(greedy(logits), utterance.tokens)
            size += len(utterance.tokens)
        rates[name] = round(wrong / max(1, size), 4)
    model.train()
    return rates


def set_statistics(model: AcousticModel, corpora: Corpora, config: Config) -> None:
    """Measure the mean and deviation of every band on augmented speech."""
    augment = Augmenter(0)
    stream = batches(corpora, config, seed=0)
    features = [augment(power_spectrum(next(stream).waves)).flatten(0, 1) for _ in range(20)]
    joined = torch.cat(features)
    model.normalize.mean.copy_(joined.mean(0))
    model.normalize.scale.copy_(1 / joined.std(0))


def rate_at(progress: float, peak: float) -> float:
    """Return the learning rate: a short rise, then down along a cosine."""
    if progress < _WARM_UP:
        return peak * (0.02 + progress / _WARM_UP)
    fall = (progress - _WARM_UP) / (1 - _WARM_UP)
    return peak * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, fall))))


class Trainer:
    """One process of the training.

    Args:
        config: What to train.
        corpora: What with.
        output: Where checkpoints and the log go.
        place: Which process this is.
    """

    def __init__(self, config: Config, corpora: Corpora, output: Path, place: Place) -> None:
        self._config = config
        self._corpora = corpora
        self._output = output
        self._place = place
        torch.manual_seed(config.seed)
        self.model = AcousticModel(corpora.sizes)
        self._average = AcousticModel(corpora.sizes)
        self._optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=config.peak_rate, betas=(0.9, 0.98), weight_decay=0.02
        )
        self._elapsed_s = 0.0
        self._steps = 0
        self._resume()

    def _resume(self) -> None:
        path = self._output / "checkpoint.pt"
        if path.exists():
            state: dict[str, Any] = torch.load(path, weights_only=True)
            self.model.load_state_dict(state["model"])
            self._average.load_state_dict(state["average"])
            self._optimizer.load_state_dict(state["optimizer"])
            self._elapsed_s, self._steps = state["elapsed_s"], state["steps"]
            return
        if self._config.start_from:
            start = self._output.parent / self._config.start_from
            known = (
                weights_of(start)
                if start.suffix == ".onnx"
                else torch.load(start / "checkpoint.pt", weights_only=True)["average"]
            )
            own = self.model.state_dict()
            self.model.load_state_dict({**own, **{k: v for k, v in known.items() if k in own}})
        else:
            set_statistics(self.model, self._corpora, self._config)
        self._average.load_state_dict(self.model.state_dict())

    def run(self, minutes: float, most_steps: int | None) -> None:
        """Train until so many minutes, or steps, were spent in all runs."""
        augment = Augmenter(self._config.seed * 1000 + self._steps * 2 + self._place.rank)
        stream = batches(
            self._corpora,
            self._config,
            seed=self._config.seed * 7919 + self._steps * self._place.count + self._place.rank,
        )
        started_s = time.process_time()
        before_s = self._elapsed_s
        saved_s = logged_s = before_s
        audio_s = 0.0
        losses: list[float] = []
        # All processes must agree on when to stop, so they count the first one's time.
        while self._elapsed_s < minutes * 60 and self._steps != most_steps:
            rate = rate_at(self._elapsed_s / 60 / self._config.minutes, self._config.peak_rate)
            for group in self._optimizer.param_groups:
                group["lr"] = rate
            batch = next(stream)
            losses.append(self._step(batch, augment))
            audio_s += float(batch.samples.sum()) / RATE_HZ
            clock = torch.tensor([before_s + time.process_time() - started_s])
            dist.broadcast(clock, 0)
            self._elapsed_s = float(clock)
            if self._place.rank:
                continue
            if self._elapsed_s - logged_s > _LOG_S or self._steps == most_steps:
                speed = audio_s * self._place.count / (self._elapsed_s - logged_s)
                self._log(loss=sum(losses) / len(losses), rate=rate, audio_s_per_s=speed)
                logged_s, audio_s, losses = self._elapsed_s, 0.0, []
            if self._elapsed_s - saved_s > _CHECKPOINT_S:
                saved_s = self._elapsed_s
                self._save()
        if not self._place.rank:
            self._save()

    def _step(self, batch: Batch, augment: Augmenter) -> float:
        batch, outputs = padded(batch, self.model.shape.delay_frames)
        with torch.no_grad():
            features = augment(power_spectrum(batch.waves))
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=_HAS_BFLOAT16):
            encoded = self.model(features)
        loss = loss_of(self.model, encoded.float(), batch, outputs)
        self._optimizer.zero_grad()
        loss.backward()
        self._share_gradients()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        if torch.isfinite(norm):
            self._optimizer.step()
        self._steps += 1
        share = 1 / min(self._steps, _AVERAGE_OVER)
        with torch.no_grad():
            for mean, now in zip(self._average.parameters(), self.model.parameters(), strict=True):
                mean.lerp_(now, share)
        return float(loss.detach())

    def _share_gradients(self) -> None:
        if self._place.count == 1:
            return
        parameters = list(self.model.parameters())
        parts = [(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in parameters]
        joined = torch.cat(parts)
        dist.all_reduce(joined)
        joined /= self._place.count
        for parameter, part in zip(
            parameters, joined.split([p.numel() for p in parameters]), strict=True
        ):
            parameter.grad = part.view_as(parameter)

    def _log(self, **values: Any) -> None:
        line = json.dumps(
            {"minutes": round(self._elapsed_s / 60, 1), "steps": self._steps} | values
        )
        print(line, flush=True)
        with (self._output / "log.jsonl").open("a") as file:
            file.write(line + "\n")

    def _save(self) -> None:
        self._log(token_errors=token_errors(self._average, self._corpora))
        state = {
            "model": self.model.state_dict(),
            "average": self._average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "elapsed_s": self._elapsed_s,
            "steps": self._steps,
            "sizes": self._corpora.sizes,
        }
        part = self._output / "checkpoint.part"
        torch.save(state, part)
        part.replace(self._output / "checkpoint.pt")


def _work(rank: int, arguments: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    init = f"file://{(arguments.output / 'meet').resolve()}"
    dist.init_process_group("gloo", init, rank=rank, world_size=arguments.processes)
    config = Config.read(arguments.config)
    corpora = Corpora(arguments.corpora, config)
    if rank == 0:
        for name, of in corpora.training.items():
            hours = sum(u.length for u in of) / RATE_HZ / 3600
            print(f"{name}: {len(of)} utterances, {hours:.2f} h", flush=True)
        print({name: len(of) for name, of in corpora.tests.items()}, corpora.sizes, flush=True)
    trainer = Trainer(config, corpora, arguments.output, Place(rank, arguments.processes))
    if rank == 0:
        size = sum(p.numel() for p in trainer.model.parameters())
        print(f"{size / 1e6:.2f} M parameters", flush=True)
    minutes = config.minutes if arguments.until is None else arguments.until
    trainer.run(min(config.minutes, minutes), arguments.steps)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("corpora", type=Path)
    parser.add_argument("output", type=Path, help="folder of this model's checkpoints")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--until", type=float, help="stop after so many minutes of processor time")
    parser.add_argument("--steps", type=int, help="stop after so many steps in all")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "meet").unlink(missing_ok=True)
    multiprocessing.spawn(_work, (arguments,), nprocs=arguments.processes)


if __name__ == "__main__":
    main()
