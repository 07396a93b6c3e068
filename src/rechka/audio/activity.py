"""Voice activity: which frames of a stream hold speech.

A frame is speech if it stands above the noise floor and there was *evidence* of
a voice in it or shortly before. Evidence is

- harmonics of one pitch over several bands, that stand above the noise: voice;
- a spectrum that keeps changing its shape above the noise: whisper, and voices
  whose pitch the noise hides;
- at the very beginning of a stream, where no noise is known yet, strong harmonics.

Steady noise, hum and tones sink into the noise floor and have no such harmonics;
clicks are too short. The thresholds were set on noises and on synthesized
speech, and webrtcvad was tried in this place: it takes any steady noise above
-30 dBFS for speech, without end, and so would never end an utterance in it.
"""

import numpy as np
import numpy.typing as npt

from rechka.audio.noise import NOTHING, NoiseFloor, decibels, follow
from rechka.audio.samples import Samples
from rechka.audio.spectrum import BANDS, FRAME_MS, PERIODS, measure
from rechka.audio.window import transform, window_weights
from rechka.compiled import compiled

__all__ = ["VoiceActivity"]

_Floats = npt.NDArray[np.float32]
_Integers = npt.NDArray[np.int64]
_Booleans = npt.NDArray[np.bool_]

# What a single band can add to the mean: else one pure tone would be a whole voice.
_MOST_ABOVE_DB = np.float32(15)
# Mean over the bands; 95 % of the frames of steady noise are below.
_ACTIVE_DB = np.float32(2)
# A voice stands out in so many bands at least, by so much.
_VOICE_BANDS = 3
_STRONG_DB = np.float32(5)
_LASTING_PERIODICITY = np.float32(0.14)
# Evidence counts for what follows it within this time: a word's soft end.
_EVIDENCE_FRAMES = 800 // FRAME_MS
_LONG_AGO = -_EVIDENCE_FRAMES - 1
# The change of shape is judged over 300 ms, of which 200 ms must stand out.
_SHAPE_FRAMES = 300 // FRAME_MS
_LEAST_SHAPE_FRAMES = 200 // FRAME_MS
# Mean deviation; noise that sets in or swells stays below 1.6 dB.
_SHAPE_CHANGE_DB = np.float32(2.8)
# What stands out for 300 ms and changes less is a tone or a machine; of the
# stretches of speech 0.5 % are so steady.
_STEADY_DB = np.float32(1.5)
# While no noise is known: pure tones stay below this periodicity.
_START_FRAMES = 500 // FRAME_MS
_START_PERIODICITY = np.float32(0.25)
_START_EVIDENCE_FRAMES = 200 // FRAME_MS
_START_DROP_DB = np.float32(12)
# Most frames that are worked on at once; bounds the working memory.
_BLOCK_FRAMES = 16
# What a stream remembers of the frames so far: how many there were, when there was
# evidence, and when at the beginning.
_FRAMES, _EVIDENCE_AT, _START_EVIDENCE_AT = range(3)


class VoiceActivity:
    """Judges one stream frame by frame, as soon as a frame is complete.

    A verdict looks 40 ms back, never ahead.

    Args:
        rate_hz: Rate of the samples; at least 8000 and a multiple of 50.

    Raises:
        ValueError: The rate is not so.

    Threading: used by one thread at a time.
    """

    def __init__(self, rate_hz: int) -> None:
        if rate_hz < 8000 or rate_hz * FRAME_MS % 1000:
            raise ValueError(f"sample rate {rate_hz} is below 8000 or no multiple of 50")
        self._frame_samples = rate_hz * FRAME_MS // 1000
        self._weights = window_weights(2 * self._frame_samples)
        # The last whole frame, and the samples of the next one. Silence is assumed before
        # the first.
        self._window = np.zeros(2 * self._frame_samples, dtype=np.float32)
        # How many samples there are of the frame that is not complete yet.
        self._pending = 0
        floor = NoiseFloor()
        # What `_judge_all` takes after its first arguments, in its order.
        self._memory = (
            # The correlation of the last frame; see `measure`.
            np.zeros(PERIODS, dtype=np.float32),
            floor.powers,
            floor.levels_db,
            floor.least_db,
            # Rings of the last frames: shape of the spectrum, which is the power by band
            # less its mean, in decibels; and whether it counts.
            np.zeros((_SHAPE_FRAMES, BANDS), dtype=np.float32),
            np.zeros(_SHAPE_FRAMES, dtype=np.bool_),
            # By `_FRAMES` and so on.
            np.array([0, _LONG_AGO, _LONG_AGO], dtype=np.int64),
            # The level of the loudest frame at the beginning.
            np.full(1, -np.inf, dtype=np.float32),
        )

    @property
    def frame_samples(self) -> int:
        """Length of a frame; constant."""
        return self._frame_samples

    def accept(self, samples: Samples) -> list[bool]:
        """Take the next samples, any number of them.

        Returns:
            Whether there is speech, for each frame that is complete now, in order;
            the n-th value of a stream is about its n-th `frame_samples` samples.
        """
        samples = np.ascontiguousarray(samples)
        block_samples = _BLOCK_FRAMES * self._frame_samples
        verdicts: list[bool] = []
        for start in range(0, len(samples), block_samples):
            verdicts += self._accept(samples[start : start + block_samples])
        return verdicts

    def _accept(self, samples: Samples) -> list[bool]:
        count, rest = divmod(self._pending + len(samples), self._frame_samples)
        windows = np.empty((count, len(self._window)), dtype=np.float32)
        _cut(samples, self._pending, self._window, self._weights, windows)
        self._pending = rest
        if count == 0:
            return []
        speech = np.empty(count, dtype=np.bool_)
        _judge_all(transform(windows), speech, *self._memory)
        verdicts: list[bool] = speech.tolist()
        return verdicts


@compiled("f4(f4[:, ::1], b1[::1], i8)")
def _shape_change(shapes: _Floats, is_counted: _Booleans, count: int) -> np.float32:
    """Return the mean deviation from the mean shape of the frames that count, in decibels.

    Args:
        shapes: Power by band less its mean, in decibels; shape (frames, BANDS).
        is_counted: Which frames count; shape (frames,).
        count: How many these are; at least one.
    """
    divisor = np.float32(count)
    mean = np.zeros(BANDS, dtype=np.float32)
    deviation = np.zeros(BANDS, dtype=np.float32)
    for frame in range(_SHAPE_FRAMES):
        if is_counted[frame]:
            for band in range(BANDS):
                mean[band] += shapes[frame, band]
    for band in range(BANDS):
        mean[band] /= divisor
    for frame in range(_SHAPE_FRAMES):
        if is_counted[frame]:
            for band in range(BANDS):
                deviation[band] += abs(shapes[frame, band] - mean[band])
    total = np.float32(0)
    for band in range(BANDS):
        total += deviation[band]
    return total / divisor / np.float32(BANDS)


@compiled("b1(f4[::1], f4, i8[::1], f4[::1])")
def _is_start(power: _Floats, periodicity: np.float32, counts: _Integers, peak_db: _Floats) -> bool:
    """Tell whether a frame is speech by harmonics alone, near the stream's beginning.

    Args:
        power: Of the frame by band.
        periodicity: Of the frame.
        counts: Of the stream; changed where there is evidence.
        peak_db: Of the stream; changed where the frame is louder.
    """
    total = NOTHING
    for band in range(len(power)):
        total += power[band]
    level_db = np.float32(10) * np.log10(total)
    peak_db[0] = max(peak_db[0], level_db)
    if counts[_FRAMES] < _START_FRAMES and periodicity > _START_PERIODICITY:
        counts[_EVIDENCE_AT] = counts[_START_EVIDENCE_AT] = counts[_FRAMES]
    is_recent = counts[_FRAMES] - counts[_START_EVIDENCE_AT] <= _START_EVIDENCE_FRAMES
    return bool(is_recent and level_db > peak_db[0] - _START_DROP_DB)


@compiled("b1(f4[::1], f4[::1], f4[::1], f4, f4, f4[:, ::1], b1[::1], i8[::1], f4[::1])")
def _judge(  # noqa: PLR0913, PLR0917
    power: _Floats,
    level_db: _Floats,
    above_db: _Floats,
    periodicity: np.float32,
    lasting_periodicity: np.float32,
    shapes: _Floats,
    is_counted: _Booleans,
    counts: _Integers,
    start_peak_db: _Floats,
) -> bool:
    """Judge a frame.

    Args:
        power: Of the frame by band.
        level_db: `power` in decibels.
        above_db: How far it stands above the noise.
        periodicity: As `measure` says.
        lasting_periodicity: As `measure` says.
        shapes: Memory of the stream, as are the next three; see `VoiceActivity`.
        is_counted: Whether a shape counts.
        counts: By `_FRAMES` and so on.
        start_peak_db: Power of the loudest frame at the beginning; shape (1,).
    """
    level, above = np.float32(0), np.float32(0)
    strong = 0
    for band in range(BANDS):
        level += level_db[band]
        above += min(above_db[band], _MOST_ABOVE_DB)
        strong += above_db[band] > _STRONG_DB
    is_active = above / np.float32(BANDS) > _ACTIVE_DB
    at = counts[_FRAMES] % _SHAPE_FRAMES
    for band in range(BANDS):
        shapes[at, band] = level_db[band] - level / np.float32(BANDS)
    is_counted[at] = is_active
    count = 0
    for is_one in is_counted:
        count += is_one
    # What fewer frames say of the change matters to nothing.
    change_db = np.float32(0)
    if count >= _LEAST_SHAPE_FRAMES:
        change_db = _shape_change(shapes, is_counted, count)
    is_steady = count == _SHAPE_FRAMES and change_db < _STEADY_DB
    is_voiced = lasting_periodicity > _LASTING_PERIODICITY
    if is_steady:
        counts[_EVIDENCE_AT] = _LONG_AGO
    elif is_active and strong >= _VOICE_BANDS and (is_voiced or change_db > _SHAPE_CHANGE_DB):
        counts[_EVIDENCE_AT] = counts[_FRAMES]
    is_speech = counts[_FRAMES] < 2 * _START_FRAMES and _is_start(
        power, periodicity, counts, start_peak_db
    )
    is_recent = counts[_FRAMES] - counts[_EVIDENCE_AT] <= _EVIDENCE_FRAMES
    counts[_FRAMES] += 1
    return bool(is_speech or (is_active and is_recent))


@compiled("void(Array(f4, 1, 'C', True), u8, u8, f4[::1], u8)")
def _copy(samples: _Floats, begin: int, count: int, target: _Floats, place: int) -> None:
    """Copy `count` samples from the place `begin` to `place` of `target`."""
    for at in range(count):
        target[place + at] = samples[begin + at]


@compiled("void(Array(f4, 1, 'C', True), u8, f4[::1], f4[::1], f4[:, ::1])")
def _cut(
    samples: _Floats, pending: int, window: _Floats, weights: _Floats, windows: _Floats
) -> None:
    """Write the windows of the frames that the next samples complete, and keep the rest.

    Args:
        samples: The next ones.
        pending: How many samples of the next frame came before.
        window: The last whole frame and the samples of the next one; shape (w,).
        weights: What each window is multiplied by; shape (w,).
        windows: Result: each frame behind the one before it; shape (n, w), where n is how
            many frames are complete.
    """
    step = len(window) // 2
    taken = 0
    for frame in range(len(windows)):
        _copy(samples, taken, step - pending, window, step + pending)
        taken += step - pending
        pending = 0
        for at in range(len(window)):
            windows[frame, at] = window[at] * weights[at]
        _copy(window, step, step, window, 0)
    _copy(samples, taken, len(samples) - taken, window, step + pending)


@compiled(
    "void(c8[:, ::1], b1[::1],"
    " f4[::1], f4[:, ::1], f4[:, ::1], f4[::1], f4[:, ::1], b1[::1], i8[::1], f4[::1])"
)
def _judge_all(  # noqa: PLR0913, PLR0917
    lines: npt.NDArray[np.complex64],
    speech: _Booleans,
    last_correlation: _Floats,
    powers: _Floats,
    levels_db: _Floats,
    least_db: _Floats,
    shapes: _Floats,
    is_counted: _Booleans,
    counts: _Integers,
    start_peak_db: _Floats,
) -> None:
    """Judge the next frames by the spectra of their windows.

    Args:
        lines: As `window.transform` says.
        speech: Result: the verdicts; shape (frames,).
        last_correlation: Memory of the stream, as are all that follow; see `VoiceActivity`.
        powers: As `NoiseFloor` says.
        levels_db: As `NoiseFloor` says.
        least_db: As `NoiseFloor` says.
        shapes: As `_judge` says.
        is_counted: As `_judge` says.
        counts: As `_judge` says.
        start_peak_db: As `_judge` says.
    """
    power, level_db = np.empty(BANDS, dtype=np.float32), np.empty(BANDS, dtype=np.float32)
    above_db = np.empty(BANDS, dtype=np.float32)
    for frame in range(len(lines)):
        periodicity, lasting_periodicity = measure(lines[frame], last_correlation, power)
        for band in range(BANDS):
            level_db[band] = decibels(power[band])
        follow(power, level_db, powers, levels_db, least_db, counts[_FRAMES], above_db)
        speech[frame] = _judge(
            power,
            level_db,
            above_db,
            periodicity,
            lasting_periodicity,
            shapes,
            is_counted,
            counts,
            start_peak_db,
        )
