"""When an utterance begins and ends: voice activity and the engine's own judgement.

An utterance begins when there was enough voice within a short window. It ends

- after the pause, when the voice detector hears silence and the engine agrees
  (or does not judge, or has heard no word);
- after twice the pause on the word of one of them alone, so that neither a
  noise that sounds like voice nor a faint voice holds it open;
- at the first short gap once it is nearly as long as allowed, or when it is.

The engine is asked at frames that the audio alone determines, and what counts is what
it has heard up to that very frame. So an engine that is behind ends an utterance at
the same sample as one that is not, only later.
"""

import math
from collections import deque
from dataclasses import dataclass
from enum import StrEnum

from rechka.recognition.port import Observation
from rechka.settings import EndpointingPreset, EndpointingSettings

__all__ = ["Boundary", "EndpointParameters", "Endpointer"]

# Voice shorter than this inside a pause does not interrupt it: a click, a breath.
_INTERRUPTION_MS = 60
# Voice may be spread over a window of this many times the least speech.
_ONSET_WINDOW = 3
# In the last part of the longest utterance a gap of this length ends it.
_LAST_PART = 0.2
_SHORT_GAP_MS = 150
# Sound without a word for so long is not speech.
_WORDLESS_MS = 8_000
# While the voice detector hears voice the engine is asked at multiples of this length.
_ASKING_MS = 200


class Boundary(StrEnum):
    """What a frame brought about."""

    BEGIN = "begin"
    END = "end"
    DOUBT = "doubt"
    """The end, if the engine agrees once it has heard all up to here; see `settle`."""


@dataclass(frozen=True, slots=True)
class EndpointParameters:
    """The knobs, in milliseconds; `EndpointingSettings` says what they mean."""

    pause_ms: int
    min_speech_ms: int
    max_utterance_ms: int

    @classmethod
    def from_settings(cls, settings: EndpointingSettings) -> "EndpointParameters":
        """Return the preset's values, each replaced by the setting that is given."""
        preset = _PRESETS[settings.preset]
        return cls(
            pause_ms=settings.pause_ms or preset.pause_ms,
            min_speech_ms=settings.min_speech_ms or preset.min_speech_ms,
            max_utterance_ms=settings.max_utterance_ms or preset.max_utterance_ms,
        )


_PRESETS = {
    EndpointingPreset.ASSISTANT: EndpointParameters(600, 90, 30_000),
    EndpointingPreset.TELEPHONY: EndpointParameters(800, 120, 30_000),
    EndpointingPreset.DICTATION: EndpointParameters(1_500, 90, 40_000),
}


class Endpointer:
    """Follows one session frame by frame.

    Args:
        parameters: The knobs.
        frame_ms: Length of a frame of voice activity.
        has_judge: Whether the engine tells the silence that it hears.
    """

    def __init__(
        self, parameters: EndpointParameters, *, frame_ms: int, has_judge: bool = True
    ) -> None:
        self._parameters = parameters
        self._has_judge = has_judge
        self._frame_ms = frame_ms
        window = max(1, _ONSET_WINDOW * parameters.min_speech_ms // frame_ms)
        self._recent: deque[bool] = deque(maxlen=window)
        self._engine_silence_ms: int | None = None
        self._begin()
        self._in_utterance = False

    @property
    def in_utterance(self) -> bool:
        """Whether an utterance is running."""
        return self._in_utterance

    @property
    def longest_onset_ms(self) -> int:
        """The most that `onset_ms` can be."""
        return (self._recent.maxlen or 0) * self._frame_ms

    @property
    def onset_ms(self) -> int:
        """How far before the end of the latest frame the voice began; for BEGIN."""
        return (len(self._recent) - self._recent.index(True)) * self._frame_ms

    def accept(self, *, is_voice: bool) -> Boundary | None:
        """Take the next frame; return the boundary at its end, if any.

        After DOUBT comes `settle`, before the next frame.
        """
        if not self._in_utterance:
            return self._wait_for_onset(is_voice=is_voice)
        self._length_ms += self._frame_ms
        self._track_silence(is_voice=is_voice)
        if self._is_over():
            self.end()
            return Boundary.END
        return Boundary.DOUBT if self._has_judge and self._is_in_doubt() else None

    @property
    def enough_silence_ms(self) -> int | None:
        """Silence of the engine with which the utterance in doubt ends, as without a word.

        It is what `settle` goes by once the engine has heard all up to here. None while the
        voice detector still hears a voice: then more than that counts.
        """
        pause_ms = self._parameters.pause_ms
        return math.ceil(pause_ms / 2) if self._silence_ms >= pause_ms else None

    def agree(self) -> None:
        """Let the utterance in doubt end, whatever is observed."""
        self._has_agreed = True

    def settle(self) -> Boundary | None:
        """Return whether the utterance ends at the frame in doubt, by what was observed.

        An engine that has not heard all up to there has no say.
        """
        if self._has_agreed or self._is_agreed():
            self.end()
            return Boundary.END
        return None

    def observe(self, observation: Observation, *, decoded_ms: int) -> None:
        """Take what the engine has heard of the running utterance.

        Args:
            observation: The newest.
            decoded_ms: Up to where, counted from the frame that brought BEGIN.
        """
        self._has_text = bool(observation.hypothesis.text)
        self._engine_silence_ms = observation.trailing_silence_ms
        self._engine_at_ms = decoded_ms
        self._word_ms = decoded_ms - (observation.trailing_silence_ms or 0)

    def end(self) -> None:
        """End the running utterance from outside, as a half-close does."""
        self._in_utterance = False
        self._recent.clear()

    def _begin(self) -> None:
        self._in_utterance = True
        self._length_ms = 0
        self._silence_ms = 0
        self._voice_run_ms = 0
        self._has_text = False
        self._engine_silence_ms = None
        self._engine_at_ms = 0
        # Where the engine's last word ended, as far as is known.
        self._word_ms = 0
        self._ask_again_ms = 0.0
        self._has_agreed = False

    def _wait_for_onset(self, *, is_voice: bool) -> Boundary | None:
        self._recent.append(is_voice)
        voiced_ms = sum(self._recent) * self._frame_ms
        if not is_voice or voiced_ms < self._parameters.min_speech_ms:
            return None
        self._begin()
        return Boundary.BEGIN

    def _track_silence(self, *, is_voice: bool) -> None:
        if is_voice:
            self._voice_run_ms += self._frame_ms
            if self._voice_run_ms >= _INTERRUPTION_MS:
                self._silence_ms = 0
            return
        if self._voice_run_ms < _INTERRUPTION_MS:
            self._silence_ms += self._voice_run_ms
        self._voice_run_ms = 0
        self._silence_ms += self._frame_ms

    def _is_over(self) -> bool:
        """Tell whether it ends whatever the engine says."""
        limits = self._parameters
        pause_ms = limits.pause_ms
        is_last_part = self._length_ms >= (1 - _LAST_PART) * limits.max_utterance_ms
        return (
            self._silence_ms >= 2 * pause_ms
            or self._length_ms >= limits.max_utterance_ms
            or (is_last_part and self._silence_ms >= min(_SHORT_GAP_MS, pause_ms))
            or (not self._has_judge and self._silence_ms >= pause_ms)
        )

    def _is_in_doubt(self) -> bool:
        pause_ms = self._parameters.pause_ms
        if self._silence_ms >= pause_ms:
            return self._length_ms >= self._ask_again_ms
        self._ask_again_ms = 0
        if self._length_ms % _ASKING_MS >= self._frame_ms:
            return False
        if not self._has_text and self._length_ms >= _WORDLESS_MS:
            return True
        # Less than twice the pause after a known word there is nothing to ask; a little less,
        # since where it ends is known only to what the engine decodes at once. An engine that
        # knows of none may be about to hear one behind what it has heard.
        known_ms = self._word_ms if self._has_text else self._engine_at_ms
        return self._length_ms - known_ms >= 1.5 * pause_ms

    def _is_agreed(self) -> bool:
        pause_ms = self._parameters.pause_ms
        silence_ms = self._engine_silence_ms
        if silence_ms is None or self._length_ms - self._engine_at_ms >= self._frame_ms:
            return self._silence_ms >= pause_ms
        if not self._has_text:
            return self._silence_ms >= pause_ms or self._length_ms >= _WORDLESS_MS
        if silence_ms >= 2 * pause_ms:
            return True
        if self._silence_ms < pause_ms:
            return False
        # The engine cannot agree before.
        self._ask_again_ms = self._word_ms + pause_ms / 2
        return self._length_ms >= self._ask_again_ms
