"""The engine keeps the contract of engines, and hears what is pressed."""

import numpy as np
from dtmf_engine import COLUMNS_HZ, KEYS, RATE_HZ, ROWS_HZ

from rechka.audio.samples import Samples
from rechka.testing.engine_contract import EngineContract


def pressed(*keys: str, key_ms: int = 100, gap_ms: int = 60) -> Samples:
    """Return the sound of keys, with silence before, between and behind."""
    gap = np.zeros(RATE_HZ * gap_ms // 1000, dtype=np.float32)
    time_s = np.arange(RATE_HZ * key_ms // 1000) / RATE_HZ
    parts = [gap]
    for key in keys:
        row, column = divmod(KEYS.index(key), 3)
        phases = 2 * np.pi * np.outer((ROWS_HZ[row], COLUMNS_HZ[column]), time_s)
        parts += [(0.3 * np.sin(phases).sum(axis=0)).astype(np.float32), gap]
    return np.concatenate(parts)


class TestDtmfEngine(EngineContract):
    """All tests of the contract, and our own below."""

    engine_name = "dtmf"
    speech = pressed("five", "zero", "five", "five", "star")

    def test_it_hears_every_key(self) -> None:
        """Each is one word, at its time."""
        stream = self.open()
        self._engine.accept([(stream, pressed(*KEYS))])
        (best,) = stream.finish()
        assert best.text.split() == list(KEYS)
        for number, word in enumerate(best.words):
            assert abs(word.start_ms - (60 + 160 * number)) <= 20
            assert word.confidence > 0.8

    def test_noise_is_no_key(self) -> None:
        """However loud."""
        stream = self.open()
        noise = np.random.default_rng(0).normal(0, 0.3, RATE_HZ).astype(np.float32)
        self._engine.accept([(stream, noise)])
        assert stream.finish() == ()
