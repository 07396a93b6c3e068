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

from rechka.audio.noise import NOTHING, NoiseFloor, decibels
from rechka.audio.samples import Samples
from rechka.audio.spectrum import BANDS, FRAME_MS, FrameFeatures, SpectrumAnalyzer
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
# What a stream remembers of the frames so far: how many there were, when there was
# evidence, and when at the beginning.
_FRAMES, _EVIDENCE_AT, _START_EVIDENCE_AT = range(3)


class VoiceActivity:
    """Judges one stream frame by frame, as soon as a frame is complete.

    Args:
        rate_hz: Rate of the samples; at least 8000 and a multiple of 50.

    Raises:
        ValueError: The rate is not so.

    Threading: used by one thread at a time.
    """

    def __init__(self, rate_hz: int) -> None:
        self._analyzer = SpectrumAnalyzer(rate_hz)
        self._floor = NoiseFloor()
        # Rings of the last frames: shape of the spectrum, and whether it counts.
        self._shapes = np.zeros((_SHAPE_FRAMES, BANDS), dtype=np.float32)
        self._is_counted = np.zeros(_SHAPE_FRAMES, dtype=np.bool_)
        self._counts = np.array([0, _LONG_AGO, _LONG_AGO], dtype=np.int64)
        self._start_peak_db = np.full(1, -np.inf, dtype=np.float32)

    @property
    def frame_samples(self) -> int:
        """Length of a frame; constant."""
        return self._analyzer.frame_samples

    def accept(self, samples: Samples) -> list[bool]:
        """Take the next samples, any number of them.

        Returns:
            Whether there is speech, for each frame that is complete now, in order;
            the n-th value of a stream is about its n-th `frame_samples` samples.
        """
        return [
            is_speech
            for features in self._analyzer.accept(samples)
            for is_speech in self._judge(features)
        ]

    def _judge(self, features: FrameFeatures) -> list[bool]:
        level_db = decibels(features.power)
        above_db = self._floor.accept(features.power, level_db)
        speech = np.empty(len(level_db), dtype=np.bool_)
        _judge(
            features.power,
            level_db,
            above_db,
            features.periodicity,
            features.lasting_periodicity,
            self._shapes,
            self._is_counted,
            self._counts,
            self._start_peak_db,
            speech,
        )
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
    total = np.float32(0)
    for band in range(shapes.shape[1]):
        mean = np.float32(0)
        for frame in range(len(shapes)):
            if is_counted[frame]:
                mean += shapes[frame, band]
        mean /= divisor
        for frame in range(len(shapes)):
            if is_counted[frame]:
                total += abs(shapes[frame, band] - mean)
    return total / divisor / np.float32(shapes.shape[1])


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


@compiled(
    "void(f4[:, ::1], f4[:, ::1], f4[:, ::1], f4[::1], f4[::1],"
    " f4[:, ::1], b1[::1], i8[::1], f4[::1], b1[::1])"
)
def _judge(  # noqa: PLR0913, PLR0917
    power: _Floats,
    level_db: _Floats,
    above_db: _Floats,
    periodicity: _Floats,
    lasting_periodicity: _Floats,
    shapes: _Floats,
    is_counted: _Booleans,
    counts: _Integers,
    start_peak_db: _Floats,
    speech: _Booleans,
) -> None:
    """Judge frame by frame.

    Args:
        power: Features of the frames, and so are the next four.
        level_db: `power` in decibels.
        above_db: How far it stands above the noise.
        periodicity: As `FrameFeatures` says.
        lasting_periodicity: As `FrameFeatures` says.
        shapes: Memory of the stream, as are the next three; see `VoiceActivity`.
        is_counted: Whether a shape counts.
        counts: By `_FRAMES` and so on.
        start_peak_db: Power of the loudest frame at the beginning; shape (1,).
        speech: Result.
    """
    bands = level_db.shape[1]
    for frame in range(len(level_db)):
        level, above = np.float32(0), np.float32(0)
        strong = 0
        for band in range(bands):
            level += level_db[frame, band]
            above += min(above_db[frame, band], _MOST_ABOVE_DB)
            strong += above_db[frame, band] > _STRONG_DB
        is_active = above / np.float32(bands) > _ACTIVE_DB
        at = counts[_FRAMES] % len(shapes)
        for band in range(bands):
            shapes[at, band] = level_db[frame, band] - level / np.float32(bands)
        is_counted[at] = is_active
        count = 0
        for is_one in is_counted:
            count += is_one
        # What fewer frames say of the change matters to nothing.
        change_db = np.float32(0)
        if count >= _LEAST_SHAPE_FRAMES:
            change_db = _shape_change(shapes, is_counted, count)
        is_steady = count == len(shapes) and change_db < _STEADY_DB
        is_voiced = lasting_periodicity[frame] > _LASTING_PERIODICITY
        if is_steady:
            counts[_EVIDENCE_AT] = _LONG_AGO
        elif is_active and strong >= _VOICE_BANDS and (is_voiced or change_db > _SHAPE_CHANGE_DB):
            counts[_EVIDENCE_AT] = counts[_FRAMES]
        is_speech = counts[_FRAMES] < 2 * _START_FRAMES and _is_start(
            power[frame], periodicity[frame], counts, start_peak_db
        )
        is_recent = counts[_FRAMES] - counts[_EVIDENCE_AT] <= _EVIDENCE_FRAMES
        speech[frame] = is_speech or (is_active and is_recent)
        counts[_FRAMES] += 1
