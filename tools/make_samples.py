"""Make the bundled speech samples with the flite synthesizer (apt-get install flite).

    python tools/make_samples.py

One recording of three utterances, in the formats of the API: 8 kHz raw PCM,
16 kHz WAV and Ogg Opus.
"""

import subprocess
import tempfile
import wave
from pathlib import Path

import av
import numpy as np
import soxr

from rechka.audio.samples import Samples, from_pcm16, to_pcm16

FOLDER = Path(__file__).resolve().parent.parent / "examples" / "audio"
VOICE = "rms"
UTTERANCES = ("Hello world.", "Good morning everybody.", "My name is John.")
RATE_HZ = 16_000
GAP_S = 1.0


def synthesize(text: str) -> Samples:
    """Return the text spoken at `RATE_HZ`."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        subprocess.run(["flite", "-voice", VOICE, "-t", text, "-o", file.name], check=True)
        with wave.open(file.name) as speech:
            samples = from_pcm16(speech.readframes(speech.getnframes()))
            resampled: Samples = soxr.resample(samples, speech.getframerate(), RATE_HZ)
            return resampled


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
    """Write the three files."""
    gap = np.zeros(round(GAP_S * RATE_HZ), dtype=np.float32)
    parts = [gap[: len(gap) // 2]]
    for text in UTTERANCES:
        parts += [synthesize(text), gap]
    samples = np.concatenate(parts)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "speech-8k.pcm").write_bytes(to_pcm16(soxr.resample(samples, RATE_HZ, 8_000)))
    with wave.open(str(FOLDER / "speech-16k.wav"), "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(to_pcm16(samples))
    write_opus(FOLDER / "speech.ogg", samples)


if __name__ == "__main__":
    main()
