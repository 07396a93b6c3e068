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

from rechka.audio.noise import NOTHING, NoiseFloor
from rechka.audio.samples import Samples
from rechka.audio.spectrum import (
    BANDS,
    BLOCK_FRAMES,
    FRAME_MS,
    FrameFeatures,
    SpectrumAnalyzer,
)

__all__ = ["VoiceActivity"]

# What a single band can add to the mean: else one pure tone would be a whole voice.
_MOST_ABOVE_DB = 15.0
# Mean over the bands; 95 % of the frames of steady noise are below.
_ACTIVE_DB = 2.0
# A voice stands out in so many bands at least, by so much.
_VOICE_BANDS = 3
_STRONG_DB = 5.0
_LASTING_PERIODICITY = 0.14
# Evidence counts for what follows it within this time: a word's soft end.
_EVIDENCE_FRAMES = 800 // FRAME_MS
# The change of shape is judged over 300 ms, of which 200 ms must stand out.
_SHAPE_FRAMES = 300 // FRAME_MS
_LEAST_SHAPE_FRAMES = 200 // FRAME_MS
# Mean deviation; noise that sets in or swells stays below 1.6 dB.
_SHAPE_CHANGE_DB = 2.8
# What stands out for 300 ms and changes less is a tone or a machine; of the
# stretches of speech 0.5 % are so steady.
_STEADY_DB = 1.5
# While no noise is known: pure tones stay below this periodicity.
_START_FRAMES = 500 // FRAME_MS
_START_PERIODICITY = 0.25
_START_EVIDENCE_FRAMES = 200 // FRAME_MS
_START_DROP_DB = 12.0
# Weights of the mean over the bands.
_MEAN = np.full(BANDS, 1 / BANDS, dtype=np.float32)
# Frames of the window that ends with each frame of a block.
_WINDOWS = np.arange(BLOCK_FRAMES)[:, None] + np.arange(_SHAPE_FRAMES)


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
        self._change = _ShapeChange()
        self._frames = 0
        self._evidence_at = -_EVIDENCE_FRAMES - 1
        self._start_evidence_at = -_START_EVIDENCE_FRAMES - 1
        self._start_peak_db = -np.inf

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
        level_db = 10 * np.log10(features.power + NOTHING)
        above_db = np.minimum(self._floor.accept(features.power, level_db), _MOST_ABOVE_DB)
        is_active = above_db @ _MEAN > _ACTIVE_DB
        is_broad = is_active & (np.add.reduce(above_db > _STRONG_DB, axis=1) >= _VOICE_BANDS)
        change_db, counts = self._change.accept(level_db, is_active)
        is_voiced = features.lasting_periodicity > _LASTING_PERIODICITY
        is_changing = (change_db > _SHAPE_CHANGE_DB) & (counts >= _LEAST_SHAPE_FRAMES)
        is_evidence = is_broad & (is_voiced | is_changing)
        is_steady = (change_db < _STEADY_DB) & (counts >= _SHAPE_FRAMES)
        speech = []
        for index, is_frame_active in enumerate(is_active.tolist()):
            if is_steady[index]:
                self._evidence_at = -_EVIDENCE_FRAMES - 1
            elif is_evidence[index]:
                self._evidence_at = self._frames
            is_start = self._frames < 2 * _START_FRAMES and self._is_start(features, index)
            is_recent = self._frames - self._evidence_at <= _EVIDENCE_FRAMES
            speech.append(is_start or (is_frame_active and is_recent))
            self._frames += 1
        return speech

    def _is_start(self, features: FrameFeatures, index: int) -> bool:
        """Tell whether a frame is speech by harmonics alone, near the stream's beginning."""
        level_db = 10 * np.log10(features.power[index].sum() + 1e-14)
        self._start_peak_db = max(self._start_peak_db, level_db)
        is_strong = features.periodicity[index] > _START_PERIODICITY
        if self._frames < _START_FRAMES and is_strong:
            self._evidence_at = self._start_evidence_at = self._frames
        is_recent = self._frames - self._start_evidence_at <= _START_EVIDENCE_FRAMES
        return bool(is_recent and level_db > self._start_peak_db - _START_DROP_DB)


class _ShapeChange:
    """How much the spectrum's shape changes over the last frames that stand out."""

    def __init__(self) -> None:
        self._shapes = np.zeros((_SHAPE_FRAMES - 1, BANDS), dtype=np.float32)
        self._weights = np.zeros(_SHAPE_FRAMES - 1, dtype=np.float32)

    def accept(
        self, level_db: npt.NDArray[np.float32], is_counted: npt.NDArray[np.bool_]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Take the next frames.

        Args:
            level_db: Power by band in decibels; shape (n, BANDS), n up to BLOCK_FRAMES.
            is_counted: Which frames stand out; shape (n,).

        Returns:
            For each frame the mean deviation from the mean shape in decibels, and
            of how many frames; both of shape (n,).
        """
        shapes = np.concatenate((self._shapes, level_db - (level_db @ _MEAN)[:, None]))
        weights = np.concatenate((self._weights, is_counted.astype(np.float32)))
        self._shapes, self._weights = shapes[1 - _SHAPE_FRAMES :], weights[1 - _SHAPE_FRAMES :]
        windows = _WINDOWS[: len(level_db)]
        # Shapes (n, frames, BANDS) and (n, 1, frames).
        shape = shapes[windows]
        weight = weights[windows][:, None]
        count = np.add.reduce(weight, axis=2)
        divisor = np.maximum(count, np.float32(1))
        mean = (weight @ shape) / divisor[:, None]
        deviation = (weight @ np.abs(shape - mean))[:, 0] / divisor
        return deviation @ _MEAN, count[:, 0]
