"""The example of an engine: installed as a user installs it, tested, and served."""

import os
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from rechka.audio.samples import to_pcm16
from rechka.bootstrap import Server
from rechka.client import AsyncClient, FileSource
from rechka.results import Final
from rechka.settings import load_settings
from rechka.spec import RecognitionSpec

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "engine"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that the example's distribution was installed to."""
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    command += ["--no-build-isolation", "--target", str(target), str(EXAMPLE)]
    subprocess.run(command, check=True, capture_output=True)
    assert list(target.glob("rechka_dtmf_engine-*.dist-info"))
    return target


@pytest.fixture
def environment(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let processes that are started find the distribution."""
    paths = [str(installed), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in paths if path))


def test_the_example_is_as_short_as_it_says() -> None:
    assert (EXAMPLE / "dtmf_engine.py").read_text(encoding="utf-8").count("\n") < 150


@pytest.mark.usefixtures("environment")
def test_the_examples_own_tests_pass() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--rootdir", str(EXAMPLE), str(EXAMPLE)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout or "[100%]" in done.stdout


@pytest.mark.usefixtures("environment")
async def test_a_server_serves_the_installed_engine(tmp_path: Path) -> None:
    settings = load_settings(
        overrides={
            "data_dir": tmp_path,
            "server": {"grpc_address": "127.0.0.1:0", "http_address": "127.0.0.1:0"},
            "recognition": {"engine": "dtmf", "workers": 1},
        }
    )
    sound = tmp_path / "keys.wav"
    write_keys(sound, (770, 1336), (941, 1336), (770, 1477))
    async with Server(settings) as server:
        await server.wait_ready()
        access = await server.create_development_access()
        async with AsyncClient(server.grpc_address, token=access.iam_token) as client:
            spec = RecognitionSpec(language="en-US", raw_results=True)
            results = [result async for result in client.stream(FileSource(sound), spec)]
    texts = [result.alternatives[0].text for result in results if isinstance(result, Final)]
    assert texts == ["five zero six"]


def write_keys(path: Path, *keys: tuple[int, int]) -> None:
    """Write a WAV file at 8 kHz with pairs of tones, each followed by silence."""
    time_s = np.arange(8_000 * 200 // 1000) / 8_000
    silence = np.zeros(8_000 * 100 // 1000)
    parts = [silence] * 3
    for pair in keys:
        phases = 2 * np.pi * np.outer(pair, time_s)
        parts += [0.3 * np.sin(phases).sum(axis=0), silence]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(to_pcm16(np.concatenate(parts).astype(np.float32)))
