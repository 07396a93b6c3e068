"""What a second of a model's audio costs the engine, as it is seen to."""

import math

from rechka.recognition.port import ModelInfo

__all__ = ["Costs"]

# Older audio counts less and less: to a third after so many seconds.
_MEMORY_S = 60.0


class Costs:
    """Moving averages of real-time factors, by model."""

    def __init__(self) -> None:
        self._audio_s: dict[ModelInfo, float] = {}
        self._busy_s: dict[ModelInfo, float] = {}

    def learn(self, model: ModelInfo, *, audio_s: float, busy_s: float) -> None:
        """Take note that so much audio kept the engine busy for so long."""
        kept = math.exp(-audio_s / _MEMORY_S)
        self._audio_s[model] = self._audio_s.get(model, 0.0) * kept + audio_s
        self._busy_s[model] = self._busy_s.get(model, 0.0) * kept + busy_s

    def of(self, model: ModelInfo) -> float:
        """Return the real-time factor: engine seconds a second of audio; 0 while unknown."""
        audio_s = self._audio_s.get(model, 0.0)
        return self._busy_s[model] / audio_s if audio_s else 0.0
