"""Cepstra: equal to pocketsphinx's own, whatever the cut; and their running mean."""

from pathlib import Path

import numpy as np
import pocketsphinx
import pytest

from rechka.audio.samples import Samples, from_pcm16, to_pcm16
from rechka.recognition.engines.pocketsphinx import cepstra as module
from rechka.recognition.engines.pocketsphinx.cepstra import CEPSTRA, Cepstra, RunningMean

SPEECH = Path(__file__).parents[4] / "examples" / "audio" / "speech-16k.wav"


def speech() -> Samples:
    return from_pcm16(SPEECH.read_bytes()[44:])


def heard(pieces: int, samples: Samples) -> np.ndarray:
    cepstra, mean = Cepstra(), RunningMean()
    parts = [mean.remove(cepstra.accept(piece)) for piece in np.array_split(samples, pieces)]
    return np.concatenate([*parts, mean.rest()])


def test_cepstra_are_those_of_pocketsphinx(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # pocketsphinx fills no empty bands.
    monkeypatch.setattr(module, "_FILL", 0.0)
    monkeypatch.setattr(module, "_LEAST_FILL", 0.0)
    samples = speech()[16_000:48_000]
    decoder = pocketsphinx.Decoder(loglevel="FATAL", lm=None, mfclogdir=str(tmp_path))
    decoder.set_align_text("good morning everybody")
    decoder.start_utt()
    decoder.process_raw(to_pcm16(samples))
    decoder.end_utt()
    (log,) = tmp_path.iterdir()
    expected = np.frombuffer(log.read_bytes()[4:], dtype=">f4").reshape(-1, CEPSTRA)
    got = Cepstra().accept(samples)
    # pocketsphinx adds a last frame that is partly silence.
    assert len(got) == len(expected) - 1
    np.testing.assert_allclose(got, expected[:-1], atol=1e-3)


@pytest.mark.parametrize("pieces", [2, 61, 997])
def test_the_cut_of_the_samples_changes_no_bit(pieces: int) -> None:
    assert (heard(pieces, speech()) == heard(1, speech())).all()


def test_no_frame_is_lost_however_short_the_utterance() -> None:
    for samples, frames in ((0, 0), (409, 0), (410, 1), (29 * 160 + 409, 29), (40 * 160, 38)):
        assert heard(3, speech()[:samples]).shape == (frames, CEPSTRA)


def test_silence_to_the_last_bit_has_finite_cepstra() -> None:
    assert np.isfinite(heard(1, np.zeros(16_000, dtype=np.float32))).all()


def test_what_is_added_to_every_frame_is_taken_out_as_more_is_heard() -> None:
    frames = np.random.default_rng(0).normal(size=(400, CEPSTRA))
    offset = np.linspace(-30, 30, CEPSTRA)
    plain, moved = RunningMean(), RunningMean()
    left = moved.remove(frames + offset) - plain.remove(frames)
    assert (np.abs(left[0]) <= np.abs(offset) * 0.41).all()
    assert (np.abs(left[-1]) <= np.abs(offset) * 0.05).all()


def test_a_mean_begins_anew_with_each_utterance() -> None:
    frames = np.random.default_rng(0).normal(size=(100, CEPSTRA))
    mean = RunningMean()
    first = mean.remove(frames)
    mean.begin()
    assert (mean.remove(frames) == first).all()
