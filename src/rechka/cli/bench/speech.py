"""Speech whose end is known to the sample, joined into what one person says."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from rechka.audio.samples import Samples, to_pcm16
from rechka.errors import ErrorCode, RequestError

__all__ = ["Clip", "Part", "Talk", "make_talk", "read_clips"]

_SUFFIXES = {".wav", ".flac", ".ogg", ".opus"}
# Speech ends where the last 10 ms are that are louder than this share of the loudest ones.
_QUIET = 10 ** (-35 / 20)
_FRAME_S = 0.01


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording without the silence at its ends; its last sample is speech."""

    name: str
    samples: Samples


@dataclass(frozen=True, slots=True)
class Part:
    """Where a clip lies in a talk, in seconds."""

    clip: Clip
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Talk:
    """What one session sends: 16-bit mono PCM, and what is said when."""

    pcm: bytes
    parts: tuple[Part, ...]


def read_clips(folder: Path, *, rate_hz: int, longest_s: float) -> list[Clip]:
    """Read the recordings of a folder, with those of its subfolders.

    Args:
        folder: Holds WAV, FLAC or Ogg files.
        rate_hz: Rate of the samples that are returned.
        longest_s: Longer ones are passed over.

    Raises:
        RequestError: There is none that can be read.
    """
    import soundfile  # noqa: PLC0415 - Of an extra; the help of the command needs none of it.

    clips = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in _SUFFIXES:
            continue
        samples, own_hz = soundfile.read(str(path), dtype="float32", always_2d=True)
        speech = _trimmed(soxr.resample(samples.mean(axis=1), own_hz, rate_hz), rate_hz)
        if 0.3 * rate_hz < len(speech) <= longest_s * rate_hz:
            clips.append(Clip(str(path.relative_to(folder)), speech))
    if not clips:
        raise RequestError(
            ErrorCode.INVALID_CONFIG,
            f"--audio: got {str(folder)!r}, which holds no recording of 0.3 to {longest_s:g} s; "
            f"accepted: a folder with files of {', '.join(sorted(_SUFFIXES))}",
        )
    return clips


def make_talk(
    clips: Sequence[Clip], *, rate_hz: int, lasting_s: float, gap_s: float, seed: int
) -> Talk:
    """Return clips in a random order with gaps of silence, of about the length that is asked for.

    Args:
        clips: To choose from.
        rate_hz: Of their samples.
        lasting_s: Least length; there is one clip at least, and the last one is whole.
        gap_s: Silence before and after each clip.
        seed: The same seed makes the same talk.
    """
    chance = np.random.default_rng(seed)
    gap = np.zeros(int(gap_s * rate_hz), dtype=np.float32)
    blocks = [gap]
    parts: list[Part] = []
    position = len(gap)
    while not parts or position < lasting_s * rate_hz:
        clip = clips[int(chance.integers(len(clips)))]
        end = position + len(clip.samples)
        parts.append(Part(clip, position / rate_hz, end / rate_hz))
        blocks += [clip.samples, gap]
        position = end + len(gap)
    return Talk(to_pcm16(np.concatenate(blocks)), tuple(parts))


def _trimmed(samples: Samples, rate_hz: int) -> Samples:
    frame = int(_FRAME_S * rate_hz)
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
    if not len(frames):
        return samples[:0]
    loudness = np.sqrt((frames**2).mean(axis=1))
    loud = np.flatnonzero(loudness > _QUIET * loudness.max())
    if not len(loud):
        return samples[:0]
    return np.ascontiguousarray(samples[loud[0] * frame : (loud[-1] + 1) * frame])
