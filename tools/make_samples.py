"""Make the bundled speech samples: apt-get install flite festival festvox-ru espeak-ng.

    python tools/make_samples.py

A recording of three utterances a language, as Ogg Opus; the English one also in the
other formats of the API, 8 kHz raw PCM and 16 kHz WAV.
"""

import subprocess
import tempfile
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import soxr

from rechka.audio.samples import Samples, from_pcm16, to_pcm16

FOLDER = Path(__file__).resolve().parent.parent / "examples" / "audio"
RATE_HZ = 16_000
GAP_S = 1.0
FESTIVAL = ("text2wave", "-eval", "(voice_msu_ru_nsh_clunits)", "-o")


@dataclass(frozen=True, slots=True)
class Sample:
    """One recording.

    Attributes:
        name: Of its files.
        command: A synthesizer; the output file follows, the text is its input.
        utterances: What is said, with gaps between.
    """

    name: str
    command: tuple[str, ...]
    utterances: tuple[str, ...]


ENGLISH = Sample(
    "speech",
    ("flite", "-voice", "rms", "-f", "/dev/stdin", "-o"),
    ("Hello world.", "Good morning everybody.", "My name is John."),
)
RUSSIAN = Sample(
    "speech-ru", FESTIVAL, ("Добрый день.", "Меня зовут Мария.", "Как пройти в музей?")
)
TURKISH = Sample(
    "speech-tr",
    ("espeak-ng", "-v", "tr", "-s", "140", "--stdin", "-w"),
    ("Günaydın.", "Benim adım Ali.", "Bugün hava çok güzel."),
)


def synthesize(command: Sequence[str], text: str) -> Samples:
    """Return the text spoken at `RATE_HZ`."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        subprocess.run([*command, file.name], input=text.encode(), check=True)
        with wave.open(file.name) as speech:
            samples = from_pcm16(speech.readframes(speech.getnframes()))
            resampled: Samples = soxr.resample(samples, speech.getframerate(), RATE_HZ)
            return resampled


def record(sample: Sample) -> Samples:
    """Return the utterances with gaps between."""
    gap = np.zeros(round(GAP_S * RATE_HZ), dtype=np.float32)
    parts = [gap[: len(gap) // 2]]
    for text in sample.utterances:
        parts += [synthesize(sample.command, text), gap]
    return np.concatenate(parts)


def write_opus(path: Path, samples: Samples) -> None:
    """Write Ogg Opus at 24 kbit/s."""
    pcm = np.frombuffer(to_pcm16(samples), dtype=np.int16).reshape(1, -1)
    # Short pages, as a live client sends them; the muxer's own default is a second.
    with av.open(str(path), "w", format="ogg", options={"page_duration": "100000"}) as container:
        stream = container.add_stream("libopus", rate=RATE_HZ, layout="mono")
        stream.bit_rate = 24_000
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
        frame.sample_rate = RATE_HZ
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for sample in (ENGLISH, RUSSIAN, TURKISH):
        samples = record(sample)
        write_opus(FOLDER / f"{sample.name}.ogg", samples)
        if sample is ENGLISH:
            (FOLDER / "speech-8k.pcm").write_bytes(to_pcm16(soxr.resample(samples, RATE_HZ, 8_000)))
            with wave.open(str(FOLDER / "speech-16k.wav"), "wb") as file:
                file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
                file.writeframes(to_pcm16(samples))


if __name__ == "__main__":
    main()
