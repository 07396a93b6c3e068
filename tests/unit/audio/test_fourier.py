import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rechka.audio.fourier import FourierPlan, transform
from rechka.audio.samples import Samples


def lines(samples: Samples, *, count: int) -> npt.NDArray[np.complex128]:
    plan = FourierPlan.of(len(samples))
    real, imag = np.full((2, count), np.nan, dtype=np.float32)
    transform(
        samples,
        plan.weights,
        plan.roots,
        plan.turns,
        plan.radices,
        plan.row_order,
        plan.column_order,
        real,
        imag,
    )
    return np.asarray(real + 1j * imag, dtype=np.complex128)


def assert_is_the_spectrum(samples: Samples, *, count: int) -> None:
    window = np.hanning(len(samples) + 1)[:-1]
    weighted = samples * window * np.sqrt(2 / 1.5) / window.sum()
    expected = np.fft.rfft(weighted)[:count]
    # Sums of so many 32-bit floats are off by a few of their last bits.
    typical = np.sqrt(np.sum(weighted**2))
    np.testing.assert_allclose(lines(samples, count=count), expected, rtol=0, atol=3e-6 * typical)


def noise(size: int) -> Samples:
    return np.random.default_rng(size).standard_normal(size).astype(np.float32)


# Windows of 40 ms at 8, 12, 16, 22.05, 24, 32, 44.1, 48, 96 and 192 kHz; with primes that
# make a table of few columns or of one.
@pytest.mark.parametrize(
    "size",
    [320, 480, 640, 882, 960, 1280, 1764, 1920, 3840, 7680, 322, 326, 332, 644, 1922, 2018],
)
def test_lines_are_those_that_numpy_finds(size: int) -> None:
    assert_is_the_spectrum(noise(size), count=161)
    assert_is_the_spectrum(noise(size), count=size // 2 + 1)


@given(st.integers(1, 700))
@settings(max_examples=40, deadline=None)
def test_windows_of_any_even_size_are_transformed(half: int) -> None:
    assert_is_the_spectrum(noise(2 * half), count=half + 1)


def test_the_lines_of_a_sine_have_its_power() -> None:
    wave = np.sin(2 * np.pi * 20 * np.arange(640) / 640).astype(np.float32)
    found = np.abs(lines(wave, count=321)) ** 2
    assert found[19:22].sum() == pytest.approx(0.5, rel=1e-5)
    assert found[:19].max() < 1e-10
    assert found[22:].max() < 1e-10


def test_a_window_without_sound_has_no_lines() -> None:
    assert not lines(np.zeros(640, dtype=np.float32), count=161).any()
