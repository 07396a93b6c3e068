import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rechka.audio.resample import Resampler
from rechka.audio.samples import Samples

_PAIRS = [
    (48_000, 16_000),
    (48_000, 8_000),
    (8_000, 16_000),
    (16_000, 8_000),
    (8_000, 48_000),
    (16_000, 48_000),
    (44_100, 16_000),
]


def resample(pieces: list[Samples], in_rate_hz: int, out_rate_hz: int) -> Samples:
    resampler = Resampler(in_rate_hz, out_rate_hz)
    return np.concatenate([*(resampler.accept(piece) for piece in pieces), resampler.flush()])


def sine(hertz: float, count: int, rate_hz: int) -> Samples:
    wave: Samples = np.sin(2 * np.pi * hertz * np.arange(count) / rate_hz).astype(np.float32)
    return wave


@pytest.mark.parametrize("pair", _PAIRS)
@given(
    count=st.integers(0, 6000),
    places=st.lists(st.integers(0, 6000), max_size=8),
    seed=st.integers(0, 100),
)
@settings(max_examples=20)
def test_samples_do_not_depend_on_the_cuts_and_the_length_is_exact(
    pair: tuple[int, int], count: int, places: list[int], seed: int
) -> None:
    samples = np.random.default_rng(seed).uniform(-1, 1, count).astype(np.float32)
    whole = resample([samples], *pair)
    pieces = np.split(samples, sorted(place % (count + 1) for place in places))
    np.testing.assert_allclose(resample(pieces, *pair), whole, atol=2e-6)
    assert whole.dtype == np.float32
    # Halves are rounded up.
    assert len(whole) == (2 * count * pair[1] + pair[0]) // (2 * pair[0])


@pytest.mark.parametrize("pair", _PAIRS)
def test_sines_keep_their_time_and_height(pair: tuple[int, int]) -> None:
    in_rate_hz, out_rate_hz = pair
    for hertz in (50, 300, 1000, 0.43 * min(pair)):
        resampled = resample([sine(hertz, in_rate_hz, in_rate_hz)], *pair)
        expected = sine(hertz, out_rate_hz, out_rate_hz)
        # Near both ends the filter reaches into the silence around the stream.
        inside = slice(out_rate_hz // 50, -out_rate_hz // 50)
        np.testing.assert_allclose(resampled[inside], expected[inside], atol=2e-3)


@pytest.mark.parametrize("pair", [(48_000, 16_000), (48_000, 8_000), (16_000, 8_000)])
def test_what_the_lower_rate_cannot_carry_is_removed(pair: tuple[int, int]) -> None:
    for share in (0.51, 0.6, 0.9):
        resampled = resample([sine(share * pair[1], pair[0], pair[0])], *pair)
        assert np.abs(resampled[200:-200]).max() < 10 ** (-70 / 20)


@pytest.mark.parametrize("pair", [(8_000, 16_000), (8_000, 48_000), (16_000, 48_000)])
def test_nothing_is_invented_above_the_old_rate(pair: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).uniform(-1, 1, pair[0]).astype(np.float32)
    power = np.abs(np.fft.rfft(resample([noise], *pair) * np.hanning(pair[1]))) ** 2
    above = power[pair[0] * 54 // 100 :].mean()
    assert above < 1e-6 * power[: pair[0] * 4 // 10].mean()


@pytest.mark.parametrize("pair", _PAIRS)
def test_a_click_stays_at_its_time(pair: tuple[int, int]) -> None:
    in_rate_hz, out_rate_hz = pair
    # A place that both rates have a sample for.
    clicked = np.zeros(in_rate_hz, dtype=np.float32)
    clicked[in_rate_hz // 4] = 1.0
    assert np.argmax(np.abs(resample([clicked], *pair))) == out_rate_hz // 4


@pytest.mark.parametrize("pair", _PAIRS)
def test_the_delay_is_short(pair: tuple[int, int]) -> None:
    in_rate_hz, out_rate_hz = pair
    resampler = Resampler(*pair)
    returned = 0
    step = in_rate_hz // 100
    for number in range(1, 50):
        returned += len(resampler.accept(np.zeros(step, dtype=np.float32)))
        # A filter of 32 crossings: 4 ms at 8 kHz; other ratios add a cycle of 10 ms.
        assert number * step / in_rate_hz - returned / out_rate_hz < 0.0125


def test_a_constant_stays_constant() -> None:
    resampled = resample([np.full(4800, 0.5, dtype=np.float32)], 48_000, 16_000)
    np.testing.assert_allclose(resampled[100:-100], 0.5, atol=1e-6)


def test_equal_rates_hand_the_samples_through() -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, 1000).astype(np.float32)
    resampler = Resampler(16_000, 16_000)
    np.testing.assert_array_equal(resampler.accept(samples), samples)
    assert len(resampler.flush()) == 0
