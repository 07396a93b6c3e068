"""Log-mel features: equal to kaldi-native-fbank's, whatever the cut."""

from pathlib import Path

import kaldi_native_fbank
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rechka.audio.samples import Samples, from_pcm16
from rechka.recognition.engines.ctc.features import LogMel
from rechka.recognition.engines.ctc.nemo import _Front

SPEECH = Path(__file__).parents[4] / "examples" / "audio" / "speech-16k.wav"


def speech() -> Samples:
    return from_pcm16(SPEECH.read_bytes()[44:])


def reference(samples: Samples) -> np.ndarray:
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.samp_freq = 16_000
    options.frame_opts.dither = 0.0
    options.frame_opts.remove_dc_offset = False
    options.frame_opts.window_type = "hann"
    options.frame_opts.snip_edges = False
    options.mel_opts.num_bins = 80
    options.mel_opts.low_freq = 0.0
    options.mel_opts.high_freq = 8_000.0
    options.mel_opts.is_librosa = True
    bank = kaldi_native_fbank.OnlineFbank(options)
    bank.accept_waveform(16_000, samples.tolist())
    return np.stack([bank.get_frame(index) for index in range(bank.num_frames_ready)])


def test_features_are_those_of_kaldi_native_fbank() -> None:
    samples = speech()
    mel = LogMel()
    mel.accept(samples)
    ours = mel.take(mel.available)
    theirs = reference(samples)
    assert len(theirs) == len(ours) > 500
    assert np.abs(ours - theirs).max() < 1e-2
    assert np.abs(ours - theirs).mean() < 1e-4


@settings(max_examples=30)
@given(cuts=st.lists(st.integers(0, 9_600), max_size=12))
def test_no_cut_changes_a_bit(cuts: list[int]) -> None:
    samples = speech()[8_000:17_600]
    whole, cut = LogMel(), LogMel()
    whole.accept(samples)
    for part in np.split(samples, sorted(cuts)):
        cut.accept(part)
    assert cut.available == whole.available
    for _ in range(whole.available // 16):
        assert np.array_equal(cut.take(16), whole.take(16))


def test_windows_that_are_longer_than_their_shift_overlap() -> None:
    front = _Front(window=24, shift=16)
    for part in np.array_split(speech()[:16_000], 7):
        front.accept(part)
    windows = []
    while (window := front.next_chunk()) is not None:
        windows.append(window)
    frames = features_of(speech()[:16_000]).take(24 + 4 * 16)
    assert len(windows) == 5
    for number, window in enumerate(windows):
        # Frames of blocks of different sizes differ by rounding.
        assert np.allclose(window, frames[16 * number : 16 * number + 24], atol=1e-4)


def test_silence_is_the_floor_and_not_minus_infinity() -> None:
    mel = LogMel()
    mel.accept(np.zeros(4_000, dtype=np.float32))
    features = mel.take(mel.available)
    assert np.allclose(features, np.log(np.finfo(np.float32).eps))


def test_frames_that_are_not_there_cannot_be_taken() -> None:
    mel = LogMel()
    assert mel.available == 0
    mel.accept(np.zeros(280, dtype=np.float32))
    assert mel.available == 1
    with pytest.raises(ValueError, match="got 2 frames to take; accepted: at most 1"):
        mel.take(2)


def test_a_copy_goes_on_by_itself() -> None:
    mel = LogMel()
    mel.accept(speech()[:4_000])
    other = mel.copy()
    other.accept(speech()[4_000:8_000])
    other.take(5)
    assert mel.available == 24
    assert np.array_equal(mel.take(5), features_of(speech()[:4_000]).take(5))


def features_of(samples: Samples) -> LogMel:
    mel = LogMel()
    mel.accept(samples)
    return mel
