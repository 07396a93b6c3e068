"""The recipe of the acoustic models, run with the Python of its own environment."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from rechka.onnx_runtime import onnxruntime
from rechka.recognition.engines.ctc.features import LogMel

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "training" / "acoustic"
RATE_HZ = 16_000
CONFIG = """
heads = ["tr"]
minutes = 5
peak_rate = 2e-3
batch_s = 6
held_out_speakers = ["other"]
tests = ["tr-tones"]
[corpora]
"tr-*" = 1
"""


@pytest.fixture(scope="module")
def python() -> str:
    """The Python of `make training`, which has torch."""
    path = Path(os.environ.get("RECHKA_TRAINING_PYTHON", ROOT / ".venv-training/bin/python"))
    if not path.exists():
        pytest.skip("no training environment: make training")
    return str(path)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips in which every letter is a tone of its own."""
    folder = tmp_path_factory.mktemp("corpora")
    rng = np.random.default_rng(0)
    letters = "abcdefgh"
    time_s = np.arange(RATE_HZ // 8) / RATE_HZ
    rows, clips, offset = [], [], 0
    for number in range(60):
        word = "".join(rng.choice(list(letters), 5))
        tones = [np.sin(2 * np.pi * (300 + 400 * letters.index(c)) * time_s) for c in word]
        clip = (np.concatenate(tones) * 8000).astype("<i2")
        speaker = "other" if number % 10 == 0 else "one"
        rows.append(f"{offset}\t{len(clip)}\t{speaker}\t{word}\n")
        clips.append(clip)
        offset += len(clip)
    (folder / "tr-tones.pcm").write_bytes(np.concatenate(clips).tobytes())
    (folder / "tr-tones.tsv").write_text("".join(rows), encoding="utf-8")
    (folder / "config.toml").write_text(CONFIG, encoding="utf-8")
    return folder


def run(python: str, *command: str | Path) -> None:
    result = subprocess.run(
        [python, *map(str, command)], cwd=RECIPE, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


@pytest.fixture(scope="module")
def trained(python: str, corpora: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network after 20 steps, of which the last 8 were made by a second run."""
    output = tmp_path_factory.mktemp("trained")
    for steps in (12, 20):
        arguments = (corpora / "config.toml", corpora, output, "--processes", "1")
        run(python, "train.py", *arguments, "--steps", str(steps))
    return output


@pytest.mark.timeout(400)
def test_twenty_steps_lower_the_loss_and_a_second_run_goes_on_from_the_first(
    trained: Path,
) -> None:
    log = [json.loads(line) for line in (trained / "log.jsonl").read_text().splitlines()]
    losses = [(line["steps"], line["loss"]) for line in log if "loss" in line]
    assert [steps for steps, _ in losses] == [12, 20]
    assert losses[1][1] < losses[0][1]


def recognize(path: Path, features: np.ndarray, chunk: int) -> np.ndarray:
    """Return what a network says of features of shape (N, 80, T), run by chunks."""
    session = onnxruntime.InferenceSession(str(path))
    metadata = session.get_modelmeta().custom_metadata_map
    states = ("cache_last_channel", "cache_last_time")
    sizes = [tuple(int(metadata[f"{name}_dim{i}"]) for i in (1, 2, 3)) for name in states]
    count = len(features)
    state = [np.zeros((count, *size), np.float32) for size in sizes]
    state.append(np.zeros(count, np.int64))
    outputs = []
    for start in range(0, features.shape[2], chunk):
        part = features[:, :, start : start + chunk]
        lengths = np.full(count, chunk, np.int64)
        names = [entry.name for entry in session.get_inputs()]
        result = session.run(None, dict(zip(names, (part, lengths, *state), strict=True)))
        outputs.append(result[0])
        state = result[2:]
    return np.concatenate(outputs, axis=1)


@pytest.mark.timeout(400)
def test_an_exported_network_gives_the_same_in_chunks_at_once_and_in_a_batch(
    python: str, trained: Path, tmp_path: Path
) -> None:
    run(python, "export.py", trained, "tr", tmp_path)
    path = tmp_path / "model.onnx"
    metadata = onnxruntime.InferenceSession(str(path)).get_modelmeta().custom_metadata_map
    assert metadata["vocab_size"] == "29"
    assert (tmp_path / "tokens.txt").read_text(encoding="utf-8").endswith("z 28\n<blk> 29\n")
    features = np.random.default_rng(0).normal(-6, 2, (2, 80, 96)).astype(np.float32)
    whole = recognize(path, features, 96)
    assert whole.shape == (2, 24, 30)
    np.testing.assert_allclose(np.exp(whole).sum(-1), 1, atol=1e-4)
    np.testing.assert_allclose(recognize(path, features, 16), whole, atol=1e-3)
    np.testing.assert_allclose(recognize(path, features[1:], 16), whole[1:], atol=1e-3)


@pytest.mark.timeout(400)
def test_training_goes_on_from_an_exported_network(
    python: str, corpora: Path, trained: Path, tmp_path: Path
) -> None:
    run(python, "export.py", trained, "tr", tmp_path / "first")
    (tmp_path / "first" / "model.onnx").rename(tmp_path / "first.onnx")
    config = tmp_path / "config.toml"
    config.write_text(f'start_from = "first.onnx"\n{CONFIG}', encoding="utf-8")
    output = tmp_path / "second"
    run(python, "train.py", config, corpora, output, "--processes", "1", "--steps", "0")
    run(python, "export.py", output, "tr", tmp_path)
    features = np.random.default_rng(0).normal(-6, 2, (1, 80, 96)).astype(np.float32)
    first, second = (
        recognize(tmp_path / name, features, 96) for name in ("first.onnx", "model.onnx")
    )
    # Its 8-bit weights are rounded to the same ones again.
    np.testing.assert_allclose(second, first, atol=1e-3)


@pytest.mark.parametrize(
    ("sentence", "language", "letters"),
    [
        ("Bul cerde", "tr", None),
        ("Менин атым Жумабек.", "ky", "menin atım cumabek."),
        ("Może szczęście, dzień!", "pl", "може щенще, дзень!"),
        ("Příliš žluťoučký kůň", "cs", "пржилиш жлутьоучки кунь"),
        ("Ljubljana je čudovita", "sl", "льубльана е чудовита"),
    ],
)
def test_sentences_of_relatives_get_the_letters_of_the_language(
    python: str, sentence: str, language: str, letters: str | None
) -> None:
    code = "import sys; from respell import respelled; print(respelled(*sys.argv[1:]))"
    command = [python, "-c", code, sentence, language]
    done = subprocess.run(command, cwd=RECIPE, capture_output=True, text=True, check=False)
    assert (done.stdout.strip() if done.returncode == 0 else None) == letters


@pytest.mark.timeout(400)
def test_features_of_training_and_of_recognition_are_the_same(python: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    samples = (rng.normal(0, 0.1, 8000) * np.sin(np.arange(8000) / 700)).astype(np.float32)
    np.save(tmp_path / "samples.npy", samples)
    program = (
        "import sys, numpy, torch; from features import log_mel, power_spectrum;"
        "samples = torch.from_numpy(numpy.load(sys.argv[1]))[None];"
        "numpy.save(sys.argv[2], log_mel(power_spectrum(samples))[0].numpy())"
    )
    run(python, "-c", program, tmp_path / "samples.npy", tmp_path / "features.npy")
    trained_on = np.load(tmp_path / "features.npy")
    extractor = LogMel()
    extractor.accept(samples)
    recognized = extractor.take(extractor.available)
    frames = min(len(trained_on), len(recognized))
    assert frames >= 45
    # The first frames look before the beginning, which training fills with silence.
    np.testing.assert_allclose(recognized[2 : frames - 2], trained_on[2 : frames - 2], atol=0.05)
