"""Cuts a session's samples into utterances, exact to the sample, without any I/O."""

from dataclasses import dataclass

import numpy as np

from rechka.audio.activity import VoiceActivity
from rechka.audio.samples import Samples
from rechka.recognition.port import Heard
from rechka.session.endpoint import Boundary, Endpointer, EndpointParameters

__all__ = ["Segment", "Segmenter", "UtteranceEnd", "UtteranceStart"]

# Audio before the onset that the engine gets too: soft consonants come before voice.
_LEAD_MS = 300


@dataclass(frozen=True, slots=True)
class UtteranceStart:
    """An utterance begins; its first sample is the session's `position_samples`-th."""

    position_samples: int


@dataclass(frozen=True, slots=True)
class UtteranceEnd:
    """The running utterance ends at this position."""

    position_samples: int


Segment = UtteranceStart | UtteranceEnd | Samples


class Segmenter:
    """Turns samples into utterances; audio between them is dropped.

    Args:
        parameters: The knobs of the end of an utterance.
        rate_hz: Rate of the samples.
    """

    def __init__(self, parameters: EndpointParameters, *, rate_hz: int) -> None:
        self._activity = VoiceActivity(rate_hz)
        self._frame = self._activity.frame_samples
        self._rate_hz = rate_hz
        self._endpointer = Endpointer(parameters, frame_ms=self._frame * 1000 // rate_hz)
        self._lead_samples = _LEAD_MS * rate_hz // 1000
        # Everything from here on that was not yet handed out or dropped.
        self._kept: Samples = np.zeros(0, dtype=np.float32)
        self._kept_from = 0
        self._judged_to = 0
        self._begun_after_ms = 0

    def accept(self, samples: Samples) -> list[Segment]:
        """Take the next samples; return what they bring about, in order."""
        self._kept = np.concatenate((self._kept, samples))
        segments: list[Segment] = []
        for is_voice in self._activity.accept(samples):
            self._judged_to += self._frame
            boundary = self._endpointer.accept(is_voice=bool(is_voice))
            if boundary is Boundary.BEGIN:
                onset = self._endpointer.onset_ms * self._rate_hz // 1000
                self._drop_to(self._judged_to - onset - self._lead_samples)
                segments.append(UtteranceStart(self._kept_from))
                self._begun_after_ms = (self._judged_to - self._kept_from) * 1000 // self._rate_hz
            elif boundary is Boundary.END:
                self._hand_out(segments, self._judged_to)
                segments.append(UtteranceEnd(self._judged_to))
        if self._endpointer.in_utterance:
            self._hand_out(segments, self._kept_from + len(self._kept))
        else:
            longest = self._lead_samples + self._endpointer.longest_onset_ms * self._rate_hz // 1000
            self._drop_to(self._judged_to - longest)
        return segments

    def observe(self, heard: Heard) -> None:
        """Take what the engine has heard of the running utterance."""
        self._endpointer.observe(
            heard.observation, decoded_ms=heard.decoded_ms - self._begun_after_ms
        )

    def flush(self) -> list[Segment]:
        """End the running utterance, as at the end of the audio."""
        if not self._endpointer.in_utterance:
            return []
        segments: list[Segment] = []
        end = self._kept_from + len(self._kept)
        self._hand_out(segments, end)
        self._endpointer.end()
        return [*segments, UtteranceEnd(end)]

    def _hand_out(self, segments: list[Segment], to: int) -> None:
        count = to - self._kept_from
        if count > 0:
            segments.append(self._kept[:count])
            self._drop_to(to)

    def _drop_to(self, position: int) -> None:
        count = position - self._kept_from
        if count > 0:
            self._kept = self._kept[count:]
            self._kept_from += count
