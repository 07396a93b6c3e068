from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from fakes.opus_audio import RATE_HZ, tones
from rechka.audio.mismatch import MismatchDetector
from rechka.audio.resample import Resampler
from rechka.audio.samples import Samples, from_pcm16, to_pcm16

_CLIPS = sorted(
    (Path(__file__).parents[4] / "shared" / "data" / "speech").glob("*/*.flac"),
)


def at_8_khz(samples: Samples) -> Samples:
    resampler = Resampler(RATE_HZ, 8_000)
    return np.concatenate((resampler.accept(samples), resampler.flush()))


_SOUND = at_8_khz(tones(4)) * np.float32(2.5)


def mu_law(samples: Samples) -> bytes:
    """Return G.711 mu-law by the formula of the curve."""
    curve = np.log1p(255 * np.abs(samples)) / np.log(256)
    code = np.minimum(127, np.floor(128 * curve)).astype(np.uint8)
    octets: npt.NDArray[np.uint8] = ~np.where(samples < 0, code | 0x80, code).astype(np.uint8)
    return octets.tobytes()


def a_law(samples: Samples) -> bytes:
    """Return G.711 A-law by the formula of the curve."""
    size = np.abs(samples)
    upper = 1 + np.log(np.maximum(87.6 * size, 1))
    curve = np.where(size < 1 / 87.6, 87.6 * size, upper) / (1 + np.log(87.6))
    code = np.minimum(127, np.floor(128 * curve)).astype(np.uint8)
    octets = np.where(samples < 0, code, code | 0x80).astype(np.uint8) ^ np.uint8(0x55)
    return octets.tobytes()


def judge(pcm: bytes, *, rate_hz: int = 8_000, step: int = 777) -> list[str]:
    detector = MismatchDetector(rate_hz)
    samples = from_pcm16(pcm)
    verdicts = [detector.accept(samples[i : i + step]) for i in range(0, len(samples), step)]
    return [verdict for verdict in verdicts if verdict is not None]


def test_swapped_bytes_are_noticed_once() -> None:
    swapped = np.frombuffer(to_pcm16(_SOUND), dtype="<i2").byteswap().tobytes()
    verdicts = judge(swapped)
    assert len(verdicts) == 1
    assert "big-endian" in verdicts[0]


@pytest.mark.parametrize(
    ("octets", "name"),
    [
        (mu_law(_SOUND), "G.711 mu-law"),
        (a_law(_SOUND), "G.711 A-law"),
        ((np.clip(_SOUND, -1, 0.99) * 128 + 128).astype(np.uint8).tobytes(), "8-bit"),
    ],
)
def test_eight_bits_sent_as_sixteen_are_named(octets: bytes, name: str) -> None:
    verdicts = judge(octets)
    assert len(verdicts) == 1
    assert name in verdicts[0]


@pytest.mark.parametrize("gain", [0.001, 0.1, 1.0])
def test_right_samples_raise_no_alarm(gain: float) -> None:
    assert judge(to_pcm16(_SOUND * np.float32(gain))) == []


def test_noise_silence_and_clipping_raise_no_alarm() -> None:
    noise = np.random.default_rng(0).bytes(160_000)
    assert judge(noise) == []
    assert judge(bytes(160_000)) == []
    assert judge(to_pcm16(np.sign(_SOUND))) == []
    assert judge(to_pcm16(_SOUND * np.float32(50))) == []


def test_nothing_is_kept_after_ten_seconds() -> None:
    detector = MismatchDetector(8_000)
    for _ in range(20):
        assert detector.accept(np.zeros(8_000, dtype=np.float32)) is None
    assert len(detector._pending) < 8_000


@pytest.mark.parametrize("path", _CLIPS[::5], ids=lambda path: path.name)
def test_real_recordings_raise_no_alarm(path: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    samples, rate_hz = soundfile.read(path, dtype="float32")
    assert judge(to_pcm16(samples), rate_hz=rate_hz) == []
    loudest = samples / np.abs(samples).max()
    assert judge(to_pcm16(loudest), rate_hz=rate_hz) == []
