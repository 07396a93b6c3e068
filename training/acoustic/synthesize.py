"""Sentences spoken by the synthesizers of Debian: espeak-ng, flite and festival.

    python synthesize.py voices.toml TEXT_FOLDER OUTPUT_FOLDER --held-out LM_FOLDER

Every voice gets one raw 16 kHz file and an index of tab-separated values: offset and
length in samples, voice, sentence. What a voice says, how fast and how high, depends
on the configuration alone. A voice that is complete is not made again. Voices of the
tests say the sentences that the language models have never seen.
"""

import argparse
import random
import subprocess
import tempfile
import tomllib
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np
import soundfile
import soxr
from text import is_speakable, read_sentences

RATE_HZ = 16_000
_BATCH = 50
_LONGEST_S = 15.0


@dataclass(frozen=True, slots=True)
class Voice:
    """One table of the configuration.

    Attributes:
        synthesizer: "espeak", "flite" or "festival".
        name: As the synthesizer calls it; with espeak, language and variant.
        hours: How much it says.
        is_test: It says the sentences that are held out, and is never trained on.
    """

    language: str
    synthesizer: str
    name: str
    hours: float
    is_test: bool = False

    @property
    def label(self) -> str:
        """Name of its files."""
        return f"{self.language}-{self.synthesizer}-{self.name.replace('+', '-')}"


def read_voices(path: Path) -> list[Voice]:
    """Return the voices of a configuration, one for each name in a table's list."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))["voices"]
    return [
        Voice(
            table["language"],
            table["synthesizer"],
            name,
            table["hours_each"],
            table.get("is_test", False),
        )
        for table in tables
        for name in table["names"]
    ]


@cache
def _sentences(folder: Path, language: str) -> tuple[str, ...]:
    found = read_sentences(folder / f"{language}.txt.xz", language)
    return tuple(sorted({" ".join(words) for words in found}))


@cache
def _held_out(folder: Path, language: str) -> tuple[str, ...]:
    lines = (folder / language / "heldout_sentences.txt").read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if is_speakable(line, language))


def _lines(voice: Voice, text: Path, held_out: Path) -> Iterator[str]:
    """Yield what a voice says: the sentences in an order of its own."""
    of = (_held_out if voice.is_test else _sentences)(
        held_out if voice.is_test else text, voice.language
    )
    yield from random.Random(zlib.crc32(voice.label.encode())).sample(of, len(of))


def _espeak(voice: Voice, lines: Sequence[str], into: Path) -> None:
    for number, line in enumerate(lines):
        chance = random.Random(zlib.crc32(f"{voice.label} {line}".encode()))
        command = ("espeak-ng", "-v", voice.name, "-p", str(chance.randint(20, 80)))
        pace = ("-s", str(chance.randint(115, 210)), "-g", str(chance.choice((0, 0, 0, 2))))
        subprocess.run([*command, *pace, "-w", str(into / f"{number}.wav"), line], check=True)


def _flite(voice: Voice, lines: Sequence[str], into: Path) -> None:
    for number, line in enumerate(lines):
        chance = random.Random(zlib.crc32(f"{voice.label} {line}".encode()))
        stretch = f"duration_stretch={chance.uniform(0.8, 1.25):.2f}"
        command = ("flite", "-voice", voice.name, "--setf", stretch)
        subprocess.run([*command, "-t", line, "-o", str(into / f"{number}.wav")], check=True)


def _festival(voice: Voice, lines: Sequence[str], into: Path) -> None:
    program = [f"(voice_{voice.name})"]
    for number, line in enumerate(lines):
        chance = random.Random(zlib.crc32(f"{voice.label} {line}".encode()))
        program += [
            f"(Parameter.set 'Duration_Stretch {chance.uniform(0.8, 1.25):.2f})",
            f'(utt.save.wave (utt.synth (Utterance Text "{line}")) "{into}/{number}.wav" \'riff)',
        ]
    script = into / "script.scm"
    script.write_text("\n".join(program), encoding="utf-8")
    subprocess.run(["festival", "-b", str(script)], check=True, capture_output=True)


_SYNTHESIZERS: dict[str, Callable[[Voice, Sequence[str], Path], None]] = {
    "espeak": _espeak,
    "flite": _flite,
    "festival": _festival,
}


def speak(voice: Voice, text: Path, held_out: Path, output: Path) -> float:
    """Let a voice say its hours; return them."""
    index_path = output / f"{voice.label}.tsv"
    if index_path.exists():
        return voice.hours
    wanted = round(voice.hours * 3600 * RATE_HZ)
    offset = 0
    lines = _lines(voice, text, held_out)
    rows: list[str] = []
    with (output / f"{voice.label}.pcm").open("wb") as pcm:
        while offset < wanted and (batch := list(islice(lines, _BATCH))):
            with tempfile.TemporaryDirectory() as folder:
                _SYNTHESIZERS[voice.synthesizer](voice, batch, Path(folder))
                for number, line in enumerate(batch):
                    file = Path(folder) / f"{number}.wav"
                    if not file.exists():
                        continue
                    samples, rate_hz = soundfile.read(file, dtype="float32")
                    samples = soxr.resample(samples, rate_hz, RATE_HZ)
                    if not 0.3 < len(samples) / RATE_HZ < _LONGEST_S:
                        continue
                    pcm.write((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
                    rows.append(f"{offset}\t{len(samples)}\t{voice.label}\t{line}\n")
                    offset += len(samples)
    index_path.write_text("".join(rows), encoding="utf-8")
    return offset / RATE_HZ / 3600


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("text", type=Path, help="folder with ru.txt.xz, en.txt.xz, tr.txt.xz")
    parser.add_argument("output", type=Path)
    parser.add_argument("--held-out", type=Path, help="folder of the language models")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    voices = read_voices(arguments.config)
    if arguments.held_out is None:
        voices = [voice for voice in voices if not voice.is_test]
    folders = (arguments.text, arguments.held_out, arguments.output)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        hours = pool.map(lambda voice: speak(voice, *folders), voices)
        for voice, of in zip(voices, hours, strict=True):
            print(f"{voice.label}: {of:.2f} h", flush=True)


if __name__ == "__main__":
    main()
