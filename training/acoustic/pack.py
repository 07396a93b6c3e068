"""Recorded corpora as raw 16 kHz files with an index, like those of `synthesize.py`.

    python pack.py CORPORA_FOLDER OUTPUT_FOLDER

Reads `tts/ru`, `tts/tr`, `l2-english` (Opus shards with an index) and `multilingual`
(a file a clip, a manifest). Sentences of other languages become the sounds that
espeak-ng gives them; clips of languages that it does not know are left out. Relatives of
Turkish and of Russian are also written in their letters (`respell.py`): real people at
real microphones for languages that have none here.
"""

import argparse
import csv
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from respell import RELATIVES, respelled

RATE_HZ = 16_000
Pcm = npt.NDArray[np.int16]

# espeak-ng's names where they differ from Common Voice's; "" where it has none.
_ESPEAK = {
    "zh-CN": "cmn",
    "zh-TW": "cmn",
    "zh-HK": "yue",
    "fr": "fr-fr",
    "ga-IE": "ga",
    "pa-IN": "pa",
    "sv-SE": "sv",
    **dict.fromkeys(("rm-sursilv", "rm-vallader", "cnh", "ab", "br", "dv", "fy-NL"), ""),
    **dict.fromkeys(("hsb", "kab", "lg", "mn", "rw", "sah", "vot"), ""),
}


def decode(path: Path) -> Pcm:
    """Return a file as 16 kHz mono samples."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
    blocks: list[Pcm] = []
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            blocks += [block.to_ndarray()[0] for block in resampler.resample(frame)]
    blocks += [block.to_ndarray()[0] for block in resampler.resample(None)]
    return np.concatenate(blocks)


def shards(folder: Path, index: Path) -> Iterator[tuple[Pcm, str, str]]:
    """Yield samples, speaker and sentence of a corpus of shards."""
    name, samples = "", np.zeros(0, dtype=np.int16)
    with index.open(encoding="utf-8") as file:
        for line in file:
            shard, offset, length, speaker, *_, sentence = line.rstrip("\n").split("\t")
            if shard != name:
                name, samples = shard, decode(folder / shard)
            yield samples[int(offset) : int(offset) + int(length)], speaker, sentence


def sounds(sentence: str, language: str) -> str:
    """Return a sentence in the sounds of espeak-ng, without stress and length."""
    voice = _ESPEAK.get(language, language)
    if not voice:
        return ""
    command = ("espeak-ng", "-v", voice, "-q", "--ipa", "--sep=_", sentence)
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        return ""
    # "(en)" and the like mark words read in another language.
    text = re.sub(r"\([a-z-]+\)", " ", result.stdout)
    parts = re.split(r"[_\s]+", re.sub(r"[ˈˌːˑ͡‍\d]", "", text))
    return " ".join(part for part in parts if part)


def _manifest(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def related(folder: Path, to: str) -> Iterator[tuple[Pcm, str, str]]:
    """Yield samples, speaker and sentence, in the letters of a language, of its relatives."""
    for row in _manifest(folder):
        language = row["language"]
        if language in RELATIVES[to]:
            sentence = respelled(row["sentence"], language)
            yield decode(folder / row["file"]), f"{language}:{row['speaker']}", sentence


def clips(folder: Path) -> Iterator[tuple[Pcm, str, str]]:
    """Yield samples, speaker and sounds of the clips of other languages."""
    rows = _manifest(folder)
    with ThreadPoolExecutor(2) as pool:
        spoken = pool.map(lambda row: sounds(row["sentence"], row["language"]), rows)
        for row, of in zip(rows, spoken, strict=True):
            if of:
                speaker = f"{row['language']}:{row['speaker']}"
                yield decode(folder / row["file"]), speaker, of


def write(name: str, rows: Iterator[tuple[Pcm, str, str]], output: Path) -> None:
    """Write a corpus, unless it is there."""
    index_path = output / f"{name}.tsv"
    if index_path.exists():
        return
    offset = 0
    lines: list[str] = []
    with (output / f"{name}.pcm").open("wb") as pcm:
        for samples, speaker, sentence in rows:
            pcm.write(samples.tobytes())
            lines.append(f"{offset}\t{len(samples)}\t{speaker}\t{sentence}\n")
            offset += len(samples)
    index_path.write_text("".join(lines), encoding="utf-8")
    print(f"{name}: {offset / RATE_HZ / 3600:.2f} h, {len(lines)} clips", flush=True)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpora", type=Path)
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    corpora, output = arguments.corpora, arguments.output
    output.mkdir(parents=True, exist_ok=True)
    for language in ("ru", "tr"):
        folder = corpora / "tts" / language
        write(f"{language}-rhvoice", shards(folder, folder / "index1.tsv"), output)
    folder = corpora / "l2-english"
    write("en-learners", shards(folder, folder / "index.tsv"), output)
    write("tr-turkic", related(corpora / "multilingual", "tr"), output)
    write("ru-slavic", related(corpora / "multilingual", "ru"), output)
    write("mul-commonvoice", clips(corpora / "multilingual"), output)


if __name__ == "__main__":
    main()
