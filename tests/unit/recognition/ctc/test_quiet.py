import numpy as np
import pytest

from rechka.recognition.engines.ctc.quiet import Quiet

RATE_HZ = 16_000


def _sound(seconds: float, level: float, *, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(0, level, int(seconds * RATE_HZ)).astype(np.float32)


@pytest.mark.parametrize("background", [0.0, 1e-4, 0.01])
@pytest.mark.parametrize("pieces", [1, 3, 77])
def test_silence_is_what_is_as_quiet_as_the_background(background: float, pieces: int) -> None:
    speech = _sound(1.0, 0.1)
    audio = np.concatenate([_sound(0.3, background), speech, _sound(0.6, background, seed=1)])
    quiet = Quiet(RATE_HZ, 380)
    for piece in np.array_split(audio, pieces):
        quiet.accept(piece)
    assert quiet.is_now
    quiet.accept(_sound(0.03, 0.1))
    assert not quiet.is_now


def test_a_sound_shorter_than_a_frame_counts() -> None:
    quiet = Quiet(RATE_HZ, 380)
    quiet.accept(_sound(1.0, 1e-4))
    quiet.accept(_sound(0.01, 0.1))
    assert not quiet.is_now


def test_nothing_is_known_of_less_than_the_time_asked_for() -> None:
    quiet = Quiet(RATE_HZ, 380)
    assert not quiet.is_now
    quiet.accept(_sound(0.3, 0.0))
    assert not quiet.is_now
    quiet.accept(_sound(0.3, 0.0))
    assert quiet.is_now
