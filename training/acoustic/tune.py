"""Set a model's decoder on held-out synthesized speech, and write its figures.

    python tune.py MODEL_FOLDER MANIFEST [--most 80]

Runs in the project's environment. Chooses the weights of the search with the lowest
word error rate, fits the confidences to which words were right, measures where words
begin, and writes the tables `decoder` and `confidence` of `model.toml`. A third of the
clips get a telephone's band and noise at 12 dB first, another third noise at 5 dB: on
clean synthesized speech the network is too sure of itself for the weights to mean
anything for people.
"""

import argparse
import csv
import itertools
import math
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from rechka.recognition.engines.ctc.acoustic import run_together
from rechka.recognition.engines.ctc.beam import BeamParameters
from rechka.recognition.engines.ctc.lexical import LexicalDecoder
from rechka.recognition.engines.ctc.model_folder import CtcModel, read_model
from rechka.recognition.engines.ctc.readings import Calibration, Reading

Floats = npt.NDArray[np.float32]

_LM_WEIGHTS = (0.4, 0.6, 0.8, 1.0, 1.2)
_WORD_BONUSES = (-1.0, 0.0, 1.0, 2.0, 3.0)
_BLANK_PENALTIES = (0.0, 0.75, 1.5, 2.25, 3.0)
_SCALES = (0.25, 0.5, 1.0)
_TELEPHONE_NOISE_DB, _NOISE_DB = 12.0, 5.0
# Neutral weights that show what the confidences are made of.
_SHARE = Calibration(bias=0.0, posterior=1.0, quality=0.0)
_QUALITY = Calibration(bias=0.0, posterior=0.0, quality=1.0)


@dataclass(frozen=True, slots=True)
class Clip:
    """What the network says of a clip, and what was said."""

    log_probs: list[Floats]
    words: tuple[str, ...]


def read_clips(model: CtcModel, manifest: Path, most: int) -> Iterator[Clip]:
    """Run the network over the clips of a manifest."""
    rng = np.random.default_rng(0)
    with manifest.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    rows = [rows[i] for i in np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)]
    acoustic = model.acoustic
    for number, row in enumerate(rows):
        samples, rate_hz = soundfile.read(manifest.parent / row["file"], dtype="float32")
        if number % 3:
            noise_db = _NOISE_DB
            if number % 3 == 1:
                noise_db = _TELEPHONE_NOISE_DB
                samples, rate_hz = soxr.resample(samples, rate_hz, 8_000), 8_000
            level = np.sqrt(np.mean(samples**2)) * 10 ** (-noise_db / 20)
            samples = samples + rng.normal(0, level, len(samples)).astype(np.float32)
        samples = soxr.resample(samples, rate_hz, acoustic.sample_rate_hz)
        ends = [
            np.zeros(ms * acoustic.sample_rate_hz // 1000, dtype=np.float32)
            for ms in (acoustic.lead_ms, acoustic.tail_ms)
        ]
        state = acoustic.begin().fork(np.concatenate((ends[0], samples, ends[1])))
        run_together(acoustic, [state], most=1)
        yield Clip(list(state.log_probs), tuple(row["transcript"].split()))


def decode(
    model: CtcModel,
    clip: Clip,
    parameters: BeamParameters,
    calibration: Calibration,
    *,
    count: int = 1,
) -> list[Reading]:
    """Search the words of a clip."""
    if model.graph is None:
        raise SystemExit("the model folder has no graph.bin")
    decoder = LexicalDecoder(
        model.graph, model.tokens, parameters=parameters, calibration=calibration, hotwords=None
    )
    for block in clip.log_probs:
        decoder.accept(block)
    return decoder.finish(count)


def align(said: Sequence[str], heard: Sequence[str]) -> tuple[int, list[bool]]:
    """Return the errors, and for each heard word whether it is right."""
    rows = [list(range(len(heard) + 1))]
    for i, word in enumerate(said, 1):
        row = [i]
        for j, other in enumerate(heard, 1):
            row.append(min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (word != other)))
        rows.append(row)
    i, j = len(said), len(heard)
    is_right = [False] * len(heard)
    while i and j:
        if rows[i][j] == rows[i - 1][j - 1] + (said[i - 1] != heard[j - 1]):
            i, j = i - 1, j - 1
            is_right[j] = said[i] == heard[j]
        elif rows[i][j] == rows[i - 1][j] + 1:
            i -= 1
        else:
            j -= 1
    return rows[-1][-1], is_right


def error_rate(model: CtcModel, clips: Sequence[Clip], parameters: BeamParameters) -> float:
    """Return the word error rate."""
    errors = words = 0
    for clip in clips:
        readings = decode(model, clip, parameters, Calibration())
        heard = readings[0].text.split() if readings else []
        errors += align(clip.words, heard)[0]
        words += len(clip.words)
    return errors / words


def best_parameters(model: CtcModel, clips: Sequence[Clip]) -> tuple[BeamParameters, float]:
    """Return the weights with the fewest errors: the grid of two, then the third."""
    quick = replace(BeamParameters(), beam=100)
    grid = [
        replace(quick, lm_weight=weight, word_bonus=bonus, blank_penalty=0.5)
        for weight, bonus in itertools.product(_LM_WEIGHTS, _WORD_BONUSES)
    ]
    best = min(grid, key=lambda parameters: error_rate(model, clips, parameters))
    third = [replace(best, blank_penalty=penalty) for penalty in _BLANK_PENALTIES]
    best = min(third, key=lambda parameters: error_rate(model, clips, parameters))
    best = replace(best, beam=BeamParameters().beam)
    return best, error_rate(model, clips, best)


def fit(evidence: npt.NDArray[np.float64], is_right: npt.NDArray[np.bool_]) -> list[float]:
    """Return the weights of a logistic regression, by Newton's method with a small prior."""
    weights = np.zeros(evidence.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(-evidence @ weights))
        gradient = evidence.T @ (is_right - p) - 0.1 * weights
        curve = (evidence.T * (p * (1 - p))) @ evidence + 0.1 * np.eye(len(weights))
        weights += np.linalg.solve(curve, gradient)
    return [float(weight) for weight in weights]


def log_loss(p: npt.NDArray[np.float64], is_right: npt.NDArray[np.bool_]) -> float:
    """Return the mean surprise of probabilities."""
    return float(-np.mean(np.log(np.where(is_right, p, 1 - p).clip(1e-6))))


def best_calibration(
    model: CtcModel, clips: Sequence[Clip], parameters: BeamParameters
) -> Calibration:
    """Return the weights of the confidences with the least surprise."""
    found: list[tuple[float, Calibration]] = []
    for scale in _SCALES:
        rows, right = [], []
        for clip in clips:
            shares = decode(model, clip, parameters, replace(_SHARE, scale=scale), count=10)
            qualities = decode(model, clip, parameters, replace(_QUALITY, scale=scale), count=10)
            if not shares:
                continue
            _, is_right = align(clip.words, shares[0].text.split())
            for share, quality in zip(shares[0].words, qualities[0].words, strict=True):
                rows.append((1.0, _logit(share.confidence), min(0.0, _logit(quality.confidence))))
            right += is_right
        evidence, is_right_array = np.array(rows), np.array(right)
        bias, posterior, quality_weight = fit(evidence, is_right_array)
        calibration = Calibration(
            scale=scale,
            bias=round(bias, 3),
            posterior=round(max(0.0, posterior), 3),
            quality=round(max(0.0, quality_weight), 3),
        )
        weights = (calibration.bias, calibration.posterior, calibration.quality)
        p = 1 / (1 + np.exp(-evidence @ np.array(weights)))
        found.append((log_loss(p, is_right_array), calibration))
    return min(found, key=lambda pair: pair[0])[1]


def _logit(p: float) -> float:
    p = min(max(p, 1e-6), 1 - 1e-6)
    return math.log(p / (1 - p))


def report(model: CtcModel, clips: Sequence[Clip]) -> None:
    """Print how often a sentence is right, and how often words of some confidence are."""
    is_first = in_five = 0
    confidences: list[float] = []
    right: list[bool] = []
    for clip in clips:
        readings = decode(model, clip, model.parameters, model.calibration, count=5)
        said = " ".join(clip.words)
        is_first += readings[:1] != [] and readings[0].text == said
        in_five += said in [reading.text for reading in readings]
        if readings:
            right += align(clip.words, readings[0].text.split())[1]
            confidences += [word.confidence for word in readings[0].words]
    count = len(clips)
    print(f"right sentence first {is_first / count:.1%}, among five {in_five / count:.1%}")
    print("confidence | words | mean confidence | right")
    of, is_right = np.array(confidences), np.array(right)
    for low, high in itertools.pairwise((0.0, 0.2, 0.4, 0.6, 0.8, 1.01)):
        chosen = (of >= low) & (of < high)
        if chosen.any():
            shares = f"{of[chosen].mean():.2f} | {is_right[chosen].mean():.2f}"
            print(f"{low:.1f} to {min(high, 1):.1f} | {chosen.sum()} | {shares}")


def without_tables(text: str, *starts: str) -> str:
    """Return a TOML text without the tables whose heads begin so after the bracket."""
    head, *tables = ("\n" + text).split("\n[")
    kept = [table for table in tables if not table.startswith(starts)]
    return "\n[".join((head, *kept)).lstrip("\n")


def write_tables(path: Path, parameters: BeamParameters, calibration: Calibration) -> None:
    """Replace the tables `decoder` and `confidence` of a manifest."""
    kept = without_tables(path.read_text(encoding="utf-8"), "decoder]", "confidence]")
    tables = (
        f"\n[decoder]\nlm_weight = {parameters.lm_weight}\nword_bonus = {parameters.word_bonus}\n"
        f"blank_penalty = {parameters.blank_penalty}\n"
        f"\n[confidence]\nscale = {calibration.scale}\nbias = {calibration.bias}\n"
        f"posterior = {calibration.posterior}\nquality = {calibration.quality}\n"
    )
    written = kept.rstrip("\n") + "\n" + tables
    tomllib.loads(written)
    path.write_text(written, encoding="utf-8")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--most", type=int, default=80)
    parser.add_argument("--report", action="store_true", help="set nothing; print figures")
    arguments = parser.parse_args()
    model = read_model(arguments.folder)
    clips = list(read_clips(model, arguments.manifest, arguments.most))
    if arguments.report:
        report(model, clips)
        return
    parameters, rate = best_parameters(model, clips)
    print(f"word error rate {rate:.1%} with {parameters}", flush=True)
    calibration = best_calibration(model, clips, parameters)
    print(calibration)
    write_tables(arguments.folder / "model.toml", parameters, calibration)


if __name__ == "__main__":
    main()
