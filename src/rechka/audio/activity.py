"""Voice activity: which frames hold speech."""

import numpy as np
import webrtcvad

from rechka.audio.samples import Samples, to_pcm16

__all__ = ["VoiceActivity"]

_FRAME_MS = 30
# 0 lets most through, 3 least; 2 keeps faint speech and drops most noise.
_AGGRESSIVENESS = 2
# Below this peak a frame is the noise of a converter, not speech: -46 dBFS.
_LEAST_PEAK = 0.005


class VoiceActivity:
    """Judges one stream frame by frame.

    Args:
        rate_hz: 8000, 16000, 32000 or 48000.

    Threading: used by one thread at a time.
    """

    def __init__(self, rate_hz: int) -> None:
        self.frame_samples = rate_hz * _FRAME_MS // 1000
        self._rate_hz = rate_hz
        self._detector = webrtcvad.Vad(_AGGRESSIVENESS)
        self._rest: Samples = np.zeros(0, dtype=np.float32)

    def accept(self, samples: Samples) -> list[bool]:
        """Take the next samples; return a judgement for each frame that is complete now."""
        samples = np.concatenate((self._rest, samples))
        whole = len(samples) // self.frame_samples * self.frame_samples
        self._rest = samples[whole:]
        return [self._is_speech(frame) for frame in samples[:whole].reshape(-1, self.frame_samples)]

    def _is_speech(self, frame: Samples) -> bool:
        if float(np.abs(frame).max()) < _LEAST_PEAK:
            return False
        return bool(self._detector.is_speech(to_pcm16(frame), self._rate_hz))
