"""What a second of a model's audio costs the engine, as it is seen to."""

import math

from rechka.recognition.port import ModelInfo

__all__ = ["Costs"]

# Older audio counts less and less: to a third after so many seconds.
_MEMORY_S = 60.0


class Costs:
    """Moving averages of real-time factors, by model.

    Threading: one thread learns while others ask.
    """

    def __init__(self) -> None:
        # Seconds of audio and of work, replaced together so that no reader sees one alone.
        self._seen: dict[ModelInfo, tuple[float, float]] = {}

    def learn(self, model: ModelInfo, *, audio_s: float, busy_s: float) -> None:
        """Take note that so much audio kept the engine busy for so long."""
        kept = math.exp(-audio_s / _MEMORY_S)
        audio_before_s, busy_before_s = self._seen.get(model, (0.0, 0.0))
        self._seen[model] = (audio_before_s * kept + audio_s, busy_before_s * kept + busy_s)

    def of(self, model: ModelInfo) -> float:
        """Return the real-time factor: engine seconds a second of audio; 0 while unknown."""
        audio_s, busy_s = self._seen.get(model, (0.0, 0.0))
        return busy_s / audio_s if audio_s else 0.0
