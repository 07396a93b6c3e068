"""Cuts a session's samples into utterances, exact to the sample, without any I/O."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rechka.audio.activity import VoiceActivity
from rechka.audio.samples import Samples
from rechka.recognition.port import Heard
from rechka.session.endpoint import Boundary, Endpointer, EndpointParameters

__all__ = ["Segment", "Segmenter", "UtteranceDoubt", "UtteranceEnd", "UtteranceStart"]

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


@dataclass(frozen=True, slots=True)
class UtteranceDoubt:
    """The utterance may end here; that is known once the engine has heard all up to here.

    Whoever takes this observes that first, if the engine is not too late, and then goes on.

    Attributes:
        at_silence_ms: It ends with so much silence behind the engine's last word, or without
            any word; None: that is not all that counts.
    """

    at_silence_ms: int | None


Segment = UtteranceStart | UtteranceEnd | UtteranceDoubt | Samples


class Segmenter:
    """Turns samples into utterances; audio between them is dropped.

    Args:
        parameters: The knobs of the end of an utterance.
        rate_hz: Rate of the samples.
        has_judge: Whether the engine tells the silence that it hears.
    """

    def __init__(
        self, parameters: EndpointParameters, *, rate_hz: int, has_judge: bool = True
    ) -> None:
        self._activity = VoiceActivity(rate_hz)
        self._frame = self._activity.frame_samples
        self._rate_hz = rate_hz
        self._endpointer = Endpointer(
            parameters, frame_ms=self._frame * 1000 // rate_hz, has_judge=has_judge
        )
        self._lead_samples = _LEAD_MS * rate_hz // 1000
        # Everything from here on that was not yet handed out or dropped.
        self._kept: Samples = np.zeros(0, dtype=np.float32)
        self._kept_from = 0
        self._judged_to = 0
        self._begun_after_ms = 0

    def accept(self, samples: Samples) -> Iterator[Segment]:
        """Take the next samples; yield what they bring about, in order.

        Each is made when it is asked for, so what is observed meanwhile counts.
        """
        self._kept = np.concatenate((self._kept, samples))
        for is_voice in self._activity.accept(samples):
            self._judged_to += self._frame
            boundary = self._endpointer.accept(is_voice=bool(is_voice))
            if boundary is Boundary.DOUBT:
                yield from self._hand_out(self._judged_to)
                yield UtteranceDoubt(self._endpointer.enough_silence_ms)
                boundary = self._endpointer.settle()
            if boundary is Boundary.BEGIN:
                onset = self._endpointer.onset_ms * self._rate_hz // 1000
                self._drop_to(self._judged_to - onset - self._lead_samples)
                self._begun_after_ms = (self._judged_to - self._kept_from) * 1000 // self._rate_hz
                yield UtteranceStart(self._kept_from)
            elif boundary is Boundary.END:
                yield from self._hand_out(self._judged_to)
                yield UtteranceEnd(self._judged_to)
        if self._endpointer.in_utterance:
            yield from self._hand_out(self._kept_from + len(self._kept))
        else:
            longest = self._lead_samples + self._endpointer.longest_onset_ms * self._rate_hz // 1000
            self._drop_to(self._judged_to - longest)

    def observe(self, heard: Heard) -> None:
        """Take what the engine has heard of the running utterance."""
        self._endpointer.observe(
            heard.observation, decoded_ms=heard.decoded_ms - self._begun_after_ms
        )

    def settle(self) -> None:
        """Learn that the utterance in doubt is over: the engine has finished it, or may yet."""
        self._endpointer.agree()

    def flush(self) -> Iterator[Segment]:
        """End the running utterance, as at the end of the audio."""
        if not self._endpointer.in_utterance:
            return
        end = self._kept_from + len(self._kept)
        yield from self._hand_out(end)
        self._endpointer.end()
        yield UtteranceEnd(end)

    def _hand_out(self, to: int) -> Iterator[Samples]:
        count = to - self._kept_from
        if count > 0:
            samples = self._kept[:count]
            self._drop_to(to)
            yield samples

    def _drop_to(self, position: int) -> None:
        count = position - self._kept_from
        if count > 0:
            self._kept = self._kept[count:]
            self._kept_from += count
