from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest

from rechka.audio.noise import NoiseFloor, decibels, follow
from rechka.audio.samples import Samples
from rechka.audio.spectrum import BANDS, PERIODS, measure
from rechka.audio.window import transform, window_weights

Floats = npt.NDArray[np.float32]


class Features(NamedTuple):
    """Features of n frames; power has the shape (n, BANDS)."""

    power: Floats
    periodicity: Floats
    lasting_periodicity: Floats


def analyze(samples: Samples, *, rate_hz: int = 16_000) -> Features:
    step = rate_hz // 50
    padded = np.concatenate((np.zeros(step, dtype=np.float32), samples))
    count = len(samples) // step
    power = np.empty((count, BANDS), dtype=np.float32)
    periodicities = np.empty((count, 2), dtype=np.float32)
    correlation = np.zeros(PERIODS, dtype=np.float32)
    for frame in range(count):
        window = padded[frame * step : (frame + 2) * step] * window_weights(2 * step)
        (lines,) = transform(window[np.newaxis])
        periodicities[frame] = measure(lines, correlation, power[frame])
    return Features(power, periodicities[:, 0], periodicities[:, 1])


def noise(seconds: int, *, rate_hz: int = 16_000) -> Samples:
    return np.random.default_rng(0).standard_normal(seconds * rate_hz).astype(np.float32)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 32_000, 48_000])
@pytest.mark.parametrize("band", [0, 7, 14])
def test_a_sine_has_its_power_in_its_band(rate_hz: int, band: int) -> None:
    hertz = 100 + 250 * band + 112.5
    wave = np.sin(2 * np.pi * hertz * np.arange(rate_hz) / rate_hz).astype(np.float32)
    power = analyze(0.1 * wave, rate_hz=rate_hz).power[2:]
    assert power.shape == (48, BANDS)
    np.testing.assert_allclose(power[:, band], 0.01 / 2, rtol=0.02)
    assert np.delete(power, band, axis=1).max() < 1e-3 * 0.01


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 48_000])
def test_noise_has_no_pitch_and_a_buzz_has(rate_hz: int) -> None:
    hiss = analyze(noise(20, rate_hz=rate_hz), rate_hz=rate_hz)
    assert hiss.periodicity.max() < 0.18
    assert hiss.lasting_periodicity.max() < 0.13
    times = np.arange(rate_hz) / rate_hz
    for pitch_hz in (75, 120, 210, 390):
        count = 3900 // pitch_hz
        buzz = sum(np.sin(2 * np.pi * pitch_hz * n * times + n * n) for n in range(1, count))
        voiced = analyze(np.asarray(buzz, dtype=np.float32), rate_hz=rate_hz)
        assert voiced.periodicity[2:].min() > 0.19
        assert voiced.lasting_periodicity[2:].min() > 0.19


def test_features_do_not_depend_on_loudness() -> None:
    hiss = noise(1)
    quiet, loud = analyze(hiss * np.float32(1e-4)), analyze(hiss)
    np.testing.assert_allclose(quiet.periodicity, loud.periodicity, atol=1e-4)
    np.testing.assert_allclose(quiet.power, loud.power * 1e-8, rtol=1e-3)


def test_silence_has_neither_power_nor_pitch() -> None:
    silence = analyze(np.zeros(16_000, dtype=np.float32))
    assert not silence.power.any()
    assert not silence.periodicity.any()


def reference(samples: Samples, *, rate_hz: int) -> Features:
    """Return the features by their definition, all frames at once."""
    step = rate_hz // 50
    padded = np.concatenate((np.zeros(step), samples))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * step)[::step]
    hann = np.hanning(2 * step + 1)[:-1]
    magnitude = np.abs(np.fft.rfft(windows * hann * np.sqrt(2 / 1.5) / hann.sum()))[:, :161]
    voice = np.arange(4, 152)
    average = np.stack([magnitude[:, max(0, at - 10) : at + 11].mean(axis=1) for at in voice], 1)
    whitened = magnitude[:, voice] / average
    cosines = np.cos(2 * np.pi * np.outer(voice * 25, np.arange(20, 115) / 8000))
    correlation = whitened @ cosines / whitened.sum(axis=1, keepdims=True)
    before = np.concatenate((np.zeros((1, correlation.shape[1])), correlation[:-1]))
    bands = magnitude[:, 4 : 4 + 10 * BANDS].reshape(-1, BANDS, 10)
    return Features(
        power=(bands**2).sum(axis=2).astype(np.float32),
        periodicity=correlation.max(axis=1).astype(np.float32),
        lasting_periodicity=((correlation + before) / 2).max(axis=1).astype(np.float32),
    )


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 48_000])
def test_features_are_what_their_definition_says(rate_hz: int) -> None:
    times = np.arange(rate_hz) / rate_hz
    buzz = sum(np.sin(2 * np.pi * 130 * n * times) / n for n in range(1, 25))
    samples = (buzz * np.sin(5 * times) + 0.01 * noise(1, rate_hz=rate_hz)).astype(np.float32)
    expected, found = reference(samples, rate_hz=rate_hz), analyze(samples, rate_hz=rate_hz)
    np.testing.assert_allclose(found.power, expected.power, rtol=1e-4, atol=1e-12)
    np.testing.assert_allclose(found.periodicity, expected.periodicity, atol=1e-5)
    np.testing.assert_allclose(found.lasting_periodicity, expected.lasting_periodicity, atol=1e-5)


def test_no_power_has_a_finite_level() -> None:
    levels_db = [decibels(np.float32(power)) for power in (1.0, 0.01, 0.0)]
    np.testing.assert_allclose(levels_db, [0.0, -20.0, -140.0], atol=1e-4)


def above_floor(power: Floats) -> Floats:
    """Return how far each frame stands above the noise before and in it, in decibels."""
    floor = NoiseFloor()
    above_db = np.empty_like(power)
    for frame, bands in enumerate(power):
        level_db = np.array([decibels(band) for band in bands], dtype=np.float32)
        follow(
            bands,
            level_db,
            floor.powers,
            floor.levels_db,
            floor.least_db,
            frame,
            above_db[frame],
        )
    return above_db


def test_the_floor_is_the_least_average_of_a_second_and_a_half() -> None:
    power = analyze(noise(10) * np.linspace(0.1, 1, 160_000, dtype=np.float32)).power
    # Before the first frame there was as much as in it.
    before = np.concatenate((power[:1], power[:1], power)).astype(np.float64)
    averages_db = 10 * np.log10((before[:-2] + before[1:-1] + before[2:]) / 3 + 1e-14)
    floor_db = np.array([averages_db[max(0, at - 74) : at + 1].min(axis=0) for at in range(500)])
    level_db = 10 * np.log10(power + 1e-14)
    expected = np.maximum(level_db - np.maximum(floor_db + 2, -98), 0)
    np.testing.assert_allclose(above_floor(power), expected, atol=1e-3)


def test_the_floor_lies_at_steady_noise() -> None:
    above_db = above_floor(analyze(noise(10)).power)
    assert above_db.shape == (500, BANDS)
    assert above_db.min() == 0
    # The power of a frame scatters by 2 dB around the floor.
    assert above_db[100:].mean() < 1.5


def test_the_floor_stays_below_syllables_and_follows_noise_that_stays() -> None:
    hiss = noise(8)
    hiss[: 4 * 16_000] *= 0.01
    # Bursts of 200 ms with as much between them.
    for start in range(0, 4 * 16_000, 6_400):
        hiss[start : start + 3_200] *= 30
    above_db = above_floor(analyze(hiss).power).mean(axis=1)
    assert above_db[85:90].min() > 20
    # The noise that stays from the fourth second on has become the floor.
    assert above_db[202:210].min() > 20
    assert above_db[280:].max() < 5
