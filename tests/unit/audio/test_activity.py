import tracemalloc
import wave
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rechka.audio.activity import VoiceActivity
from rechka.audio.resample import Resampler
from rechka.audio.samples import Samples, from_pcm16, to_pcm16

_ROOT = Path(__file__).parents[3]
_CLIPS = sorted((_ROOT.parent / "shared" / "data" / "speech").glob("*/*.flac"))
_RATE_HZ = 16_000
_FRAME = _RATE_HZ // 50

Values = npt.NDArray[np.float64]


def judge(samples: Values | Samples, *, rate_hz: int = _RATE_HZ) -> npt.NDArray[np.bool_]:
    """Return the verdict on each frame of a stream of 16-bit audio."""
    audible = from_pcm16(to_pcm16(samples.astype(np.float32)))
    return np.array(VoiceActivity(rate_hz).accept(audible))


def level(db: float) -> float:
    return float(10 ** (db / 20))


def noise(seconds: float, *, slope: int = 0, seed: int = 0, rate_hz: int = _RATE_HZ) -> Values:
    """Return noise with an RMS of 1; the power falls by 3 dB an octave for each slope."""
    count = round(seconds * rate_hz)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    hertz = np.maximum(np.fft.rfftfreq(count, 1 / rate_hz), 20)
    values: Values = np.fft.irfft(spectrum * hertz ** (-slope / 2), count)
    normalized: Values = values / np.sqrt(np.mean(values**2))
    return normalized


def sines(seconds: float, *hertz: float, rate_hz: int = _RATE_HZ) -> Values:
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    values: Values = np.sum([np.sin(2 * np.pi * f * times) / n for n, f in enumerate(hertz, 1)], 0)
    return values


def voice(seconds: float, *, rate_hz: int = _RATE_HZ) -> Values:
    """Return a made-up voice with an RMS of about 0.1: four syllables a second."""
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    pitch_hz = 130 + 30 * np.sin(2 * np.pi * 0.7 * times) + 10 * np.sin(2 * np.pi * 3 * times)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / rate_hz
    formants = 500 + 300 * np.sin(2 * np.pi * 1.9 * times), 1500 + 500 * np.sin(9 * times), 2500
    values = np.zeros(len(times))
    for harmonic in range(1, 25):
        distances = [(harmonic * pitch_hz - formant) / 150 for formant in formants]
        weight = sum(1 / (1 + distance**2) for distance in distances)
        values += weight / harmonic**0.5 * np.sin(harmonic * phase)
    syllables = np.clip(0.4 - np.cos(2 * np.pi * 4 * times), 0, 1)
    return 0.1 * syllables * values / np.std(values)


def bundled() -> Samples:
    with wave.open(str(_ROOT / "examples" / "audio" / "speech-16k.wav")) as file:
        assert file.getframerate() == _RATE_HZ
        return from_pcm16(file.readframes(file.getnframes()))


@pytest.mark.parametrize("slope", [0, 1, 2], ids=["white", "pink", "brown"])
@pytest.mark.parametrize("db", [-80, -60, -45, -30, -15])
@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 48_000])
def test_steady_noise_is_no_speech(slope: int, db: int, rate_hz: int) -> None:
    verdicts = judge(noise(10, slope=slope, rate_hz=rate_hz) * level(db), rate_hz=rate_hz)
    assert len(verdicts) == 500
    assert verdicts.sum() == 0


@pytest.mark.parametrize(
    "hertz",
    [
        (50, 100, 150, 250, 350),
        (100, 200, 300, 500, 700),
        (200,),
        (440,),
        (1000,),
        (2500,),
        (425,),
        (220, 277.2, 329.6),
    ],
)
@pytest.mark.parametrize("db", [-40, -20, -6])
def test_hum_and_tones_are_no_speech(hertz: tuple[float, ...], db: int) -> None:
    tone = sines(10, *hertz) * level(db) / 2
    # A tone may be taken for a voice until it has been steady for 300 ms.
    assert judge(tone + noise(10) * level(-75)).sum() <= 15
    silence = np.zeros(2 * _RATE_HZ)
    assert judge(np.concatenate((silence, tone)) + noise(12) * level(-75)).sum() <= 15


def test_silence_and_dither_are_no_speech() -> None:
    dither = np.random.default_rng(0).uniform(-1, 1, 10 * _RATE_HZ) / 32768
    assert not judge(np.zeros(10 * _RATE_HZ)).any()
    assert not judge(dither).any()
    assert not judge(np.full(10 * _RATE_HZ, 0.1)).any()


def test_clicks_and_knocks_are_no_speech() -> None:
    clicks = noise(10) * level(-70)
    for second in range(1, 10):
        at = second * _RATE_HZ
        clicks[at] += 0.9
        decay = np.exp(-np.arange(160) / 30)
        clicks[at + 8000 : at + 8160] += decay * noise(0.01, seed=second)
    assert not judge(clicks).any()


def test_noise_that_sets_in_or_swells_is_no_speech() -> None:
    times = np.arange(12 * _RATE_HZ) / _RATE_HZ
    assert not judge(noise(12) * np.where(times < 4, level(-60), level(-25))).any()
    assert not judge(noise(12, slope=1) * level(-40) * level(10) ** np.sin(times)).any()


def test_a_voice_is_found_at_its_place() -> None:
    background = noise(6) * level(-60)
    background[2 * _RATE_HZ : 4 * _RATE_HZ] += voice(2)
    verdicts = judge(background)
    assert not verdicts[:99].any()
    assert verdicts[100:200].mean() > 0.7
    # A syllable ends 160 ms before the voice; no verdict looks at what comes.
    assert not verdicts[205:].any()


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 32_000, 48_000])
@pytest.mark.parametrize("db", [-30, -15, 0])
def test_a_voice_is_found_at_any_rate_and_loudness(rate_hz: int, db: int) -> None:
    spoken = voice(3, rate_hz=rate_hz) * level(db)
    assert judge(spoken, rate_hz=rate_hz).mean() > 0.6


def test_speech_from_the_very_first_sample_is_found() -> None:
    spoken = bundled()
    loudest = int(np.argmax(np.convolve(spoken**2, np.ones(800), "valid")))
    for begin in (loudest, loudest + 400):
        verdicts = judge(spoken[begin : begin + _RATE_HZ])
        # Within the first 300 ms there are at least 90 ms of speech.
        assert verdicts[:15].sum() >= 5


def is_loud(samples: Values | Samples, *, frame: int = _FRAME) -> npt.NDArray[np.bool_]:
    """Return which frames are less than 20 dB below the loudest."""
    power = (samples[: len(samples) // frame * frame].reshape(-1, frame) ** 2).mean(axis=1)
    loud: npt.NDArray[np.bool_] = power > power.max() / 100
    return loud


@pytest.mark.parametrize("db", [0, -20, -35])
def test_bundled_speech_is_found(db: int) -> None:
    spoken = bundled() * level(db)
    loud = is_loud(spoken)
    verdicts = judge(np.concatenate((np.zeros(_RATE_HZ), spoken, np.zeros(2 * _RATE_HZ))))
    assert not verdicts[:49].any()
    assert verdicts[50 : 50 + len(loud)][loud].mean() > 0.85
    assert not verdicts[50 + len(loud) + 5 :].any()


@pytest.mark.parametrize("slope", [0, 1, 2])
def test_speech_in_noise_is_found_and_ends(slope: int) -> None:
    silence = np.zeros(2 * _RATE_HZ)
    spoken: Values = np.concatenate((silence, bundled().astype(np.float64), silence))
    hiss = noise(len(spoken) / _RATE_HZ, slope=slope)[: len(spoken)]
    verdicts = judge(spoken + hiss * np.std(bundled()) * level(-10))
    assert not verdicts[:95].any()
    assert verdicts[is_loud(spoken)].mean() > 0.6
    # Single frames may count; an utterance does not go on by them.
    assert verdicts[-90:].mean() < 0.1


@given(st.lists(st.integers(0, 20_000), max_size=30), st.sampled_from([8_000, 16_000, 48_000]))
@settings(max_examples=25)
def test_verdicts_do_not_depend_on_the_cuts(places: list[int], rate_hz: int) -> None:
    samples = (voice(0.8, rate_hz=rate_hz) + noise(0.8, rate_hz=rate_hz) * 0.003).astype(np.float32)
    edges = sorted({0, len(samples), *(place % len(samples) for place in places)})
    pieces = [samples[start:end] for start, end in pairwise(edges)]
    activity = VoiceActivity(rate_hz)
    verdicts = [verdict for piece in pieces for verdict in activity.accept(piece)]
    assert verdicts == VoiceActivity(rate_hz).accept(samples)
    assert len(verdicts) == len(samples) // activity.frame_samples == 40
    assert set(map(type, verdicts)) == {bool}


def test_a_frame_is_judged_as_soon_as_it_is_complete() -> None:
    activity = VoiceActivity(_RATE_HZ)
    assert activity.frame_samples == _FRAME
    assert activity.accept(np.zeros(_FRAME - 1, dtype=np.float32)) == []
    assert activity.accept(np.zeros(1, dtype=np.float32)) == [False]
    assert activity.accept(np.zeros(0, dtype=np.float32)) == []


def test_a_long_message_takes_little_working_memory() -> None:
    samples = np.zeros(60 * 48_000, dtype=np.float32)
    activity = VoiceActivity(48_000)
    # The first call in a process imports modules.
    activity.accept(samples[:960])
    tracemalloc.start()
    try:
        assert len(activity.accept(samples)) == 3_000
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The windows of all frames are 23 MB.
    assert peak_bytes < 2_000_000


@pytest.mark.parametrize("rate_hz", [8_050, 8_150, 22_050, 44_100, 96_000])
def test_a_voice_is_found_at_unusual_rates(rate_hz: int) -> None:
    verdicts = judge(voice(3, rate_hz=rate_hz), rate_hz=rate_hz)
    assert len(verdicts) == 3 * rate_hz // (rate_hz // 50)
    assert verdicts.mean() > 0.6


def test_samples_may_be_read_only_or_apart_in_memory() -> None:
    samples = (voice(1) + noise(1) * 0.003).astype(np.float32)
    expected = VoiceActivity(_RATE_HZ).accept(samples)
    assert any(expected)
    apart = np.repeat(samples, 2)[::2]
    assert VoiceActivity(_RATE_HZ).accept(apart) == expected
    samples.flags.writeable = False
    assert VoiceActivity(_RATE_HZ).accept(samples) == expected


@pytest.mark.parametrize("rate_hz", [0, 4_000, 16_001])
def test_a_rate_that_has_no_whole_frames_is_refused(rate_hz: int) -> None:
    with pytest.raises(ValueError, match=str(rate_hz)):
        VoiceActivity(rate_hz)


@pytest.mark.parametrize("path", _CLIPS[::7], ids=lambda path: path.name)
@pytest.mark.parametrize("rate_hz", [8_000, 16_000])
def test_speech_is_found_in_real_recordings(path: Path, rate_hz: int) -> None:
    soundfile = pytest.importorskip("soundfile")
    samples, native_hz = soundfile.read(path, dtype="float32")
    resampler = Resampler(native_hz, rate_hz)
    samples = np.concatenate((resampler.accept(samples), resampler.flush()))
    verdicts = judge(samples, rate_hz=rate_hz)
    assert verdicts[is_loud(samples, frame=rate_hz // 50)].mean() > 0.6
